// How long a worker takes to be as it was after twice its capacity was asked for. On SQLite.
import { join } from "node:path";
import { overload } from "../overload.mjs";

export { note, unit } from "../overload.mjs";
export const name = "overload.sqlite";
export const rounds = 1;

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick, folder }) => overload(`sqlite:${join(folder, "bench.db")}`, quick);
