import { describe, expect, test } from "vitest";
import type { StoredRun, TimelineEvent, WorkerRow } from "../store/contract.js";
import { explainRun, type Facts } from "./explain.js";

const now = Date.UTC(2026, 0, 2, 12);
const minute = 60_000;

const run: StoredRun = {
  id: "0192d3c4-0000-7000-8000-000000000000",
  job: "send",
  version: 1,
  queue: "mail",
  priority: 0,
  state: "ready",
  reason: undefined,
  waiting: undefined,
  cancelAsked: undefined,
  route: undefined,
  token: 0,
  attempt: 0,
  crashes: 0,
  worker: undefined,
  requestedAt: now - minute,
  runAt: now - minute,
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
};

const worker: WorkerRow = {
  id: "w1",
  host: "lab",
  pid: 42,
  release: undefined,
  abilities: [{ job: "send", version: 1 }],
  queues: { "*": 10 },
  startedAt: now - minute,
  heartbeatAt: now - 3_000,
  running: 0,
  runner: undefined,
  report: undefined,
};

const error = { name: "TypeError", message: "no such address" };

function event(kind: TimelineEvent["kind"]): TimelineEvent {
  return { at: now - minute, kind, attempt: 1, token: 1, worker: "w1", detail: undefined };
}

function explain(changed: Partial<StoredRun>, facts: Partial<Facts> = {}): string[] {
  return explainRun({
    run: { ...run, ...changed },
    now,
    events: [],
    workers: [worker],
    queue: {
      name: "mail",
      paused: false,
      scheduled: 0,
      ready: 1,
      running: 0,
      waiting: 0,
      oldest: now,
      heldUntil: undefined,
      slots: undefined,
    },
    paused: [],
    attempts: 10,
    crashes: 3,
    ...facts,
  });
}

describe("a scheduled run", () => {
  test("was asked for with a delay", () => {
    expect(explain({ state: "scheduled", runAt: now + 5 * minute })).toEqual([
      "It was asked for with a delay: it starts in 5m, at 2026-01-02T12:05:00.000Z.",
    ]);
  });

  test("is tried again after an attempt that failed", () => {
    const facts = { events: [event("failed")] };
    expect(explain({ state: "scheduled", attempt: 2, error, runAt: now + 15_000 }, facts)).toEqual([
      "It waits to be tried again: attempt 2 of 10 failed with TypeError: no such address, " +
        "and the next starts in 15s, at 2026-01-02T12:00:15.000Z.",
    ]);
  });

  test("was snoozed by its handler, also when an earlier attempt failed", () => {
    const facts = { events: [event("failed"), event("snoozed")] };
    expect(explain({ state: "scheduled", attempt: 1, error, runAt: now + 15_000 }, facts)[0]).toBe(
      "Its handler asked to go on later (snooze): it starts in 15s, at 2026-01-02T12:00:15.000Z.",
    );
  });

  test("is due and nobody is there to see it", () => {
    expect(explain({ state: "scheduled" }, { workers: [] })).toEqual([
      "It was asked for with a delay: it was due 1m ago.",
      "No worker is running that could start it. Start one: `duckdive work`.",
    ]);
    expect(explain({ state: "scheduled" })[1]).toBe("A worker makes it ready within moments.");
  });
});

