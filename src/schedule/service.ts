// Ticks schedules at their time: every worker does, and none leads.
//
// It sleeps until the next tick of what it serves, as the promoter does for runs: an idle store is not read. When it wakes,
// every other worker wakes as well; each computes the same runs, and the store takes the first to record the tick. It
// serves the schedules of its own code, and those made at run time of the jobs that it has.
//
// What it has in code it publishes when it starts. It hears when schedules change, or workers with other code go, and
// looks again: so a definition that had to wait for a newer one to go is published once it has gone.
//
// Before this file come definitions and jobs. After it comes the worker.
import type { AnyContract } from "../job/index.js";
import { type Clock, type Events, type Service, service, type Timer } from "../kernel/index.js";
import type { Composed, EnqueueRequest } from "../middleware/index.js";
import { recordAll } from "../queue/index.js";
import type { RunEvents } from "../run/index.js";
import type { DueSchedules, Inserted, Served, Store, TickAnswer, TickWrite } from "../store/contract.js";
import type { ScheduleDefinition } from "./define.js";
import { makeTicks, newScheduleOf, type Source, storedSource } from "./make.js";

/** Ticked in one round. */
const batch = 100;
/** After trouble with the store, in milliseconds. */
const retryAfter = 1_000;
/** What is due and could not be ticked is being ticked by somebody else. */
const breath = 100;
/** The store's clock and ours may differ, and clocks jump: never sleep longer than this without a look at the hands. */
const longestSleep = 60_000;

export interface SchedulerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly worker: string;
  /** Those of this process's code; undefined: it says nothing of schedules. */
  readonly schedules: ReadonlyMap<string, ScheduleDefinition> | undefined;
  readonly jobs: ReadonlyMap<string, AnyContract>;
  readonly release: string | undefined;
  readonly around: Composed<EnqueueRequest> | undefined;
  readonly events: Events<RunEvents>;
}

export interface Scheduler extends Service {
  /** Schedules, or who has them, are others than before. */
  soon(): void;
  /** The worker was entered anew: what it published is forgotten. */
  publishAgain(): void;
}

export function createScheduler(parts: SchedulerParts): Scheduler {
  const { store, clock, worker, jobs, release, around, events } = parts;
  const schedules = parts.schedules ?? new Map<string, ScheduleDefinition>();
  const served: Served = { worker, names: [...schedules.keys()], jobs: [...jobs.keys()] };
  let timer: Timer | undefined;
  let alarm = Number.POSITIVE_INFINITY;
  let looking: Promise<void> | undefined;
  let isAsked = false;
  let isPublished = false;
  let isOpen = false;

  function expect(at: number): void {
    if (!isOpen || at >= alarm) return;
    alarm = at;
    sleep();
  }

  function sleep(): void {
    timer?.cancel();
    timer = clock.after(Math.min(Math.max(0, alarm - store.now()), longestSleep), ring);
  }

  /** Whether it is time is told by the clock; the store is read only when it is. */
  function ring(): void {
    if (store.now() < alarm) sleep();
    else soon();
  }

  /** One look at a time; who asks meanwhile may know of something that has been read past, so there is one more. */
  async function lookInRounds(): Promise<void> {
    try {
      do {
        isAsked = false;
        timer?.cancel();
        alarm = Number.POSITIVE_INFINITY;
        await look().catch((error: unknown) => {
          events.emit("error", { error, where: "schedules" });
          expect(store.now() + retryAfter);
        });
      } while (isAsked && isOpen);
    } finally {
      looking = undefined;
    }
  }

  function soon(): void {
    if (!isOpen) return;
    isAsked = true;
    looking ??= lookInRounds();
  }

  async function look(): Promise<void> {
    if (!isPublished) await publish();
    let found = await store.dueSchedules(served, batch);
    if (found.isStale) {
      await publish();
      found = await store.dueSchedules(served, batch);
    }
    while (isOpen && found.due.length > 0) {
      for (const row of found.due) await tick(row);
      found = await store.dueSchedules(served, batch);
    }
    if (found.next !== undefined)
      expect(Math.max(found.next, store.now() + (found.next > store.now() ? 0 : breath)));
  }

  async function publish(): Promise<void> {
    const now = store.now();
    const all = [...schedules.values()].map((one) => newScheduleOf(one, now));
    await store.publishSchedules(worker, all, { release, isAll: parts.schedules !== undefined });
    isPublished = true;
  }

  async function tick(row: DueSchedules["due"][number]): Promise<void> {
    const source = sourceOf(row);
    if (source === undefined) return;
    const { write, failures } = await makeTicks(row, source, store.now(), release);
    const answer = await record(write);
    if (!answer.taken) return;
    for (const error of failures) events.emit("error", { error, where: `schedule "${row.name}"` });
  }

  function sourceOf(row: DueSchedules["due"][number]): Source | undefined {
    if (row.origin === "code") return schedules.get(row.name);
    const job = jobs.get(row.job);
    return job === undefined ? undefined : storedSource(job, row);
  }

  /** Through the middleware around enqueue, as every run. */
  async function record(write: TickWrite): Promise<TickAnswer> {
    const answers: TickAnswer[] = [];
    let isTried = false;
    try {
      await recordAll(around, write.runs, async (runs): Promise<Inserted[]> => {
        isTried = true;
        answers.push(...(await store.tick([{ ...write, runs }])));
        return runs.map(({ id }) => ({ id, created: isMade(answers[0]) }));
      });
    } catch (error) {
      // What the store refuses now is tried again; a middleware that refuses is as final as an input that cannot be.
      if (isTried) throw error;
      return recordFailure(write, error);
    }
    const [answer = refused] = answers;
    if (isMade(answer)) {
      for (const { id: run, job, queue } of write.runs)
        events.emit("enqueued", { run, job, queue, created: true });
    }
    return answer;
  }

  async function recordFailure(write: TickWrite, error: unknown): Promise<TickAnswer> {
    const note = error instanceof Error ? error.message : String(error);
    const ticks = write.ticks.map(({ run, ...tick }) =>
      run === undefined ? tick : { ...tick, outcome: "failed" as const, note },
    );
    const [answer = refused] = await store.tick([{ ...write, ticks, runs: [] }]);
    if (answer.taken) events.emit("error", { error, where: `schedule "${write.schedule}"` });
    return answer;
  }

  return {
    ...service({
      async start() {
        isOpen = true;
        soon();
        await looking;
      },
      async stop() {
        isOpen = false;
        timer?.cancel();
        await looking;
      },
    }),
    soon,
    publishAgain() {
      isPublished = false;
      soon();
    },
  };
}

const refused: TickAnswer = { taken: false };

function isMade(answer: TickAnswer | undefined): boolean {
  return answer?.taken === true && !answer.skipped;
}
