import { describe, expect, test } from "vitest";
import type { GateStanding, QueueRow, StoredRun, TimelineEvent, WorkerRow } from "../../store/contract.js";
import { explainRun, type Facts } from "./index.js";

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

const queue: QueueRow = {
  name: "mail",
  paused: false,
  scheduled: 0,
  ready: 1,
  running: 0,
  waiting: 0,
  oldest: now,
  heldUntil: undefined,
  slots: undefined,
};

const error = { name: "TypeError", message: "no such address" };

function gate(changed: Partial<GateStanding>): GateStanding {
  const standing = { isHolding: false, isParked: false, used: 0, holders: [], ahead: 0, opensAt: undefined };
  return { kind: "lock", key: "server:532", limit: 1, ...standing, ...changed };
}

function event(kind: TimelineEvent["kind"]): TimelineEvent {
  return { at: now - minute, kind, attempt: 1, token: 1, worker: "w1", detail: undefined };
}

function explain(changed: Partial<StoredRun>, facts: Partial<Facts> = {}): string[] {
  return explainRun({
    run: { ...run, ...changed },
    now,
    events: [],
    workers: [worker],
    clockAhead: 0,
    queues: [queue],
    awaited: [],
    calls: [],
    gates: [],
    reroute: undefined,
    isShared: false,
    paused: [],
    attempts: 10,
    crashes: 3,
    ...facts,
  });
}

