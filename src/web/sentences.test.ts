import { describe, expect, test } from "vitest";
import type { Metrics, MetricsPoint, QueueState, WorkerState } from "../queue/index.js";
import type { FailureGroup } from "./failure-groups.js";
import { atMost, findingsOf, type HealthFacts, headline } from "./sentences.js";

const now = new Date("2026-03-12T14:31:07Z");
const minute = 60_000;
const ago = (milliseconds: number) => new Date(now.getTime() - milliseconds);

function point(place: number, fields: Partial<MetricsPoint> = {}): MetricsPoint {
  return {
    at: ago((60 - place) * minute),
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    retried: 0,
    ran: undefined,
    wait: undefined,
    ...fields,
  };
}

function metrics(jobs: Metrics["jobs"] = {}, queues: Metrics["queues"] = {}): Metrics {
  const points = Array.from({ length: 61 }, (_, place) => point(place, { succeeded: 1 }));
  return { now, every: minute, points, queues, jobs };
}

function queue(fields: Partial<QueueState>): QueueState {
  const counts = { scheduled: 0, ready: 0, running: 0, waiting: 0 };
  return {
    name: "mail",
    paused: false,
    ...counts,
    oldest: undefined,
    heldUntil: undefined,
    slots: undefined,
    ...fields,
  };
}

function worker(fields: Partial<WorkerState> = {}): WorkerState {
  return {
    id: "w",
    host: "app-1/boot",
    pid: 7,
    release: undefined,
    abilities: [],
    queues: { "*": 10 },
    startedAt: ago(minute),
    heartbeatAt: now,
    running: 0,
    runner: undefined,
    report: undefined,
    ...fields,
  };
}

function facts(fields: Partial<HealthFacts> = {}): HealthFacts {
  return {
    now,
    queues: [queue({})],
    workers: [worker()],
    departed: [],
    hour: metrics(),
    usual: { isKnown: true, waits: new Map([["mail", 3_000]]), failures: 0, failuresOf: new Map() },
    groups: [],
    stuck: [],
    unserved: new Map(),
    schedules: [],
    ...fields,
  };
}

const said = (some: HealthFacts) => findingsOf(some).map(({ say }) => say.replaceAll("\u00a0", " "));
const why = (some: HealthFacts) => findingsOf(some)[0]?.why.replaceAll("\u00a0", " ");
const first = (some: HealthFacts) => headline(findingsOf(some), some);

