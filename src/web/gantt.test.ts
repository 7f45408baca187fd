import { describe, expect, test } from "vitest";
import type { RunRecord } from "../job/index.js";
import type { Step, Timeline } from "../queue/index.js";
import { ganttOf } from "./gantt.js";

const second = 1_000;
const begin = Date.UTC(2026, 2, 12, 14, 0, 0);
const at = (seconds: number) => new Date(begin + seconds * second);

function aRun(fields: Partial<RunRecord>): RunRecord {
  return {
    id: "r",
    job: "copy",
    queue: "default",
    state: "running",
    input: undefined,
    attempt: 1,
    requestedAt: at(0),
    runAt: at(0),
    tags: [],
    meta: {},
    version: 1,
    priority: 0,
    crashes: 0,
    ...fields,
  };
}

function failedAt(seconds: number, startedAt: number, attempt = 1): Timeline["events"][number] {
  return {
    at: at(seconds),
    kind: "failed",
    attempt,
    token: attempt,
    worker: undefined,
    detail: { name: "Error", message: "no", startedAt: at(startedAt).getTime() },
  };
}

function step(name: string, seconds: number, fields: Partial<Step> = {}): Step {
  return { name, kind: "step", state: "done", attempts: 1, at: at(seconds), ...fields };
}

function rows(
  run: RunRecord,
  parts: { events?: Timeline["events"]; steps?: Step[]; children?: RunRecord[]; now?: number } = {},
) {
  const { events = [], steps = [], children = [], now = 100 } = parts;
  return ganttOf(run, { events, steps, children, now: at(now).getTime() }).rows.map(
    ({ name, note, state, segments }) => [
      `${name}${note === "" ? "" : ` ${note}`}: ${state}`,
      ...segments.map(
        ({ kind, from, to, isFailure }) =>
          `${kind} ${(from - begin) / second}-${(to - begin) / second}${isFailure === true ? "!" : ""}`,
      ),
    ],
  );
}

describe("the timeline of a run", () => {
  test("has the wait before it started, and the attempt that goes on", () => {
    expect(rows(aRun({ startedAt: at(5) }))).toEqual([
      ["Before it started: ready", "wait 0-5"],
      ["Attempt 1 running: running", "held 5-100"],
    ]);
  });

  test("has attempts that failed, with the backoff between them", () => {
    const run = aRun({ state: "succeeded", attempt: 2, startedAt: at(40), finishedAt: at(42) });
    expect(rows(run, { events: [failedAt(10, 0)] })).toEqual([
      ["Attempt 1 failed: failed", "held 0-10!"],
      ["Backoff before attempt 2: scheduled", "backoff 10-40"],
      ["Attempt 2 succeeded: succeeded", "held 40-42"],
    ]);
  });

  test("ends a run that failed for good at its last attempt, once", () => {
    const run = aRun({ state: "failed", attempt: 1, startedAt: at(0), finishedAt: at(3) });
    expect(rows(run, { events: [failedAt(3, 0)] })).toEqual([["Attempt 1 failed: failed", "held 0-3!"]]);
  });

  test("has steps from the end of the one before, and a child as long as its own run", () => {
    const run = aRun({ state: "waiting", attempt: 1, startedAt: at(20) });
    const child = aRun({ id: "c", requestedAt: at(12) });
    const steps = [
      step("read", 4),
      step("write", 10),
      step("child", 20, { kind: "child", run: "c" }),
      step("ask", 0, { kind: "signal", state: "pending" }),
    ];
    expect(rows(run, { steps, children: [child] })).toEqual([
      ["Before it started: ready", "wait 0-4"],
      ["Attempt 1 waiting: waiting", "wait 4-20", "open 20-100"],
      ["read: succeeded", "work 4-4"],
      ["write: succeeded", "work 4-10"],
      ["child child: succeeded", "wait 12-20"],
      ["ask signal: waiting", "open 20-100"],
    ]);
  });

  test("says of a run that waits for its time until when, and of one lost with its worker that it was", () => {
    expect(rows(aRun({ state: "scheduled", attempt: 0, runAt: at(500) }))).toEqual([
      ["Until its time: scheduled", "open 0-100"],
    ]);
    const lost = { ...failedAt(9, 0), kind: "lost" as const, detail: undefined };
    expect(rows(aRun({ startedAt: at(30), attempt: 2 }), { events: [lost] })[0]).toEqual([
      "Attempt 1 lost with its worker: failed",
      "held 0-9!",
    ]);
  });

  test("is bounded, however long the story is", () => {
    const steps = Array.from({ length: 5_000 }, (_, place) => step(`step ${place}`, place / 100));
    expect(rows(aRun({ startedAt: at(0) }), { steps })).toHaveLength(100);
  });
});
