// A job's policy, as it is written: data, and small pure functions of the parsed input.
//
// Policy belongs to the job and to nobody else, so that two callers cannot disagree about a timeout. What the
// enqueuer's definition decides is stored with the run (queue, priority, keys, expiry); what the worker's definition
// decides is read when it is used (retry, timeout, isolate, keep). Functions must be pure, synchronous and cheap.
//
// Before this file come durations and the stored error. After it comes policy.ts, which reads and checks all this.

import type { Duration } from "../kernel/index.js";
import type { State, StoredError } from "./record.js";

/** Which runs belong together: by fields of the input, or by a text made of it. Null: the rule is not for this run. */
export type By<P> = (keyof P & string) | readonly (keyof P & string)[] | ((input: P) => string | null);

/** How long to wait between attempts. `base` defaults to 5 s, `cap` to 6 h, `jitter` to 0.2 (20 % either way). */
export type Backoff =
  | { kind: "fixed" | "linear" | "exponential"; base?: Duration; cap?: Duration; jitter?: number }
  | "fixed"
  | "linear"
  | "exponential"
  | ((attempt: number) => Duration);

export interface Retry {
  /** How often it is tried in all; 10 unless given. */
  attempts?: number;
  /** Exponential unless given: 5 s, 15 s, 45 s … up to 6 h. */
  backoff?: Backoff;
  /** Whether this error is worth another attempt; every one is unless given. */
  when?: (error: StoredError) => boolean;
}

/** What becomes of a request whose unique key is taken. `ignore` gives back the run that has it. */
export type OnConflict =
  | "ignore"
  | "reject"
  | { replace: ("input" | "runAt" | "priority")[] }
  | { debounce: Duration; atMost?: Duration };

export type Unique<P> = { by?: By<P>; onConflict?: OnConflict } & (
  | { while?: Extract<State, "scheduled" | "ready" | "waiting" | "running">[]; for?: never }
  | { for: Duration; while?: never }
);

export interface Limit<P> {
  limit: number;
  by?: By<P>;
  name?: string;
}

export interface Rate<P> {
  limit: number;
  per: Duration;
  by?: By<P>;
  burst?: number;
  name?: string;
}

/** Everything a job decides about its runs. `P` is what the input schema gives out. */
export interface Policy<P> {
  /** `default` unless given. */
  queue?: string;
  /** Whole number from -10 to 10, bigger is sooner; 0 unless given. */
  priority?: number;
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
  unique?: Unique<P>;
  /** One run at a time for one key. `hold: "run"` (the default) keeps it over waits and retries. */
  lock?: By<P> | { by: By<P>; hold?: "run" | "attempt" };
  /** How many may be running at once. */
  concurrency?: Limit<P> | readonly Limit<P>[];
  /** How many may start in a time. */
  rate?: Rate<P> | readonly Rate<P>[];
  /** How long finished runs are kept: 7 d succeeded, 90 d failed, 7 d cancelled unless given; false: minutes. */
  keep?: false | { succeeded?: Duration; failed?: Duration; cancelled?: Duration };
  isolate?: "thread" | "process";
  /** Whole number from 1; a worker runs this version of a job and older ones. */
  version?: number;
  description?: string;
}
