import { expect, test } from "vitest";
import { reportLines } from "./report.js";
import type { ProcessView } from "./view.js";

const run = { run: "run-1", job: "mail", token: 3, attempt: 2 };
const view: ProcessView = {
  process: 1,
  pid: 4_711,
  worker: "w",
  state: "ready",
  age: 60_000,
  blockedFor: 2_000,
  status: {
    state: "quiet",
    running: [{ ...run, queue: "default", since: 1_500 }],
    leaked: [{ ...run, run: "run-2" }],
    ended: 4,
    lastFetch: 10,
    lastSettle: undefined,
    lastBeat: 20,
    fetchingFor: 3_000,
    memory: 104_857_600,
    delay: 8,
    saidBefore: 100,
  },
};

test("a report says what each process does, and names what it executes and what has leaked", () => {
  expect(reportLines([view]).map(({ text }) => text)).toEqual([
    "worker 1 (pid 4711) is quiet, 1m old: 1 executing, 1 leaked, 4 ended, 100 MB, event loop late by 8ms, " +
      "standing still for 2s, fetched 10ms ago, showed life 20ms ago, trying to fetch for 3s",
    "  mail run-1 (attempt 2) in queue default, for 1.5s",
    "  mail run-2 (attempt 2) was given up and has not ended",
  ]);
});

test("a process that has said nothing yet is reported as that", () => {
  const [line] = reportLines([{ ...view, state: "starting", age: 300, status: undefined }]);
  expect(line?.text).toBe("worker 1 (pid 4711) is starting, 300ms old; it has said nothing of itself yet");
});
