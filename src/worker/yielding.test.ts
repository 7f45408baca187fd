// A worker yields to requests: with fewer slots while the event loop is late, with all of them again when it is not.
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { manualClock } from "../kernel/index.js";
import { open } from "../open.js";
import { createDrawing } from "./drawing.js";
import { createGovernor } from "./yielding.js";

/** A worker's slots under a governor, on an event loop that is as late as the test says. */
function governed(least = 1) {
  const clock = manualClock(0);
  const loop = { late: 0, stops: [] as string[] };
  const drawn: (number | undefined)[] = [];
  const drawing = createDrawing(
    { "*": 16, none: 0, one: 1 },
    (queues) => void drawn.push(queues["*"]),
    least,
  );
  const delay = { reader: () => () => loop.late, stop: () => void loop.stops.push("stopped") };
  const governor = createGovernor({ clock, delay, limit: 20, onShare: drawing.setShare });
  return { clock, loop, drawn, drawing, governor };
}

describe("slots", () => {
  test("are halved at each look while the event loop is late, and grow back by a tenth when it is not", async () => {
    const { clock, loop, drawn } = governed();
    await clock.advance(1_000);
    expect(drawn).toEqual([]);
    loop.late = 21;
    await clock.advance(2_000);
    expect(drawn).toEqual([8, 4, 2, 1]);
    loop.late = 20;
    await clock.advance(4_000);
    expect(drawn.slice(4)).toEqual([3, 4, 6, 8, 9, 11, 12, 14, 16]);
  });

  test("of every queue that is drawn from stay at least as many as are to, and of no other", async () => {
    const { clock, loop, drawing } = governed(2);
    loop.late = 500;
    await clock.advance(10_000);
    expect(drawing.drawn).toEqual({ "*": 2, none: 0, one: 1 });
    expect(drawing.own).toEqual({ "*": 16, none: 0, one: 1 });
    drawing.setForAll({ "*": 1 });
    expect(drawing.drawn).toMatchObject({ "*": 1 });
  });

  test("are left alone once it has stopped, with what measures", async () => {
    const { clock, loop, drawn, governor } = governed();
    governor.stop();
    loop.late = 500;
    await clock.advance(10_000);
    expect([drawn, loop.stops, clock.nextTimer()]).toEqual([[], ["stopped"], undefined]);
  });
});

test("a worker beside handlers that compute takes fewer of them on, and all of them again afterwards", async () => {
  const busy = job({
    name: "busy",
    input: z.number(),
    handle(milliseconds) {
      const end = performance.now() + milliseconds;
      while (performance.now() < end);
    },
  });
  const duckdive = open("sqlite::memory:", { jobs: [busy] });
  onTestFinished(() => duckdive.close());
  const worker = duckdive.work({ queues: { "*": 8 }, yieldTo: { delay: "200ms" } });
  await worker.ready;
  const runs = await duckdive.enqueueMany(
    busy,
    Array.from({ length: 22 }, () => 250),
  );
  const all = Promise.all(runs.map((run) => run.result()));
  await vi.waitUntil(() => worker.status().queues["*"] === 1, { timeout: 25_000 });
  await all;
  await vi.waitUntil(() => worker.status().queues["*"] === 8, { timeout: 25_000 });
});

test.each([
  [{ delay: "0ms" }, /delay of yieldTo/],
  [{ delay: "20ms", least: -1 }, /least of yieldTo/],
  [{ delay: "20ms", leest: 1 }, /least/],
  ["20ms", /yieldTo/],
])("%j is refused", async (yieldTo, message) => {
  const nothing = job({ name: "nothing", handle() {} });
  const duckdive = open("sqlite::memory:", { jobs: [nothing] });
  onTestFinished(() => duckdive.close());
  expect(() => duckdive.work({ yieldTo: yieldTo as { delay: "20ms" } })).toThrow(message);
});
// cspell:ignore leest
