import { expect, test } from "vitest";
import { manualClock } from "../kernel/index.js";
import type { Pulse } from "../store/contract.js";
import { createHeartbeat } from "./heartbeat.js";

const pulse: Pulse = { alive: true, cancelled: [], lost: [], messages: [], slots: {} };

/** A heart whose beats are written down with their time, and end when the test says so if it has asked to hold them. */
function beating(fails: (beat: number) => boolean = () => false) {
  const clock = manualClock(0);
  const beats: number[] = [];
  const obeyed: Pulse[] = [];
  const errors: unknown[] = [];
  const held: (() => void)[] = [];
  const hold = { isOn: false };
  const heartbeat = createHeartbeat({
    clock,
    async beat() {
      beats.push(clock.now());
      if (hold.isOn) await new Promise<void>((resolve) => held.push(resolve));
      if (fails(beats.length)) throw new Error("the store is away");
      return pulse;
    },
    obey: async (found) => void obeyed.push(found),
    onError: (error) => errors.push(error),
  });
  return { clock, beats, obeyed, errors, held, hold, heartbeat };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("it beats every ten seconds, and what it learns is obeyed", async () => {
  const { clock, beats, obeyed, heartbeat } = beating();
  heartbeat.start();
  await clock.advance(35_000);
  expect(beats).toEqual([10_000, 20_000, 30_000]);
  expect(obeyed).toEqual([pulse, pulse, pulse]);
});

test("a beat that failed is reported and followed by another after a second, also when there is something to tell", async () => {
  const { clock, beats, errors, hold, held, heartbeat } = beating((beat) => beat <= 2);
  heartbeat.start();
  hold.isOn = true;
  await clock.advance(10_000);
  heartbeat.soon();
  hold.isOn = false;
  held[0]?.();
  await settled();
  await clock.advance(12_000);
  expect(beats).toEqual([10_000, 11_000, 12_000, 22_000]);
  expect(errors).toHaveLength(2);
});

test("what is to be told is told at once, and the pace counts from then", async () => {
  const { clock, beats, heartbeat } = beating();
  heartbeat.start();
  await clock.advance(4_000);
  heartbeat.soon();
  await clock.advance(10_000);
  expect(beats).toEqual([4_000, 14_000]);
});

test("one beat at a time: what is to be told meanwhile, however much, is told by one more right after it", async () => {
  const { clock, beats, hold, held, heartbeat } = beating();
  heartbeat.start();
  hold.isOn = true;
  await clock.advance(10_000);
  for (let more = 0; more < 5; more += 1) heartbeat.soon();
  expect(beats).toEqual([10_000]);
  held[0]?.();
  await settled();
  expect(beats).toEqual([10_000, 10_000]);
  held[1]?.();
  await settled();
  expect(beats).toHaveLength(2);
});

test("one that was not started, or has stopped, does not beat, and what comes late is not obeyed", async () => {
  const { clock, beats, obeyed, hold, held, heartbeat } = beating();
  heartbeat.soon();
  await clock.advance(60_000);
  expect(beats).toEqual([]);
  heartbeat.start();
  hold.isOn = true;
  heartbeat.soon();
  heartbeat.stop();
  held[0]?.();
  await settled();
  heartbeat.soon();
  await clock.advance(60_000);
  expect(beats).toHaveLength(1);
  expect(obeyed).toEqual([]);
  expect(clock.nextTimer()).toBeUndefined();
});