describe("a ready run", () => {
  test("is in a paused queue", () => {
    expect(explain({}, { paused: [{ queue: "mail" }] })).toEqual([
      'It is ready, but queue "mail" is paused. Resume it: `duckdive resume mail`.',
    ]);
  });

  test("has no worker", () => {
    expect(explain({}, { workers: [] })).toEqual([
      "It is ready, but no worker is running. Start one: `duckdive work`.",
    ]);
  });

  test("has no worker that draws from its queue", () => {
    expect(explain({}, { workers: [{ ...worker, queues: { other: 5 } }] })[0]).toBe(
      'It is ready, but no running worker draws from queue "mail". ' +
        'Give one of them slots for it: `duckdive work --queues "mail=10"`, or `work({ queues: { "mail": 10 } })`.',
    );
  });

  test("has no worker with its job, or only with an older version of it", () => {
    expect(explain({}, { workers: [{ ...worker, abilities: [] }] })[0]).toBe(
      'It is ready, but none of the running workers that draw from queue "mail" has job "send". ' +
        "Start one with the file that defines it: `duckdive work FILE`.",
    );
    expect(explain({ version: 3 })[0]).toBe(
      'It is ready, but it needs version 3 of job "send", and the newest that a running worker has is 1. ' +
        "Deploy the newer code: a worker that has it takes the run by itself.",
    );
  });

  test("has a paused job", () => {
    expect(explain({}, { paused: [{ job: "send" }] })[0]).toBe(
      "It is ready, but its job is paused: the worker that takes it puts it aside. Resume it: `duckdive resume --job send`.",
    );
  });

  test("is behind others, or next", () => {
    expect(explain({})[0]).toBe(
      'It is ready and next: one worker draws from queue "mail" with 10 slots (0 executing).',
    );
    const queue = {
      name: "mail",
      paused: false,
      scheduled: 0,
      ready: 121,
      running: 20,
      waiting: 0,
      oldest: now,
      heldUntil: undefined,
      slots: undefined,
    };
    const busy = { ...worker, running: 10 };
    expect(explain({}, { queue, workers: [busy, busy] })[0]).toBe(
      'It is ready, with 120 other ready runs in its queue: 2 workers draw from queue "mail" with 20 slots (20 executing). ' +
        "They take the highest priority first, then what has been due the longest.",
    );
  });

  test("has a limit for its start and its end", () => {
    expect(explain({ startBy: now + minute, finishBy: now + 2 * minute }).slice(1)).toEqual([
      "It must start in 1m, at 2026-01-02T12:01:00.000Z, or it fails as expired.",
      "It must end in 2m, at 2026-01-02T12:02:00.000Z, or it fails as expired.",
    ]);
  });
});

describe("a running run", () => {
  const running = { state: "running", attempt: 2, worker: "w1", startedAt: now - 12_000 } as const;

  test("is on a worker that lives", () => {
    expect(explain(running)).toEqual([
      "It is running since 2026-01-02T11:59:48.000Z (12s), attempt 2 of 10, on worker w1 " +
        "(process 42 on lab, which showed life 3s ago).",
    ]);
  });

  test("is on a worker that is gone, and was lost before", () => {
    expect(explain({ ...running, crashes: 1 }, { workers: [], attempts: undefined })).toEqual([
      "It is running since 2026-01-02T11:59:48.000Z (12s), attempt 2, on worker w1, which is not registered any more: " +
        "another worker gives it back within moments.",
      "One execution of it was lost with its worker; its timeline says which.",
    ]);
    expect(explain({ ...running, crashes: 2 })[1]).toBe(
      "2 executions of it were lost with their workers; its timeline says which.",
    );
  });

  describe("whose workers were lost", () => {
    const lost = (detail: object): TimelineEvent => ({
      ...event("lost"),
      detail: { worker: "w0", ...detail },
    });

    test("says what the last one died of", () => {
      const events = [lost({ cause: "killed by SIGKILL" })];
      expect(explain({ ...running, crashes: 1 }, { events })[1]).toBe(
        "One execution of it was lost with its worker (killed by SIGKILL); its timeline says which.",
      );
      events.push(lost({ cause: "its event loop stood still for 10s" }));
      expect(explain({ ...running, crashes: 2 }, { events })[1]).toBe(
        "2 executions of it were lost with their workers (the last one: its event loop stood still for 10s); its timeline says which.",
      );
    });

    test("is told apart from what was not its fault", () => {
      const innocent = lost({ cause: "killed by SIGKILL", innocent: true });
      expect(explain(running, { events: [innocent] })[1]).toBe(
        "One execution of it was lost with a worker by no fault of its own (killed by SIGKILL): that attempt does not count.",
      );
      expect(
        explain({ ...running, crashes: 1 }, { events: [lost({}), innocent, innocent] }).slice(1),
      ).toEqual([
        "One execution of it was lost with its worker; its timeline says which.",
        "2 executions of it were lost with workers by no fault of its own (the last one: killed by SIGKILL): those attempts do not count.",
      ]);
    });

    test("begins anew after a retry by hand", () => {
      const events = [lost({ innocent: true, cause: "old" }), event("retried")];
      expect(explain(running, { events })).toHaveLength(1);
    });

    test("is on its last chance, and executed alone", () => {
      const last = /^This is its last chance: .*poison.*`crashes` is 3.*executed alone in its worker/;
      expect(explain({ ...running, crashes: 2 })[2]).toMatch(last);
      expect(explain({ state: "ready", crashes: 2 })[2]).toMatch(last);
      expect(explain({ ...running, crashes: 1 })).toHaveLength(2);
      expect(explain({ ...running, crashes: 2 }, { crashes: undefined })).toHaveLength(2);
      expect(explain({ ...running, crashes: 0 }, { crashes: 1 })).toHaveLength(1);
      expect(explain({ state: "ready", crashes: 3 })[2]).toMatch(
        /^It took down 3 of the 3 workers that it may/,
      );
    });
  });

  test("was asked to stop", () => {
    expect(explain({ ...running, cancelAsked: "no longer needed" })[1]).toBe(
      "Its cancellation was asked for (no longer needed); it ends when its handler obeys `ctx.signal`, or fails.",
    );
  });
});

