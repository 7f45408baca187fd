import { expect, test } from "vitest";
import { manualClock } from "../kernel/index.js";
import { createShutdown } from "./shutdown.js";

test("the nearest wish is the deadline, whatever was wished before or after, and later ones are deadlines anew", async () => {
  const clock = manualClock(0);
  const told: [at: number, had: number][] = [];
  const shutdown = createShutdown(clock, (had) => told.push([clock.now(), had]));
  shutdown.within(25_000);
  await clock.advance(1_000);
  shutdown.within(2_000);
  shutdown.within(60_000);
  await clock.advance(100_000);
  await shutdown.over;
  expect(told).toEqual([[3_000, 2_000]]);
  shutdown.within(0);
  await clock.advance(0);
  expect(told).toEqual([
    [3_000, 2_000],
    [101_000, 0],
  ]);
});

test("a clock that is set meanwhile, either way, keeps nobody from hurrying", async () => {
  for (const jump of [3_600_000, -3_600_000]) {
    const hands = manualClock(10_000_000);
    let set = 0;
    const clock = { now: () => hands.now() + set, after: hands.after };
    const told: number[] = [];
    const shutdown = createShutdown(clock, (had) => told.push(had));
    shutdown.within(25_000);
    set = jump;
    shutdown.within(1_000);
    await hands.advance(1_000);
    expect(told).toEqual([1_000]);
    await hands.advance(100_000);
    expect(told).toEqual([1_000]);
  }
});

test("once it has ended nothing is left to wait for", () => {
  const clock = manualClock(0);
  const shutdown = createShutdown(clock, () => expect.unreachable());
  shutdown.within(25_000);
  shutdown.within(1_000);
  shutdown.end();
  shutdown.within(500);
  expect(clock.nextTimer()).toBeUndefined();
});
