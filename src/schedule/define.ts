// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a contract here; nothing is inferred as it
// `schedule()`: the one way to define a schedule in code, and the reading of its options, which run time shares.
//
// What is read becomes two texts, when it ticks and what else is said of it: the store keeps and compares them, and a
// worker or a person reads them back. The same definition is always the same text, wherever it is made.
//
// Before this file come jobs and the calendar. After it come `open({ schedules })`, the service and the client.
import { type AnyContract, type Contract, checkName, defaults, definitionOf } from "../job/index.js";
import { checkOptions, type Duration, duration, InvalidOptionError } from "../kernel/index.js";
import type { Schedule, ScheduleOptions, ScheduleRules } from "../queue/index.js";
import { calendarOf, type Times } from "./calendar.js";
import type { Missed } from "./due.js";

const brand = Symbol.for("duckdive.schedule");
const optionNames = ["cron", "every", "timeZone", "missed", "overlap", "jitter", "start", "end", "input"];
const shortestEvery = 1_000;
const mostMissed = 1_000;
/** A start as close to the present as this was not written down: it was computed. */
const present = 1_000;

/** What is said of a schedule beside its times, as it is stored. */
export interface Rules {
  readonly missed: Missed;
  readonly overlap: "allow" | "skip";
  /** In milliseconds. */
  readonly jitter: number;
  /** Code computes the input. */
  readonly computed?: true;
  /** Made at run time: the version of the job that checked its input, where that was at hand. */
  readonly version?: number;
}

/** A schedule, read and checked. */
export interface ScheduleDefinition {
  readonly name: string;
  readonly job: AnyContract;
  readonly times: Times;
  readonly rules: Rules;
  readonly input: unknown;
}

/**
 * Defines a schedule in code: it ticks while a worker lives whose `open` or `config` names it.
 *
 * Defaults: time zone UTC, missed `once`, overlap `allow`, no jitter.
 *
 * @throws InvalidOptionError, InvalidDurationError at the definition, naming the schedule, the option and the remedy
 * @example
 * export const nightly = schedule("nightly-report", report, {
 *   cron: "30 2 * * *",
 *   timeZone: "Europe/Lisbon",
 *   input: ({ at }) => ({ day: at.toISOString().slice(0, 10) }),
 * });
 */
export function schedule<I>(
  name: string,
  job: Contract<string, I, any, any, any>,
  options: ScheduleOptions<I>,
): Schedule {
  const where = `schedule "${name}"`;
  const { times, rules } = readOptions(name, options, where);
  if (
    times.every !== undefined &&
    times.start !== undefined &&
    Math.abs(Date.now() - times.start) < present
  ) {
    throw new InvalidOptionError(
      `${where}: start is now, which is another time in every process, so that it would begin anew with each. ` +
        "Write a date, or leave it out.",
    );
  }
  definitionOf(job);
  const computed = typeof options.input === "function" ? { computed: true as const } : {};
  const definition = { name, job, times, rules: { ...rules, ...computed }, input: options.input };
  return Object.freeze({ name, [brand]: definition });
}

/** Whether a value was made by `schedule`. */
export function isSchedule(value: unknown): value is Schedule {
  return typeof value === "object" && value !== null && brand in value;
}

/**
 * The schedules of an application, by name.
 *
 * @throws InvalidOptionError for what is none, and for two under one name
 */
export function collectSchedules(schedules: Iterable<unknown>): Map<string, ScheduleDefinition> {
  const found = new Map<string, ScheduleDefinition>();
  for (const one of schedules) {
    if (!isSchedule(one)) {
      throw new InvalidOptionError(
        "schedules has something in it that is no schedule. List what schedule(name, job, { cron }) gives back.",
      );
    }
    const definition = Reflect.get(one, brand) as ScheduleDefinition;
    const known = found.get(one.name);
    if (known !== undefined && known !== definition) {
      throw new InvalidOptionError(
        `Two different schedules are named "${one.name}". Rename one of them: its name is how it is known again.`,
      );
    }
    found.set(one.name, definition);
  }
  return found;
}

/**
 * The options of a schedule, read.
 *
 * @throws InvalidOptionError, InvalidDurationError
 */
