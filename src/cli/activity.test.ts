import { expect, test } from "vitest";
import type { RunRecord, State } from "../job/index.js";
import { activityOf } from "./activity.js";

const now = 10_000_000;

function ended(job: string, state: State, ago: number, took = 10): RunRecord {
  const finishedAt = new Date(now - ago);
  const startedAt = new Date(now - ago - took);
  const times = { requestedAt: startedAt, runAt: startedAt, startedAt, finishedAt };
  const rest = {
    id: "",
    queue: "q",
    input: undefined,
    attempt: 1,
    tags: [],
    meta: {},
    version: 1,
    priority: 0,
    crashes: 0,
  };
  return { job, state, ...times, ...rest };
}

test("runs that ended within the hour are counted by job, the most active first", () => {
  const runs = [
    ended("sum", "failed", 5_000),
    ended("mail", "succeeded", 10_000, 30),
    ended("mail", "succeeded", 70_000, 10),
    ended("mail", "succeeded", 80_000, 20),
    ended("mail", "cancelled", 90_000),
    ended("mail", "succeeded", 3_700_000),
  ];
  expect(activityOf(runs, now, 100)).toEqual({
    jobs: [
      { job: "mail", succeeded: 3, failed: 0, cancelled: 1, median: 20, slowest: 30 },
      { job: "sum", succeeded: 0, failed: 1, cancelled: 0, median: undefined, slowest: undefined },
    ],
    lastMinute: 2,
    complete: true,
  });
  expect(activityOf(runs, now, 6).complete).toBe(false);
});
