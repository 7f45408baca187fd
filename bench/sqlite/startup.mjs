// How long it takes until a command of the command line has answered, on an empty store that is there.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "../duckdive.mjs";

export const name = "startup.cli";
export const unit = "ms";
export const note =
  "`duckdive stats` from start to exit; .version without a store; .open is open() and ready() alone";

/** @param {import("../run.mjs").Options} options */
export async function run({ folder }) {
  const store = `sqlite:${join(folder, "bench.db")}`;
  const before = performance.now();
  const duckdive = open(store);
  await duckdive.ready();
  const opened = performance.now() - before;
  await duckdive.close();
  const value = await timeOf(["stats", "--store", store]);
  const version = await timeOf(["--version"]);
  return { value, also: { version: { value: version, unit }, open: { value: opened, unit } } };
}

/** @param {string[]} parameters */
async function timeOf(parameters) {
  const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const before = performance.now();
  const [code] = await once(spawn(process.execPath, [main, ...parameters], { stdio: "ignore" }), "exit");
  if (code !== 0) throw new Error(`duckdive ${parameters[0]} ended with ${code}.`);
  return performance.now() - before;
}
