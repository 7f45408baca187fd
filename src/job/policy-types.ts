// A job's policy, as it is written: data, and small pure functions of the parsed input.
//
// Policy belongs to the job and to nobody else, so that two callers cannot disagree about a timeout. What the
// enqueuer's definition decides is stored with the run (queue, priority, keys, expiry); what the worker's definition
// decides is read when it is used (retry, timeout, isolate, keep). Functions must be pure, synchronous and cheap.
//
// Before this file come durations, contracts as types and the stored error. After it comes policy.ts, which reads and checks all this.

import type { Duration } from "../kernel/index.js";
import type { Taking } from "./contract.js";
import type { Isolate } from "./isolate.js";
import type { RunFailure, State, StoredError } from "./record.js";
import type { Upgrades } from "./upgrade-types.js";

/**
 * Which runs belong together: by a field of the input, by several, or by a text made of it. Null: the rule is not for this
 * run. A field's value is compared as JSON, so 1 and "1" differ. What it sees is what the schema gives out. It has to be
 * pure, synchronous and cheap; it is called whenever a run is recorded, and what it gives is stored with the run. Keys
 * over 500 characters are hashed.
 */
export type By<P> = (keyof P & string) | readonly (keyof P & string)[] | ((input: P) => string | null);

/** How long to wait between attempts. `base` defaults to 5 s, `cap` to 6 h, `jitter` to 0.2 (20 % either way). */
export type Backoff =
  | { kind: "fixed" | "linear" | "exponential"; base?: Duration; cap?: Duration; jitter?: number }
  | "fixed"
  | "linear"
  | "exponential"
  | ((attempt: number) => Duration);

/** How often a failed attempt is tried again, and when. */
export interface Retry {
  /** How often it is tried in all; 10 unless given. */
  attempts?: number;
  /** Exponential unless given: 5 s, 15 s, 45 s … up to 6 h. */
  backoff?: Backoff;
  /** Whether this error is worth another attempt; every one is unless given. */
  when?: (error: StoredError) => boolean;
}

/**
 * What becomes of a request whose unique key is taken. `ignore`, unless given, gives back the run that has it, with
 * `created: false`; `reject` throws UniqueConflictError. `replace` gives that run these of the new request.
 * `debounce` gives it the new input and lets it start so long after the last request, `atMost` so long after the first; the
 * first request, too, waits so long, unless it says when it is to run. A run that has begun is never changed.
 */
export type OnConflict =
  | "ignore"
  | "reject"
  | { replace: ("input" | "runAt" | "priority")[] }
  | { debounce: Duration; atMost?: Duration };

/**
 * One run for one key: `by` fields or a text, the job's own; without `by` one run of the job at all. The key is taken
 * `while` the run is in one of these states, or `for` so long from its request, whatever becomes of the run (a throttle).
 * Unless given: while it has not ended; with `replace` and `debounce`: while it has not begun, so that what comes after is
 * a run of its own and is not lost.
 */
export type Unique<P> = { by?: By<P>; onConflict?: OnConflict } & (
  | { while?: Extract<State, "scheduled" | "ready" | "waiting" | "running">[]; for?: never }
  | { for: Duration; while?: never }
);

/** How many may run at once. */
export interface Limit<P> {
  /** Whole number from 1. */
  limit: number;
  /** For each key; for the whole job unless given. */
  by?: By<P>;
  /** All jobs with a limit of this name share it; the job's own unless given. */
  name?: string;
}

/** How many may start in a time, over all workers. */
export interface Rate<P> {
  /** Whole number from 1. Starts are spread: one each `per / limit`, beside a `burst`. */
  limit: number;
  /** The time in which so many may start. */
  per: Duration;
  /** For each key; for the whole job unless given. */
  by?: By<P>;
  /** How many may start at once after a pause: as many as a tenth of a second allows, and at least 1, unless given. */
  burst?: number;
  /** All jobs with a rate of this name share it; the job's own unless given. */
  name?: string;
}

