// How long it takes until the first of 100 runs of a killed worker begins again, where no runner tells of its death. On SQLite.
import { join } from "node:path";
import { rescue } from "../supervised.mjs";

export const name = "rescue.sqlite.unsupervised";
export const unit = "ms";
export const note = "the same with two processes that know of each other by the store alone";

/** @param {import("../run.mjs").Options} options */
export const run = ({ folder }) => rescue(`sqlite:${join(folder, "bench.db")}`, false);
