// How many no-op runs a second one, two and four worker processes complete that share a SQLite file.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { drainTogether } from "../together.mjs";

export { note, unit } from "../together.mjs";
export const name = "processes.sqlite";

/** @param {import("../run.mjs").Options} options */
export const run = ({ quick, folder }) =>
  drainTogether((use) => use(`sqlite:${join(mkdtempSync(join(folder, "one-")), "bench.db")}`), quick);
