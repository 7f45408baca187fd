// Resque, in its own format, on both sides: jobs that a Ruby application pushes are executed here, jobs that runs push are executed
// by Ruby workers, and what fails here for good is seen on Resque's own page.
//
// Redis has no part in the database's transaction, so what is taken is put aside under the id of its run until it is recorded, and
// what is pushed is marked with the id of its run: whatever dies in between, the next one goes on, and twice is once. A client
// of Redis is met by shape. The parts are in `resque/`.
//
// Before this file comes Redis. After it come the application's jobs.
import {
  checkName,
  type Job,
  job,
  type Log,
  type Policy,
  type RunFailure,
  type Schema,
} from "../job/index.js";
import { checkOptions, type Duration, duration, InvalidOptionError, systemClock } from "../kernel/index.js";
import type { Recorder } from "./recording.js";
import { type FromArguments, type ResqueIntake, RunningResqueIntake } from "./resque/intake.js";
import { failure, keysOf, originOf, type ResqueJob } from "./resque-format.js";
import { evaluator, failScript, pushScript, type RedisClient } from "./resque-redis.js";

export type { Recorder } from "./recording.js";
export type { FromArguments, ResqueIntake, ResqueIntakeStatus } from "./resque/intake.js";
export type { ResqueJob } from "./resque-format.js";
export type { RedisClient } from "./resque-redis.js";

/** How Resque is used. */
export interface ResqueOptions {
  /** What all keys begin with: `resque` unless given. */
  namespace?: string;
  /** Warnings and errors on the console unless given. */
  log?: Log;
}

/** What is taken from Resque, and what becomes of it. */
export interface ResqueIntakeOptions {
  /** Resque's queues, those first that matter most; `*` stands for all that are not named. */
  queues: readonly string[];
  /**
   * Which request a job is, by the name of its Ruby class. A class that is not here becomes a failure of Resque's.
   *
   * @example { Welcome: ([userId]) => welcome.with({ userId: Number(userId) }) }
   */
  classes: Readonly<Record<string, FromArguments>>;
  /** Between two looks into empty queues: one second unless given. */
  every?: Duration;
}

/** A job for Ruby's workers. */
export interface ResquePush extends ResqueJob {
  readonly queue: string;
}

/** @inline */
type Own<Name extends string, I> = Job<Name, I, I, void, Record<never, never>, unknown>;

/** Resque, as an application uses it. */
export interface Resque {
  /**
   * Records the jobs of these queues as runs, from now on, until it is stopped.
   *
   * @throws InvalidOptionError, InvalidDurationError
   * @example resque.consume(duckdive, { queues: ["mail"], classes: { Welcome: ([userId]) => welcome.with({ userId: Number(userId) }) } });
   */
  consume(duckdive: Recorder, options: ResqueIntakeOptions): ResqueIntake;
  /**
   * A job that pushes what it is asked with for Ruby's workers. Its policy is yours.
   *
   * @example
   * export const toRuby = resque.outbox({ name: "to-ruby" });
   * await duckdive.enqueue(toRuby, { queue: "reports", class: "MonthlyReport", args: [2026, 5] }, { tx });
   */
  outbox<Name extends string>(
    options: { name: Name } & Policy<ResquePush, ResquePush>,
  ): Own<Name, ResquePush>;
  /**
   * A job for the `onFailed` of jobs that Resque's become: what has failed for good is a failure of Resque's, on its page, from where
   * it can be retried. Runs that came from elsewhere are left alone.
   *
   * @example
   * const failures = resque.failures({ name: "resque-failures" });
   * const welcome = job({ name: "welcome", onFailed: failures, … });
   */
  failures<Name extends string>(
    options: { name: Name } & Policy<RunFailure, RunFailure>,
  ): Own<Name, RunFailure>;
}

/** How long it is remembered that something was pushed for a run: as long as a run may be tried again by itself. In seconds. */
const markersLive = 14 * 24 * 60 * 60;

/**
 * Resque, by a client of its Redis: ioredis, or node-redis that is connected. The client stays yours to close.
 *
 * @throws InvalidOptionError when it is no client
 * @example
 * import { Redis } from "ioredis";
 * const ruby = resque(new Redis("redis://localhost"));
 */
export function resque(client: RedisClient, options: ResqueOptions = {}): Resque {
  checkOptions(options, ["namespace", "log"], "resque()");
  const { namespace = "resque", log = console } = options;
  const evaluate = evaluator(client);
  const keys = keysOf(namespace);

  return {
    consume: (recorder, given) =>
      new RunningResqueIntake({
        ...checkedConsume(given),
        evaluate,
        keys,
        recorder,
        clock: systemClock,
        log,
      }),
    outbox: ({ name, ...policy }) =>
      job({
        ...policy,
        name,
        input: pushed,
        async handle({ queue, class: className, args }, { runId }) {
          const marked = [keys.marker("pushed", runId), keys.queues, keys.queue(queue)];
          const payload = JSON.stringify({ class: className, args });
          await evaluate(pushScript, marked, [String(markersLive), queue, payload]);
        },
      }),
    failures: ({ name, ...policy }) =>
      job({
        ...policy,
        name,
        input: anything,
        async handle({ meta, error }, { runId }) {
          const origin = originOf(meta);
          if (origin === undefined) return;
          const marked = [keys.marker("failed", runId), keys.failed, keys.failedCount];
          const record = failure(origin.queue, origin.job, error, systemClock.now());
          await evaluate(failScript, marked, [String(markersLive), record]);
        },
      }),
  };
}

function checkedConsume(given: ResqueIntakeOptions) {
  const where = "resque().consume()";
  checkOptions(given, ["queues", "classes", "every"], where);
  const { queues, classes, every = "1s" } = given;
  if (!Array.isArray(queues) || queues.length === 0)
    throw new InvalidOptionError(`${where} needs \`queues\`, such as ["critical", "*"].`);
  for (const queue of queues) checkName(queue, `A queue of ${where}`);
  const known = Object.entries(classes ?? {});
  if (known.length === 0 || known.some(([, make]) => typeof make !== "function"))
    throw new InvalidOptionError(
      `${where} needs \`classes\`: { Welcome: ([userId]) => welcome.with({ userId }) }.`,
    );
  return { queues, classes: new Map(known), every: duration(every, `The every of ${where}`) };
}

// ── What its jobs are asked with ────────────────────────────────────────────────────────────────────────────────

const pushed: Schema<ResquePush> = {
  "~standard": { version: 1, vendor: "duckdive", validate: (value) => judged(value) },
};

function judged(value: unknown): { value: ResquePush } | { issues: { message: string }[] } {
  if (
    typeof value === "object" &&
    value !== null &&
    "queue" in value &&
    "class" in value &&
    "args" in value
  ) {
    const { queue, class: className, args } = value;
    if (typeof queue === "string" && typeof className === "string" && Array.isArray(args))
      return { value: { queue, class: className, args } };
  }
  return { issues: [{ message: "expected { queue, class, args }: two texts and a list" }] };
}

/** The engine makes it, and nobody else. */
const anything: Schema<RunFailure> = {
  "~standard": { version: 1, vendor: "duckdive", validate: (value) => ({ value }) },
};