export function readOptions(
  name: string,
  options: ScheduleRules & { readonly input?: unknown },
  where: string,
): Pick<ScheduleDefinition, "times" | "rules"> {
  checkName(name, "A schedule");
  if (typeof options !== "object" || options === null)
    throw new InvalidOptionError(`${where} was given no options. Use some such as { cron: "30 2 * * *" }.`);
  checkOptions(options, optionNames, where);
  const times = timesOf(options, where);
  const jitter = options.jitter === undefined ? 0 : duration(options.jitter, `${where}: jitter`);
  const missed = missedOf(options.missed ?? defaults.missed, where);
  const overlap = oneOf(options.overlap ?? defaults.overlap, ["allow", "skip"], `${where}: overlap`);
  if (overlap === "skip" && typeof missed === "object") {
    throw new InvalidOptionError(
      `${where} has overlap "skip" beside missed { all }, and ticks that are caught up on together overlap. ` +
        'Use missed "once", or allow the overlap.',
    );
  }
  return { times, rules: { missed, overlap, jitter } };
}

function timesOf(options: ScheduleRules, where: string): Times {
  const { cron, every, timeZone } = options;
  if ((cron === undefined) === (every === undefined))
    throw new InvalidOptionError(`${where} needs cron or every, and not both.`);
  const start = dateOf(options.start, `${where}: start`);
  const end = dateOf(options.end, `${where}: end`);
  if (start !== undefined && end !== undefined && end < start)
    throw new InvalidOptionError(`${where} has its end before its start. Exchange them.`);
  const range = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
  if (cron !== undefined) return { ...cronOf(cron, timeZone, where), ...range };
  if (timeZone !== undefined) {
    throw new InvalidOptionError(
      `${where} has a timeZone beside every, which counts real time and knows none. Leave it out, or use cron.`,
    );
  }
  return { every: everyOf(every, where), ...range };
}

function cronOf(given: unknown, timeZone: string | undefined, where: string): Times {
  if (typeof given !== "string" || given.includes(":"))
    throw new InvalidOptionError(`${where}: cron is no cron. Use a text such as "30 2 * * *".`);
  const cron = given.trim().replace(/\s+/g, " ");
  const times = { cron, timeZone: timeZone ?? "UTC" };
  if (calendarOf(times, where).next(0) === undefined)
    throw new InvalidOptionError(`${where}: cron is "${cron}", and no such day exists. Use one that does.`);
  return times;
}

function everyOf(given: Duration | undefined, where: string): number {
  const every = duration(given ?? 0, `${where}: every`);
  if (every >= shortestEvery) return every;
  throw new InvalidOptionError(`${where}: every is ${every} ms. Use one second, "1s", or more.`);
}

function dateOf(given: unknown, where: string): number | undefined {
  if (given === undefined) return undefined;
  const time = given instanceof Date ? given.getTime() : Number.NaN;
  if (!Number.isNaN(time)) return time;
  throw new InvalidOptionError(`${where} is not a valid Date. Use new Date("2030-01-01T00:00:00Z").`);
}

function missedOf(given: NonNullable<ScheduleRules["missed"]>, where: string): Missed {
  if (typeof given !== "object" || given === null)
    return oneOf(given, ["skip", "once"], `${where}: missed`, ", or { all: 100 }");
  checkOptions(given, ["all"], `${where}: missed`);
  const { all } = given;
  if (Number.isInteger(all) && all >= 1 && all <= mostMissed) return { all };
  throw new InvalidOptionError(
    `${where}: missed is { all: ${String(all)} }. Use a whole number from 1 to ${mostMissed}: how many runs are made up for at most.`,
  );
}

function oneOf<const T extends string>(given: unknown, allowed: readonly T[], where: string, or = ""): T {
  const found = allowed.find((one) => one === given);
  if (found !== undefined) return found;
  const words = allowed.map((one) => `"${one}"`).join(" or ");
  throw new InvalidOptionError(`${where} is ${JSON.stringify(given)}. Use ${words}${or}.`);
}

/** When it ticks, as it is stored. */
export function textOfTimes({ cron, timeZone, every, start, end }: Times): string {
  return JSON.stringify({ cron, timeZone, every, start, end });
}

/** What else is said of it, as it is stored. */
export function textOfRules({ missed, overlap, jitter, computed, version }: Rules): string {
  return JSON.stringify({ missed, overlap, jitter, computed, version });
}