describe("the overview says", () => {
  test("that all is well, when nothing is wrong", () => {
    expect(first(facts())).toBe("All is well. Every queue is on time and nothing needs you.");
    expect(said(facts())).toEqual([]);
  });

  test("that there is no run yet, where there has never been one", () => {
    const { usual } = facts();
    const empty = metrics();
    const hour = { ...empty, points: empty.points.map(({ at }) => point(0, { at })) };
    expect(first(facts({ queues: [], workers: [], hour, usual: { ...usual, waits: new Map() } }))).toBe(
      "No run yet.",
    );
  });

  test("that a queue is late, beside what is usual there, and how long it will be", () => {
    const quick = Array.from({ length: 61 }, (_, place) => point(place, { succeeded: 2 }));
    const late = facts({
      queues: [queue({ ready: 38, running: 10, oldest: ago(14 * minute + 12_000) })],
      hour: metrics({}, { mail: quick }),
    });
    expect(said(late)).toEqual([
      "The oldest run in mail has waited 14 min 12 s. Its usual wait is under 5 s.",
    ]);
    expect(why(late)).toBe(
      "All 10 slots are busy; 38 runs are ready. At the pace of the last ten minutes, 2 a minute, that takes 19 min, if nothing comes in.",
    );
    expect(first(late)).toBe("Mail is late. The rest is on time.");
  });

  test("nothing of a wait that is usual, of one that is short, or of a queue that is paused", () => {
    const usual = {
      isKnown: true,
      waits: new Map([["mail", 10 * minute]]),
      failures: 0,
      failuresOf: new Map(),
    };
    expect(said(facts({ usual, queues: [queue({ ready: 1, oldest: ago(20 * minute) })] }))).toEqual([]);
    expect(said(facts({ queues: [queue({ ready: 1, oldest: ago(20_000) })] }))).toEqual([]);
    expect(said(facts({ queues: [queue({ paused: true, ready: 1, oldest: ago(20 * minute) })] }))).toEqual([
      "The queue mail is paused. 1 run waits in it.",
    ]);
  });

  test("that nobody draws from a queue, when that is why it is late", () => {
    const late = facts({
      workers: [worker({ queues: { other: 3 } })],
      queues: [queue({ ready: 2, oldest: ago(5 * minute) })],
    });
    expect(why(late)).toBe("2 runs are ready and no worker draws from this queue. Start one that does.");
  });

  test("that no worker is alive, when somebody waits for one", () => {
    expect(said(facts({ workers: [], queues: [queue({ ready: 3, oldest: ago(1_000) })] }))).toEqual([
      "No worker is alive, and 3 runs are ready to start.",
    ]);
  });

  test("that a job is failing, since when, and with what", () => {
    const points = Array.from({ length: 61 }, (_, place) =>
      point(place, place < 40 ? { succeeded: 5 } : { failed: 1, retried: 2 }),
    );
    const group: FailureGroup = {
      job: "pay",
      error: "BankError",
      message: "no answer",
      runs: 21,
      last: now,
      when: [],
    };
    const usual = { isKnown: true, waits: new Map(), failures: 1, failuresOf: new Map([["pay", 2.2]]) };
    const failing = facts({ hour: metrics({ pay: points }), usual, groups: [group] });
    expect(said(failing)).toEqual([
      "21 runs of pay failed in the last hour; a usual hour has 2. None has succeeded for 20 min.",
    ]);
    expect(why(failing)).toBe("BankError: no answer. 42 further attempts failed and will be tried again.");
    expect(findingsOf(failing)[0]?.link.path).toBe("/runs?state=failed&job=pay&error=BankError");
    expect(first(failing)).toBe("Pay is failing. The rest is on time.");
  });

  test("that attempts fail, before any of them has failed for good", () => {
    const points = Array.from({ length: 61 }, (_, place) =>
      point(place, place < 55 ? { succeeded: 1 } : { retried: 1 }),
    );
    expect(said(facts({ hour: metrics({ pay: points }) }))[0]).toBe(
      "6 attempts of pay failed in the last hour, and will be tried again. None has succeeded for 5 min.",
    );
  });

  test("nothing of failures that are as many as usual among many that succeed", () => {
    const points = Array.from({ length: 61 }, (_, place) =>
      point(place, { succeeded: 50, failed: place % 10 === 0 ? 1 : 0 }),
    );
    const usual = { isKnown: true, waits: new Map(), failures: 6, failuresOf: new Map([["pay", 6]]) };
    expect(said(facts({ hour: metrics({ pay: points }), usual }))).toEqual([]);
  });

  test("that a worker died, of what, and what became of its runs", () => {
    const { id, host, pid, release, startedAt, heartbeatAt } = worker();
    const lost = {
      id,
      host,
      pid,
      release,
      startedAt,
      heartbeatAt,
      endedAt: ago(4 * minute),
      how: "lost" as const,
      cause: "killed by SIGKILL",
      lost: 2,
      runs: [],
    };
    expect(said(facts({ departed: [lost] }))).toEqual([
      "The worker app-1/7 died 4 min ago: killed by SIGKILL.",
    ]);
    expect(why(facts({ departed: [lost] }))).toBe(
      "2 runs that it held were given to others, with one attempt counted. 1 worker is alive.",
    );
    expect(said(facts({ departed: [{ ...lost, how: "stopped" }] }))).toEqual([]);
  });

  test("that a run is held up, by whom; that nobody has a job's code; that a schedule does not tick", () => {
    const stuck = [
      {
        id: "0195a2c7-6e41-7b60-9d1f-3a58c20ebf61",
        job: "close",
        waited: 41 * minute,
        because: "It waits because …",
      },
    ];
    expect(said(facts({ stuck }))).toEqual(["The run bf61 of close has been held up for 41 min."]);
    expect(said(facts({ unserved: new Map([["report", 2]]) }))).toEqual([
      "2 runs of report wait for a worker that has its code.",
    ]);
    expect(first(facts({ unserved: new Map([["report", 2]]) }))).toBe("Nobody has the code of report.");
  });

  test("the first three of many in the first sentence, and how many more there are", () => {
    const many = facts({
      workers: [],
      queues: [
        queue({ ready: 3, oldest: ago(9 * minute) }),
        queue({ name: "slow", ready: 3, oldest: ago(9 * minute) }),
        queue({ name: "x", paused: true }),
      ],
      unserved: new Map([["report", 1]]),
    });
    expect(first(many)).toBe("No worker is alive, 2 queues are late and x is paused. And 1 thing more.");
  });

  test("usual waits in times that people say", () => {
    expect(
      [400, 1_200, 4_400, 61_000, 3_000_000].map((time) => atMost(time).replaceAll("\u00a0", " ")),
    ).toEqual(["1 s", "2 s", "5 s", "2 min", "60 min"]);
  });
});
