// How long it takes until a command of the command line has answered, on stores that are there; until an application has
// its first run on record; and what of that is Node itself.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "../duckdive.mjs";
import { outcomeOf, percentile, start } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "startup";
export const unit = "ms";
export const note =
  "`duckdive --version` from start to exit, median of five; .runs: `duckdive runs`; .open: in an application, from its first line to its first " +
  "run on record, of which .open.load is loading duckdive; .node: `node -e 0`, which is in all of them but .open";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** @param {import("../run.mjs").Options} options */
export function run({ quick, folder }) {
  const times = quick ? 1 : 5;
  const sqlite = `sqlite:${join(folder, "bench.db")}`;
  return withDatabase(async (postgres) => {
    for (const store of [sqlite, postgres]) {
      const duckdive = open(store);
      await duckdive.ready();
      await duckdive.close();
    }
    const value = await medianOf(times, () => timeOf([main, "--version"]));
    return {
      value,
      also: {
        node: { value: await medianOf(times, () => timeOf(["-e", "0"])), unit },
        "runs.sqlite": {
          value: await medianOf(times, () => timeOf([main, "runs", "--store", sqlite])),
          unit,
        },
        "runs.postgres": {
          value: await medianOf(times, () => timeOf([main, "runs", "--store", postgres])),
          unit,
        },
        ...(await opened("sqlite", sqlite, times)),
        ...(await opened("postgres", postgres, times)),
      },
    };
  });
}

/**
 * @param {string} what
 * @param {string} store
 * @param {number} times
 */
async function opened(what, store, times) {
  /** @type {number[]} */
  const loads = [];
  const value = await medianOf(times, async () => {
    const { milliseconds, loaded } = await outcomeOf(start("opened", [store]));
    loads.push(loaded);
    return Number(milliseconds);
  });
  return {
    [`open.${what}`]: { value, unit },
    [`open.${what}.load`]: { value: percentile(loads, 0.5), unit },
  };
}

/**
 * @param {number} times
 * @param {() => Promise<number>} act
 */
async function medianOf(times, act) {
  const found = [];
  for (let count = 0; count < times; count += 1) found.push(await act());
  return percentile(found, 0.5);
}

/** @param {string[]} parameters */
async function timeOf(parameters) {
  const before = performance.now();
  const [code] = await once(spawn(process.execPath, parameters, { stdio: "ignore" }), "exit");
  if (code !== 0) throw new Error(`${parameters.join(" ")} ended with ${code}.`);
  return performance.now() - before;
}
