// cspell:ignore mial
import { describe, expect, test } from "vitest";
import type { QueueRow, StoredRun, WorkerRow } from "../store/contract.js";
import { findingsOf, type WorkFacts } from "./findings.js";

const counts = { scheduled: 0, ready: 0, running: 0, waiting: 0, succeeded: 0, failed: 0, cancelled: 0 };
const quiet: WorkFacts = {
  queues: [],
  workers: [],
  paused: [],
  counts,
  parked: [],
  unprepared: [],
  versions: [],
  now: 100_000,
};
const worker: WorkerRow = {
  id: "w1",
  host: "h",
  pid: 7,
  release: undefined,
  abilities: [{ job: "mail", version: 1 }],
  queues: { mail: 5 },
  startedAt: 0,
  heartbeatAt: 99_000,
  running: 0,
  runner: undefined,
  report: undefined,
};
const queue: QueueRow = {
  name: "mail",
  paused: false,
  scheduled: 0,
  ready: 3,
  running: 0,
  waiting: 0,
  oldest: 1,
  heldUntil: undefined,
  slots: undefined,
};

function errors(facts: Partial<WorkFacts>): string[] {
  return findingsOf({ ...quiet, ...facts }).flatMap(({ level, text }) => (level === "error" ? [text] : []));
}
function warnings(facts: Partial<WorkFacts>): string[] {
  return findingsOf({ ...quiet, ...facts }).flatMap(({ level, text }) => (level === "warn" ? [text] : []));
}
function run(fields: Pick<StoredRun, "job" | "version" | "waiting">): StoredRun {
  return {
    id: "r1",
    queue: "mail",
    priority: 0,
    state: "waiting",
    reason: undefined,
    cancelAsked: undefined,
    route: undefined,
    token: 0,
    attempt: 0,
    crashes: 0,
    worker: undefined,
    requestedAt: 0,
    runAt: 0,
    startedAt: undefined,
    finishedAt: undefined,
    startBy: undefined,
    finishBy: undefined,
    expiresAt: undefined,
    input: undefined,
    output: undefined,
    error: undefined,
    tags: [],
    meta: {},
    release: undefined,
    parent: undefined,
    batch: undefined,
    progress: undefined,
    ...fields,
  };
}

describe("what is wrong with the work", () => {
  test("nothing, when there is nothing to do and when somebody does it", () => {
    expect(errors({})).toEqual([]);
    expect(errors({ workers: [worker], queues: [queue], counts: { ...counts, ready: 3 } })).toEqual([]);
  });

  test("no worker at all", () => {
    expect(errors({ queues: [queue], counts: { ...counts, ready: 3 } })).toEqual([
      "3 runs to be done, and no worker is running. Start one: duckdive work FILE",
    ]);
  });

  test("a queue from which nobody draws; not when it is paused or empty", () => {
    const sums = { ...queue, name: "sums" };
    expect(errors({ workers: [worker], queues: [queue, sums] })).toEqual([
      expect.stringMatching(/No worker draws from queue "sums", which has 3 runs\..*--queues "sums=10"/),
    ]);
    expect(errors({ workers: [worker], queues: [{ ...sums, paused: true }] })).toEqual([]);
    expect(errors({ workers: [worker], queues: [{ ...sums, ready: 0 }] })).toEqual([]);
  });

  test("runs of a version that no worker has, counted by what they need", () => {
    const parked = run({ job: "mail", version: 2, waiting: { reason: "worker", on: "mail@2" } });
    expect(errors({ workers: [worker], parked: [parked, parked] })).toEqual([
      expect.stringMatching(/^2 runs for mail@2, and no worker has it/),
    ]);
  });

  test("unchecked runs of a job that no worker knows", () => {
    const waiting = { reason: "preparation", on: undefined } as const;
    const known = run({ job: "mail", version: 1, waiting });
    const unknown = run({ job: "mial", version: 1, waiting });
    expect(errors({ workers: [worker], unprepared: [known, unknown] })).toEqual([
      expect.stringMatching(/^1 run of "mial" recorded unchecked/),
    ]);
  });

  test("a silent worker, a pause and failures are only said", () => {
    expect(warnings({ workers: [{ ...worker, heartbeatAt: 50_000 }] })).toEqual([
      expect.stringMatching(/Worker w1 \(process 7\) last showed life 50s ago/),
    ]);
    expect(
      warnings({ workers: [worker], queues: [queue], paused: [{ queue: "mail" }, { job: "sum" }] }),
    ).toEqual([
      'Queue "mail" is paused with 3 ready runs. Resume it: duckdive resume mail',
      'Job "sum" is paused. Resume it: duckdive resume --job sum',
    ]);
    expect(warnings({ counts: { ...counts, failed: 2 } })).toEqual([
      expect.stringMatching(/^2 runs failed for good/),
    ]);
  });
});

test("suspended executions that workers cannot let go are counted by job, with the remedy", () => {
  const report = { state: "working" as const, memory: 1, delay: 1, leaked: 0, queues: {} };
  const holding = (retained: Record<string, number>) => ({ ...worker, report: { ...report, retained } });
  expect(
    warnings({ workers: [holding({ sleeper: 2 }), holding({ sleeper: 3, poller: 1 }), worker] }),
  ).toEqual([
    expect.stringMatching(/^5 suspended executions of "sleeper" cannot be let go: .* ctx\.defer/),
    expect.stringMatching(/^1 suspended execution of "poller"/),
  ]);
});

describe("versions", () => {
  const open = (version: number, job = "mail") => [{ job, version, runs: 3 }];

  test("older ones are told with what workers have", () => {
    const workers = [{ ...worker, abilities: [{ job: "mail", version: 3 }] }];
    expect(findingsOf({ ...quiet, workers, versions: open(1) })).toContainEqual({
      level: "ok",
      text: "3 open runs of mail@1, and workers have version 3",
    });
  });

  test("that no worker has are errors, of a version and of a job", () => {
    expect(errors({ workers: [worker], versions: open(2) })).toEqual([
      "3 open runs of mail@2, and workers have version 1 at most. Deploy the newer code",
    ]);
    expect(errors({ workers: [worker], versions: open(1, "sms") })[0]).toMatch(
      /sms@1, and no worker has that job/,
    );
  });

  test("that somebody has, that are parked, or that nobody could have, are not told again", () => {
    expect(errors({ workers: [worker], versions: open(1) })).toEqual([]);
    const parked = [run({ job: "mail", version: 2, waiting: { reason: "worker", on: "mail@2" } })];
    expect(errors({ workers: [worker], parked, versions: open(2) })).toHaveLength(1);
    expect(errors({ versions: open(2) })).toEqual([]);
  });
});