/**
 * What hears that a run has failed for good. A job that takes a RunFailure: its run is recorded in the transaction that
 * records the failure, so it is never lost and never twice. A function: called in a worker after that, once at most; a
 * worker that dies in between calls nobody. What it throws is reported and changes nothing.
 */
export type OnFailed<I> = Taking<RunFailure<I>> | ((failure: RunFailure<I>) => void | Promise<void>);

/** Everything a job decides about its runs. `P` is what the input schema gives out, `I` what is stored. */
export interface Policy<P, I = unknown> {
  /** `default` unless given. */
  queue?: string;
  /** Whole number from -10 to 10, bigger is sooner; 0 unless given. */
  priority?: number;
  /** How often a failed attempt is tried again, and when; 10 attempts in all unless given. */
  retry?: Retry;
  /** Of one execution; 15 minutes unless given, and never none: a hang must end. */
  timeout?: Duration;
  /**
   * How many workers a run may take down, by a crash, a blocked event loop or by using up the memory; then it fails with
   * reason `poison`, whatever attempts are left. Whole number from 1; 3 unless given.
   */
  crashes?: number;
  /** From the request to the first start; a run that is later fails with reason `expired`. */
  startWithin?: Duration;
  /** From the request to the end; a run that is later fails with reason `expired`. */
  finishWithin?: Duration;
  /** One run at a time for one thing: what becomes of a request for the same. */
  unique?: Unique<P>;
  /**
   * One run at a time for one key, in the order they were asked for. A text is a key as it is, so jobs share a lock by
   * giving the same text (`"server:532"`); fields make one that is the job's own. `hold: "run"`, unless given, keeps it
   * over waits and retries, from the first start to the end.
   */
  lock?: By<P> | { by: By<P>; hold?: "run" | "attempt" };
  /** How many may be running at once; several limits hold together. A run that waits counts for none. */
  concurrency?: Limit<P> | readonly Limit<P>[];
  /** How many may start in a time; several rates hold together. A job has at most 8 locks, limits and rates. */
  rate?: Rate<P> | readonly Rate<P>[];
  /**
   * Whose share of its queue a run takes: those who have runs there take turns, however many each has. A key means the
   * same one in all jobs of the queue.
   */
  fair?: { by: By<P> };
  /**
   * How long ended runs are kept: 7 d succeeded, 90 d failed, 7 d cancelled unless given. False: 15 minutes when it
   * succeeded, for its result and for requests that are sent again; failed and cancelled ones as usual.
   */
  keep?: false | { succeeded?: Duration; failed?: Duration; cancelled?: Duration };
  /** What hears that a run has failed for good: a job, or a function. Not of one that was cancelled. */
  onFailed?: OnFailed<I>;
  /** Events that it is enqueued for: `duckdive.publish(event, payload)` makes the payload its input. */
  on?: string | readonly string[];
  /**
   * Runs the handler where it can be killed: in a thread, or a process, of its own, which is reused and has a limit of
   * memory. Its module is loaded there once more, so it must do nothing but define.
   */
  isolate?: Isolate | Isolate["kind"];
  /** Whole number from 1; a worker runs this version of a job and older ones. */
  version?: number;
  /**
   * Inputs of older versions, made into those of this one when their runs are executed: the step under 1 is given what
   * version 1 stored and gives what version 2 takes, and so on up to this version, whose schema then judges. Without it the
   * schema judges what is stored. Steps should be pure; they may be asynchronous.
   *
   * @example { version: 2, upgrade: { 1: (old: { name: string }) => ({ first: old.name, last: null }) } }
   */
  upgrade?: Upgrades;
  /**
   * Places that people are not shown and that logs do not have: in the input, the output, results of steps, data of errors
   * and fields of log lines. Names joined by dots; `*` is any one name or index, `**` any number of them. What stands there
   * is blanked out in messages as well. Handlers, and code that asks for a run, get it as it is.
   *
   * @example { redact: ["card.number", "items.*.pin", "**.password"] }
   */
  redact?: readonly string[];
  /** For people: shown beside the name. */
  description?: string;
}
