// Durable work on a store, for the workloads in `durable/`: steps, children, and runs that wait.
import { costs, outcomeOf, profile, start } from "./measure.mjs";

/**
 * Steps a second: runs of ten steps, a hundred of them at once, asked for and executed in one process.
 * @param {string} program of `processes/`
 * @param {string} store
 * @param {boolean} quick
 */
export async function stepsOf(program, store, quick) {
  const runs = quick ? 200 : 2_000;
  const { milliseconds, cpu } = await outcomeOf(start(program, ["steps", store, runs], profile()));
  const steps = runs * 10;
  return { value: steps / (milliseconds / 1000), also: costs(cpu, undefined, steps) };
}

/**
 * Children a second: one run with so many, until it has been given what all returned.
 * @param {string} program of `processes/`
 * @param {string} store
 * @param {boolean} quick
 */
export async function fanOf(program, store, quick) {
  const children = quick ? 500 : 5_000;
  const { milliseconds, cpu } = await outcomeOf(start(program, ["fan", store, children], profile()));
  return {
    value: children / (milliseconds / 1000),
    also: { ...costs(cpu, undefined, children), time: { value: milliseconds, unit: "ms" } },
  };
}

/**
 * What a run that sleeps costs: bytes of the store, and beside it of the memory of the process that put it to sleep.
 * @param {string} store
 * @param {number} runs
 * @param {() => number | Promise<number>} size of the store, in bytes
 */
export async function waitingOf(store, runs, size) {
  const { memory, milliseconds } = await outcomeOf(start("durable", ["wait", store, runs], ["--expose-gc"]));
  return {
    value: (await size()) / runs,
    also: {
      memory: { value: memory / runs, unit: "bytes/run" },
      rate: { value: runs / (milliseconds / 1000), unit: "runs/s" },
    },
  };
}
