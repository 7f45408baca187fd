// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a contract here; nothing is inferred as it
// Schedules, as types: how one is written, how one is seen, and what can be done with one.
//
// The same options define a schedule in code, with `schedule(name, job, …)`, and at run time, with
// `duckdive.schedule(name).create(job, …)`; only code can compute an input at each tick.
//
// Before this file come contracts and durations. After it come the client's types, and `schedule/`, which makes the values.
import type { Contract, RunRecord } from "../job/index.js";
import type { Duration } from "../kernel/index.js";
import type { Tick } from "../store/contract.js";
import type { Run } from "./run-types.js";

/** A schedule in code, made by `schedule()`: for `open(store, { schedules })`. */
export interface Schedule {
  readonly name: string;
}

/** @inline */
type When =
  | {
      /** Five fields, or six with seconds first: `"15 4 * * 1-5"`, `"@daily"`. */
      cron: string;
      every?: never;
      /** Of the fields: `"Europe/Lisbon"`. `"UTC"` unless given. */
      timeZone?: string;
    }
  | {
      /** From one second up. Counted from `start`, or from the beginning of 1970 in UTC. */
      every: Duration;
      cron?: never;
      timeZone?: never;
    };

/** When a schedule ticks, and what becomes of ticks that cannot be as they should. */
export type ScheduleRules = When & {
  /**
   * What becomes of ticks when nobody was there in time: `once` makes one run for all of them, `skip` none, `all` one for
   * each, the last `all` of them. `once` unless given.
   */
  missed?: "skip" | "once" | { all: number };
  /** `skip`: no run while one that the schedule made before has not ended. `allow` unless given. */
  overlap?: "allow" | "skip";
  /** Each run starts later than its tick by up to this, always the same for one tick, and before the next tick. */
  jitter?: Duration;
  /** No tick before. */
  start?: Date;
  /** No tick after. */
  end?: Date;
};

/** A schedule in code: its input is given, or computed from each tick. */
export type ScheduleOptions<I> = ScheduleRules &
  (undefined extends I
    ? {
        /** The input of its runs, or what computes it at each tick. */
        input?: I | ((tick: { at: Date }) => I);
      }
    : {
        /** The input of its runs, or what computes it at each tick. */
        input: I | ((tick: { at: Date }) => I);
      });

/** A schedule at run time: its input is stored. */
export type RuntimeScheduleOptions<I> = ScheduleRules & (undefined extends I ? { input?: I } : { input: I });

/** What became of a tick, or of several that were missed together. */
export interface TickState {
  /** When it was due; of several the first. */
  readonly at: Date;
  /** Of several the last. */
  readonly until: Date | undefined;
  readonly count: number;
  /**
   * `enqueued`: it made a run. `skipped`: the run before had not ended. `missed`: nobody was there in time, and `missed`
   * says not to catch up on it. `failed`: no run could be made, `note` says why. `triggered`: by hand, in between.
   */
  readonly outcome: Tick["outcome"];
  /** The id of its run. */
  readonly runId: string | undefined;
  readonly note: string | undefined;
  readonly recordedAt: Date;
}

/** A tick with the run that it made, as that is now; undefined: it made none, or it is past its keeping. */
export interface PastTick extends TickState {
  readonly run: RunRecord | undefined;
}

/** A schedule as it stands. */
export interface ScheduleState {
  readonly name: string;
  readonly job: string;
  /** Where it is defined: in the code of workers, or by a call at run time. */
  readonly origin: "code" | "runtime";
  /**
   * `retired`: no worker's code names it any more. `unserved`: it would tick, and no worker is there that does it. `over`: it
   * has no tick left.
   */
  readonly state: "active" | "unserved" | "paused" | "retired" | "over";
  readonly cron: string | undefined;
  readonly timeZone: string | undefined;
  /** In milliseconds. */
  readonly every: number | undefined;
  readonly start: Date | undefined;
  readonly end: Date | undefined;
  readonly missed: "skip" | "once" | { readonly all: number };
  readonly overlap: "allow" | "skip";
  /** In milliseconds; 0: none. */
  readonly jitter: number;
  /** Undefined: the job has none, or code computes it. */
  readonly input: unknown;
  /** Code computes the input at each tick. */
  readonly isComputed: boolean;
  /** When it ticks next; undefined while it does not. */
  readonly next: Date | undefined;
  readonly last: TickState | undefined;
  readonly pausedAt: Date | undefined;
  readonly retiredAt: Date | undefined;
  readonly createdAt: Date;
  readonly release: string | undefined;
  /** How many live workers tick it. */
  readonly workers: number;
}

/** The handle of one schedule: it holds the name, and asks the store when it is asked. */
export interface ScheduleHandle {
  readonly name: string;
  /** The schedule as it is now; undefined when there is none. */
  get(): Promise<ScheduleState | undefined>;
  /** When it ticks next: so many times, 10 unless given, as if it were not paused. @throws ScheduleNotFoundError */
  preview(count?: number): Promise<Date[]>;
  /** What became of its ticks, the latest first, with their runs: 100 unless given; the last 500 are kept. */
  history(options?: { limit?: number }): Promise<PastTick[]>;
  /** It does not tick until it is resumed, whatever is deployed meanwhile. False: it was paused. @throws ScheduleNotFoundError */
  pause(): Promise<boolean>;
  /** It ticks again, from the next tick on: those in the pause are not missed. False: it was not paused. */
  resume(): Promise<boolean>;
  /**
   * A run now, whatever its times say, also when it is paused.
   *
   * @throws ScheduleNotFoundError
   * @throws ScheduleNotAtHandError: its input is computed by code that this process does not have
   */
  trigger(): Promise<Run>;
  /**
   * Makes it, at run time. Workers that have the job tick it. With a job by name the input is checked by the worker.
   *
   * @throws ScheduleExistsError
   * @throws InvalidInputError, InvalidOptionError, InvalidDurationError
   * @example await duckdive.schedule(`digest-${user}`).create(digest, { cron: "0 8 * * *", timeZone, input: { user } });
   */
  create<I>(job: Contract<string, I, any, any, any>, options: RuntimeScheduleOptions<I>): Promise<void>;
  /** The same by the job's name: its input is checked by the worker. */
  create(job: string, options: RuntimeScheduleOptions<unknown>): Promise<void>;
  /** Defines one that was made at run time anew. @throws ScheduleNotFoundError, ScheduleInCodeError */
  update<I>(job: Contract<string, I, any, any, any>, options: RuntimeScheduleOptions<I>): Promise<void>;
  /** The same by the job's name. */
  update(job: string, options: RuntimeScheduleOptions<unknown>): Promise<void>;
  /** Removes one that was made at run time, or is retired, with its history; its runs stay. False: there is none. @throws ScheduleInCodeError */
  remove(): Promise<boolean>;
}
