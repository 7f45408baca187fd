// What a suspended handler has started holds it in memory: the worker says so, and says nothing of what can be let go.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { job } from "../../src/job/index.js";
import { engine } from "../engine.js";

setFlagsFromString("--expose_gc");
const collect: () => void = runInNewContext("gc");

const runs = 20;

/** A worker in which all runs of a job sleep. What it holds after a while. */
async function holding(start: (then: () => void) => void) {
  const sleeper = job({
    name: "sleeper",
    async handle(_input: undefined, ctx) {
      start(() => ctx.progress(1));
      await ctx.sleep("an hour", "1h");
    },
  });
  const { duckdive, work, clock } = engine([sleeper]);
  const worker = work();
  await worker.ready;
  await duckdive.enqueueMany(Array.from({ length: runs }, () => sleeper.with()));
  await worker.idle();
  expect(await duckdive.count({ state: "waiting" })).toBe(runs);
  await clock.advance(180_000);
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(10_000);
  const { retained } = worker.status();
  const [row] = await duckdive.workers();
  await worker.stop();
  return { retained, reported: row?.report?.retained };
}

test("a handler that left a timer behind is held, once for each run, and its worker reports that", async () => {
  const timers: NodeJS.Timeout[] = [];
  const held = await holding((then) => timers.push(setInterval(then, 1_000_000)));
  for (const timer of timers) clearInterval(timer);
  expect(held).toEqual({ retained: { sleeper: runs }, reported: { sleeper: runs } });
});

test("a handler that left nothing behind is let go of", async () => {
  expect(await holding(() => {})).toEqual({ retained: undefined, reported: undefined });
});
