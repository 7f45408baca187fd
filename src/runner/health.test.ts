import { expect, test } from "vitest";
import { healthOf } from "./health.js";
import type { ProcessView } from "./view.js";

const status = {
  state: "working",
  running: [],
  leaked: [],
  ended: 4,
  lastFetch: 10,
  lastSettle: 10,
  lastBeat: 10,
  fetchingFor: undefined,
  memory: 7,
  delay: 8,
  saidBefore: 100,
} as const;
const worker: ProcessView = {
  process: 1,
  pid: 4_711,
  worker: "w",
  state: "ready",
  age: 60_000,
  blockedFor: undefined,
  status,
};

test("workers that fetch, show life and say so are healthy", () => {
  expect(healthOf({ phase: "running", processes: [worker] })).toMatchObject({ ready: true, problems: [] });
});

test.each([
  ["wants to fetch and cannot", { fetchingFor: 30_001 }, /Worker 1 \(pid 4711\) wants to fetch/],
  ["shows the store no life", { lastBeat: 30_001 }, /sign of life/],
  ["has never shown the store life", { lastBeat: undefined }, /sign of life/],
  ["has not said how it is", { saidBefore: 5_001 }, /not said how it is/],
])("a worker that %s is a problem", (_, spoiled, problem) => {
  const { ready, problems } = healthOf({
    phase: "running",
    processes: [worker, { ...worker, status: { ...status, ...spoiled } }],
  });
  expect(ready).toBe(false);
  expect(problems).toEqual([expect.stringMatching(problem)]);
});

test("at the limits there is no problem yet", () => {
  const limit = { ...status, fetchingFor: 30_000, lastBeat: 30_000, saidBefore: 5_000 };
  expect(healthOf({ phase: "running", processes: [{ ...worker, status: limit }] }).ready).toBe(true);
});

test("a worker that rests for long because there is nothing to do is healthy", () => {
  const resting = { ...status, lastFetch: 3_600_000, lastSettle: undefined };
  expect(healthOf({ phase: "running", processes: [{ ...worker, status: resting }] }).ready).toBe(true);
});

test("what starts or stops is not asked how it works", () => {
  const old = { ...status, saidBefore: 60_000 };
  const stopping: ProcessView = { ...worker, state: "stopping", status: old };
  expect(healthOf({ phase: "running", processes: [worker, stopping] }).ready).toBe(true);
  expect(healthOf({ phase: "running", processes: [stopping] }).problems).toEqual(["No worker is ready."]);
});

test.each(["new", "starting", "stopping", "over"] as const)("a runner that is %s is not ready", (phase) => {
  expect(healthOf({ phase, processes: [worker] }).ready).toBe(false);
  expect(healthOf({ phase, processes: [worker] }).live).toBe(phase !== "over");
});