describe("a waiting run", () => {
  const waiting = (reason: "worker" | "paused" | "preparation" | "entries" | "dependency" | "admission") =>
    ({ state: "waiting", waiting: { reason, on: undefined } }) as const;

  test("waits for a worker that has its code", () => {
    expect(explain({ ...waiting("worker"), version: 2 })[0]).toBe(
      'It waits for a worker that can run it: it needs version 2 of job "send", and the newest that a running worker has is 1. ' +
        "Deploy the newer code: a worker that has it takes the run by itself.",
    );
    expect(explain(waiting("worker"), { workers: [] })[0]).toContain("no worker is running");
  });

  test("waits for its job to be resumed", () => {
    expect(explain(waiting("paused"))).toEqual([
      "It waits because its job is paused. Resume it: `duckdive resume --job send`.",
    ]);
  });

  test("waits for somebody who knows its job", () => {
    expect(explain(waiting("preparation"), { workers: [] })[0]).toContain(
      'a worker that knows job "send" to check it',
    );
    expect(explain(waiting("preparation"))[0]).toContain(
      'a worker that knows job "send" checks it within moments',
    );
  });

  test("waits for what later versions make it wait for", () => {
    for (const reason of ["entries", "dependency", "admission"] as const)
      expect(explain(waiting(reason))[0]).toMatch(/waits for/);
  });
});

describe("a run that has ended", () => {
  const finished = { finishedAt: now - minute, attempt: 3 };

  test("succeeded", () => {
    expect(explain({ ...finished, state: "succeeded" })).toEqual([
      "It succeeded at 2026-01-02T11:59:00.000Z (1m ago), on attempt 3 of 10.",
    ]);
  });

  test("failed as poison: what its workers died of, and what to do", () => {
    const poison = { ...finished, state: "failed", reason: "poison", error, crashes: 3 } as const;
    const events = [{ ...event("lost"), detail: { worker: "w0", cause: "killed by SIGKILL" } }];
    const [why, besides, ...rest] = explain(poison, { events });
    expect(why).toMatch(
      /it took down as many workers as its `crashes` lets it .*Its handler is to be mended first\. Try it again/,
    );
    expect(besides).toMatch(/^3 executions of it were lost with their workers \(killed by SIGKILL\)/);
    expect(rest).toEqual([]);
  });

  test("failed before its first attempt, because its job does not take its input", () => {
    const [why] = explain({ ...finished, attempt: 0, state: "failed", reason: "invalid-input", error });
    expect(why).toMatch(/\(1m ago\), before its first attempt: its stored input is not what the job accepts/);
  });

  test("failed: the reason, the error, and how to try again", () => {
    expect(explain({ ...finished, state: "failed", reason: "error", error })).toEqual([
      "It failed for good at 2026-01-02T11:59:00.000Z (1m ago), on attempt 3 of 10: " +
        "the handler threw and no attempt was left, or its `retry.when` said no (TypeError: no such address). " +
        `Try it again, with all attempts: \`duckdive retry ${run.id}\`.`,
    ]);
    expect(explain({ ...finished, state: "failed", reason: "declined" })[0]).toContain(
      'its handler gave the reason "declined"',
    );
  });

  test("was cancelled, and no limit matters to it any more", () => {
    expect(
      explain({ ...finished, state: "cancelled", reason: "by Ada", startBy: now, cancelAsked: "x" }),
    ).toEqual([
      `It was cancelled at 2026-01-02T11:59:00.000Z (1m ago): by Ada. Try it again, with all attempts: \`duckdive retry ${run.id}\`.`,
    ]);
  });
});
