// Makes the runs of ticks: a schedule that is due becomes what the store is to record.
//
// The id of a run follows from the schedule's name and the tick's time, so whoever makes it makes the same run. Its meta
// says which schedule made it and for which tick. An input that cannot be made is no reason to try for ever: the tick is
// recorded as failed, with the reason, and the schedule goes on.
//
// Before this file come what is due and the definitions. After it come the service, and the trigger.
import { type AnyContract, policyOf, prepareInput, upgradedInput } from "../job/index.js";
import { decode, encode, idAt } from "../kernel/index.js";
import { newRunOf, unrefused } from "../queue/index.js";
import type { DueSchedules, NewRun, NewSchedule, Tick, TickWrite } from "../store/contract.js";
import { calendarOf, type Times } from "./calendar.js";
import { type Rules, type ScheduleDefinition, textOfRules, textOfTimes } from "./define.js";
import { delayOf, dueTicks, mostCounted } from "./due.js";

/** What is said of a schedule, read back from the store. */
export function readBack(row: { readonly times: string; readonly policy: string }): {
  times: Times;
  rules: Rules;
} {
  return { times: JSON.parse(row.times), rules: JSON.parse(row.policy) };
}

/** A schedule as the store is told of it; `now` says where it would begin. */
export function newScheduleOf(
  { name, job, times, rules, input }: Omit<ScheduleDefinition, "job"> & { readonly job: { name: string } },
  now: number,
): NewSchedule {
  const where = `schedule "${name}"`;
  return {
    name,
    job: job.name,
    times: textOfTimes(times),
    policy: textOfRules(rules),
    input: rules.computed === true ? undefined : encode(input, { what: `The input of ${where}` }),
    first: calendarOf(times, where).next(now),
  };
}

/** What makes the runs of a schedule: its job, and its input or what computes it. */
export type Source = Pick<ScheduleDefinition, "job" | "input">;

/** The source of a schedule that was made at run time: its input is as old as the version of the job that checked it. */
export function storedSource(
  job: AnyContract,
  row: { readonly input: string | undefined; readonly policy: string },
): Source {
  const { version = policyOf(job).version }: Rules = JSON.parse(row.policy);
  const input = async (): Promise<unknown> => {
    const text = await upgradedInput(job, row.input, version);
    return text === undefined ? undefined : decode(text);
  };
  return { job, input };
}

/** The run of one tick. @throws what is wrong with the input, or what computing it threw */
export async function runOf(
  { job, input }: Source,
  asked: {
    readonly name: string;
    readonly at: number;
    readonly id: string;
    readonly due?: number;
    readonly release: string | undefined;
  },
): Promise<NewRun> {
  const { name, id, due, release } = asked;
  const at = new Date(asked.at);
  const value: unknown = typeof input === "function" ? await input({ at }) : input;
  const prepared = await prepareInput(job, value);
  const meta = { schedule: name, tick: at.toISOString() };
  const run = unrefused(newRunOf(job, prepared, { id, meta }, release));
  return due === undefined ? run : { ...run, due: { at: due } };
}

/** Failures are told besides being recorded. */
export interface MadeTicks {
  readonly write: TickWrite;
  readonly failures: readonly unknown[];
}

/** What is to be recorded of a schedule that is due. */
export async function makeTicks(
  row: DueSchedules["due"][number],
  source: Source,
  now: number,
  release: string | undefined,
): Promise<MadeTicks> {
  const { name, next: from = now } = row;
  // What the store's clock has called due is due, whatever is left of the millisecond here.
  const at = Math.max(now, from);
  const { times, rules } = readBack(row);
  const calendar = calendarOf(times, `schedule "${name}"`);
  const { made, missed, next } = dueTicks(calendar, from, at, rules.missed);
  const ticks: Tick[] =
    missed === undefined ? [] : [{ ...missed, outcome: "missed", ...notedCount(missed.count) }];
  const runs: NewRun[] = [];
  const failures: unknown[] = [];
  for (const tick of made) {
    const id = idAt(tick, name);
    const untilNext = (calendar.next(tick) ?? Number.POSITIVE_INFINITY) - tick;
    const delay = delayOf(id, rules.jitter, untilNext);
    try {
      const due = delay > 0 ? { due: tick + delay } : {};
      runs.push(await runOf(source, { name, at: tick, id, release, ...due }));
      ticks.push({ at: tick, outcome: "enqueued", run: id });
    } catch (error) {
      failures.push(error);
      ticks.push({
        at: tick,
        outcome: "failed",
        note: error instanceof Error ? error.message : String(error),
      });
    }
  }
  const unlessRunning = rules.overlap === "skip";
  return { write: { schedule: name, expected: from, next, unlessRunning, ticks, runs }, failures };
}

function notedCount(count: number): { note?: string } {
  return count < mostCounted ? {} : { note: "at least so many" };
}
