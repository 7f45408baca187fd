// How much memory a thousand runs take that run at the same time. On SQLite.
import { join } from "node:path";
import { memory } from "../memory.mjs";

export { note, unit } from "../memory.mjs";
export const name = "memory.sqlite";
export const rounds = 1;

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick, folder }) => memory(`sqlite:${join(folder, "bench.db")}`, quick);