describe("a scheduled run", () => {
  test("was asked for with a delay", () => {
    expect(explain({ state: "scheduled", runAt: now + 5 * minute })).toEqual([
      `It was asked for with a delay: it starts in 5m, at 2026-01-02T12:05:00.000Z. To start it now: \`duckdive change ${run.id} --delay 0s\`.`,
    ]);
  });

  test("is tried again after an attempt that failed", () => {
    const facts = { events: [event("failed")] };
    expect(explain({ state: "scheduled", attempt: 2, error, runAt: now + 15_000 }, facts)).toEqual([
      "It waits to be tried again: attempt 2 of 10 failed with TypeError: no such address, " +
        `and the next starts in 15s, at 2026-01-02T12:00:15.000Z. To start it now: \`duckdive change ${run.id} --delay 0s\`.`,
    ]);
  });

  test("was snoozed by its handler, also when an earlier attempt failed", () => {
    const facts = { events: [event("failed"), event("snoozed")] };
    expect(explain({ state: "scheduled", attempt: 1, error, runAt: now + 15_000 }, facts)[0]).toContain(
      "Its handler asked to go on later (snooze): it starts in 15s, at 2026-01-02T12:00:15.000Z.",
    );
  });

  test("is due and nobody is there to see it", () => {
    expect(explain({ state: "scheduled" }, { workers: [] })).toEqual([
      "It was asked for with a delay: it was due 1m ago.",
      "Besides, no worker is running. Start one: `duckdive work`.",
    ]);
    expect(explain({ state: "scheduled" })).toEqual([
      "It was asked for with a delay: it was due 1m ago. A worker makes it ready within moments.",
    ]);
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
    const queues = [{ ...queue, ready: 121, running: 20 }];
    const busy = { ...worker, running: 10 };
    const full = explain({}, { queues, workers: [busy, busy] });
    expect(full).toEqual([
      'It is ready, but all slots are taken: 2 workers draw from queue "mail" with 20 slots (20 executing). ' +
        "It is taken when one is free. Give the queue more: `duckdive slots mail N`, or start another worker.",
      "Besides, 120 other runs are ready in its queue, and may be before it. The highest priority goes first, then what has been " +
        `due the longest. To let it go first: \`duckdive change ${run.id} --to-priority 10\`.`,
    ]);
    expect(explain({}, { queues })[0]).toMatch(/^It is ready, but 120 other runs are ready in its queue/);
    expect(explain({}, { queues, isShared: true })[0]).toContain("whose share has had least");
    expect(explain({}, { queues: [{ ...queue, ready: 10 }] })[0]).toMatch(/^It is ready and next/);
  });

  test("is behind others of other queues that have the same slots, and not behind those that are paused", () => {
    const queues = [queue, { ...queue, name: "other", ready: 10 }];
    expect(explain({}, { queues })[0]).toMatch(/^It is ready, but 10 other runs are ready in other queues/);
    expect(explain({}, { queues, paused: [{ queue: "other" }] })[0]).toMatch(/^It is ready and next/);
    const apart = { ...worker, queues: { mail: 1, "*": 10 } };
    expect(explain({}, { queues, workers: [apart] })[0]).toMatch(/^It is ready and next/);
  });

  test("is in a queue that is held back, for so long", () => {
    const queues = [{ ...queue, heldUntil: now + 30_000 }];
    expect(explain({}, { queues })[0]).toMatch(
      /^It is ready, but queue "mail" is held back: .*`ctx.rateLimited`.*by itself in 30s, at 2026-01-02T12:00:30.000Z/,
    );
    expect(explain({}, { queues: [{ ...queue, heldUntil: now }] })[0]).toMatch(/^It is ready and next/);
  });

  test("has workers that are quiet, or whose slots somebody has set", () => {
    const report = { state: "quiet", memory: 0, delay: 0, leaked: 0, queues: { "*": 10 } } as const;
    expect(explain({}, { workers: [{ ...worker, report }] })[0]).toBe(
      "It is ready, but the worker that could take it is quiet or stopping. Let them fetch again: `duckdive tell all resume`.",
    );
    expect(explain({}, { queues: [{ ...queue, slots: 0 }] })[0]).toBe(
      'It is ready, but queue "mail" was given 0 slots in all workers. ' +
        "Give it some: `duckdive slots mail 10`, or let each use its own: `duckdive slots mail --own`.",
    );
    const busy = { ...worker, running: 2 };
    expect(explain({}, { queues: [{ ...queue, slots: 2 }], workers: [busy] })[0]).toContain(
      "with 2 slots (2 executing)",
    );
  });

  test("has every reason told that is true", () => {
    const all = explain(
      {},
      { paused: [{ queue: "mail" }, { job: "send" }], workers: [], gates: [gate({ used: 1 })] },
    );
    expect(all.map((sentence) => sentence.slice(0, 40))).toEqual([
      "It is ready, but its job is paused: the ",
      'Besides, queue "mail" is paused. Resume ',
      "Besides, no worker is running. Start one",
      'Besides, lock "server:532" is held by 1 ',
    ]);
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
    for (const reason of ["entries", "dependency"] as const)
      expect(explain(waiting(reason))[0]).toMatch(/waits for/);
  });

  test("waits for other runs, each with how it stands and since when", () => {
    const other = (id: string, changed: Partial<StoredRun>) => [id, { ...run, id, ...changed }] as const;
    const awaited = [
      other("r1", { state: "running", startedAt: now - minute }),
      other("r2", { state: "scheduled", runAt: now + minute }),
      other("r3", { state: "failed", finishedAt: now - 5 * minute }),
      other("r4", { state: "waiting", waiting: { reason: "admission", on: undefined } }),
      ["r5", undefined] as const,
    ];
    const after = ["r1", "r2", "r3", "r4", "r5", "r6", "r7"];
    expect(explain({ ...waiting("dependency"), after }, { awaited })).toEqual([
      'It waits for 7 runs to end: "send" (r1), which has been running since 2026-01-02T11:59:00.000Z; ' +
        '"send" (r2), which is scheduled for 2026-01-02T12:01:00.000Z; ' +
        '"send" (r3), which failed 5m ago and has to be tried again: `duckdive retry r3`; ' +
        '"send" (r4), which waits itself (admission), asked for at 2026-01-02T11:59:00.000Z; ' +
        "r5, which is not in this store; 2 others.",
    ]);
    const hundred = Array.from({ length: 100 }, (_, index) => `r${index}`);
    expect(explain({ ...waiting("dependency"), after: hundred }, { awaited })[0]).toContain(
      "95 others or more.",
    );
  });
});

