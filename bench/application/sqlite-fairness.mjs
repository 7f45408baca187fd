// How long a tenant with little to do waits beside one with 100,000 runs. On SQLite.
import { join } from "node:path";
import { fairness } from "../fairness.mjs";

export { note, unit } from "../fairness.mjs";
export const name = "fairness.sqlite";
export const rounds = 1;

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick, folder }) => fairness(`sqlite:${join(folder, "bench.db")}`, quick);
