import { expect, test } from "vitest";
import { manualClock } from "../kernel/index.js";
import { attend, longestLook } from "./attend.js";
import type { Child } from "./child.js";
import type { Status } from "./protocol.js";
import { readOptions, type Say } from "./settings.js";
import { watchedTime } from "./watched.js";

const status: Status = {
  state: "working",
  running: [],
  leaked: [],
  ended: 0,
  lastFetch: undefined,
  lastSettle: undefined,
  lastBeat: undefined,
  fetchingFor: undefined,
  memory: 1,
  delay: 0,
};

type Fake = { -readonly [Key in keyof Child]: Child[Key] };

/** A runner's eyes on one worker, of which the test says how it is. */
function looking(given: Partial<Child>, options: { maxRuns?: number } = {}) {
  const clock = manualClock(0);
  const watched = watchedTime(clock, longestLook);
  const said: [event: string, text: string][] = [];
  const killed: string[] = [];
  const recycled: [at: number, why: string][] = [];
  let deliveries = 0;
  const say: Say = (event, text) => void said.push([event, text]);
  const child: Fake = {
    slot: 0,
    pid: 4_711,
    state: "ready",
    worker: "worker-1",
    startedAt: 0,
    readyAt: 0,
    status: undefined,
    heardAt: 0,
    blocked: undefined,
    recycle: undefined,
    send() {},
    stop() {},
    kill: ({ cause }) => void killed.push(cause),
    settled: Promise.resolve("ready"),
    gone: new Promise(() => {}),
    ...given,
  };
  const attendance = attend({
    settings: readOptions({ program: { file: "worker.js" }, processes: 1, say, ...options }),
    clock,
    watched,
    post: {
      died() {},
      blocked: () => true,
      unblocked() {},
      answered() {},
      deliver() {
        deliveries += 1;
      },
      unanswered: 0,
    },
    children: new Set([child]),
    onRecycle: (_child, why) => recycled.push([clock.now(), why]),
  });
  /** It says something every second of that time. */
  async function isHeardFor(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      child.heardAt = watched.now();
      await clock.advance(1_000);
    }
  }
  return { clock, child, said, killed, recycled, attendance, isHeardFor, deliveries: () => deliveries };
}

test("a worker that is heard of is left alone, and letters are carried four times a second until it is over", async () => {
  const { clock, said, killed, recycled, attendance, isHeardFor, deliveries } = looking({
    status: undefined,
  });
  await isHeardFor(60);
  expect([said, killed, recycled]).toEqual([[], [], []]);
  expect(deliveries()).toBe(240);
  attendance.end();
  await clock.advance(60_000);
  expect(deliveries()).toBe(240);
  expect(clock.nextTimer()).toBeUndefined();
});

test("a silence is mentioned once, and again only when it has been heard of in between", async () => {
  const { clock, said, isHeardFor } = looking({});
  await clock.advance(8_000);
  expect(said.map(([event]) => event)).toEqual(["silent"]);
  await isHeardFor(2);
  await clock.advance(6_000);
  expect(said.map(([event]) => event)).toEqual(["silent", "silent"]);
});

test("a silence that goes on is ended", async () => {
  const { clock, killed } = looking({});
  await clock.advance(15_000);
  expect(killed).toEqual([]);
  await clock.advance(500);
  expect(killed[0]).toMatch(/nothing was heard of it for 15/);
});

test("a start that takes long is mentioned once", async () => {
  const { said, isHeardFor } = looking({ state: "starting", readyAt: undefined });
  await isHeardFor(29);
  expect(said).toEqual([]);
  await isHeardFor(60);
  expect(said.map(([event]) => event)).toEqual(["slow"]);
});

test("one that has served long enough is to be replaced, and again after half a minute if it still is there", async () => {
  const { recycled, isHeardFor } = looking(
    { status: { at: 0, value: { ...status, ended: 100 } } },
    { maxRuns: 100 },
  );
  await isHeardFor(61);
  expect(recycled.map(([at]) => at)).toEqual([250, 30_250, 60_250]);
});

test("one that asks to be replaced is, unless it is stopping already", async () => {
  const asks = { status: { at: 0, value: status }, recycle: "a run was given up and goes on" };
  const ready = looking(asks);
  await ready.isHeardFor(1);
  expect(ready.recycled).toEqual([[250, asks.recycle]]);
  const stopping = looking({ ...asks, state: "stopping" });
  await stopping.isHeardFor(1);
  expect(stopping.recycled).toEqual([]);
});