describe("a run with gates", () => {
  const parked = { state: "waiting", waiting: { reason: "admission", on: "lock server:532" } } as const;
  const holder = { run: "r1", job: "reboot", state: "running", since: now - minute } as const;

  test("waits for a lock: whose it is, since when, and who is before it", () => {
    const gates = [gate({ isParked: true, used: 1, holders: [holder], ahead: 2 })];
    expect(explain(parked, { gates })).toEqual([
      'It waits because lock "server:532" is held by run r1 of job "reboot" (running since 2026-01-02T11:59:00.000Z), ' +
        "and 2 runs are in line before it. It is handed on when that one ends; to end it: `duckdive cancel r1`.",
    ]);
  });

  test("waits for a lock that is kept by a run that waits itself", () => {
    const gates = [
      gate({ isParked: true, used: 1, holders: [{ ...holder, state: "scheduled", since: undefined }] }),
    ];
    expect(explain(parked, { gates })[0]).toMatch(/\(scheduled\)\. It is kept over waits and retries/);
  });

  test("waits for a place at a limit: how many there are and who has them", () => {
    const holders = Array.from({ length: 6 }, (_, n) => ({ ...holder, run: `r${n}` }));
    const gates = [gate({ kind: "limit", key: "send", limit: 9, isParked: true, used: 9, holders })];
    const [why] = explain(parked, { gates });
    expect(why).toMatch(/^It waits because 9 of 9 places at limit "send" are taken, by run r0 /);
    expect(why).toMatch(/run r4 .* and 4 more\. .* counts for runs enqueued from then on\.$/);
  });

  test("waits for a rate: when it opens", () => {
    const rate = { kind: "rate", key: "api", limit: 100, per: 60_000, isParked: true } as const;
    expect(explain(parked, { gates: [gate({ ...rate, opensAt: now + 5_000, ahead: 1 })] })[0]).toMatch(
      /^It waits because rate "api" \(100 in 60 s\) is closed, and lets the next one start in 5s, at 2026-01-02T12:00:05.000Z, and 1 run is in line/,
    );
    expect(explain(parked, { gates: [gate({ ...rate, opensAt: now })] })[0]).toContain("within moments");
    const letIn = { run: "another", job: "copy", state: "ready", since: undefined } as const;
    expect(explain(parked, { gates: [gate({ ...rate, opensAt: now, holders: [letIn] })] })[0]).toContain(
      'has let in run another of job "copy", which has to start first: `duckdive explain another`.',
    );
  });

  test("gets no free place while others are in line, and needs none that it has", () => {
    expect(explain({}, { gates: [gate({ ahead: 1 })] })[0]).toContain("goes to somebody else first");
    expect(explain({}, { gates: [gate({ used: 1, isHolding: true })] })[0]).toMatch(/^It is ready and next/);
    expect(explain({}, { gates: [gate({ kind: "rate", opensAt: now })] })[0]).toMatch(
      /^It is ready and next/,
    );
  });

  test("waits where the store does not say how it stands", () => {
    expect(explain(parked)[0]).toBe("It waits for a place at a lock, a limit or a rate (lock server:532).");
  });
});

describe("beside its state", () => {
  test("is told where its job is rerouted to", () => {
    expect(explain({}, { reroute: "mail" })[1]).toBe(
      'Its job is rerouted to queue "mail", whatever its definition says. Undo: `duckdive reroute send --back`.',
    );
    expect(explain({}, { reroute: "bulk" })[1]).toMatch(
      /this run stayed in "mail"\. Move it: .*--to-queue bulk/,
    );
  });

  test("is told that the clocks differ", () => {
    expect(explain({}, { clockAhead: -90_000 })[1]).toMatch(
      /clock of the database is 1m 30s behind this machine's/,
    );
    expect(explain({}, { clockAhead: 500 })).toHaveLength(1);
  });

  test("is told that its worker is silent", () => {
    const running = { state: "running", attempt: 1, worker: "w1", startedAt: now - minute } as const;
    const silent = { ...worker, heartbeatAt: now - 30_000 };
    expect(explain(running, { workers: [silent] })[0]).toMatch(/showed life 30s ago\)\. That is late/);
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
