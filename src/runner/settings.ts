// What a runner is asked to be, read once: durations in milliseconds, memory in bytes, defaults filled in.
//
// Before this file comes the kernel. After it come the crew and the runner, which never look at the options again.
import { availableParallelism } from "node:os";
import {
  type Bytes,
  bytes,
  type Clock,
  checkOptions,
  type Duration,
  duration,
  InvalidOptionError,
} from "../kernel/index.js";
import type { Program } from "./child.js";
import type { Limits } from "./recycle.js";

/** How much a line of the log matters. */
export type Level = "debug" | "info" | "warn" | "error";

/** Takes a line of the runner's log: what happened as a word, as a sentence, and as fields. */
export type Say = (event: string, text: string, fields?: object, level?: Level) => void;

/** What a runner starts, how many of it, and when one is replaced or ended. */
export interface RunnerOptions {
  /** What is started in every process. It speaks the protocol; the runner never loads it. */
  readonly program: Program;
  /** How many. Default: one for each core that may be used. */
  readonly processes?: number;
  /** How long a worker that is to stop waits for its runs before it hands them back. Default 25 s. */
  readonly drain?: Duration;
  /** A worker is replaced when it is as old as this. Default: never. */
  readonly maxAge?: Duration;
  /** A worker is replaced when it has executed as many runs. Default: never. */
  readonly maxRuns?: number;
  /** A worker is replaced when its resident memory is over this; bytes, or `"512mb"`. Default: never. */
  readonly maxMemory?: Bytes;
  /** A worker whose event loop stands still for longer is killed. Default 10 s; 0: never. */
  readonly maxBlock?: Duration;
  /** Folders and files: when something in them changes, every worker is replaced. For development. */
  readonly watch?: readonly string[];
  /** Where the health can be asked. `host` is 127.0.0.1 unless given; port 0 takes any that is free. */
  readonly health?: { readonly port: number; readonly host?: string };
  readonly say: Say;
  /** Time that never jumps. Default: the process's own, which stands still while the machine sleeps. */
  readonly clock?: Clock;
  /** Whether the signals of this process are obeyed. Default true. */
  readonly signals?: boolean;
}

export interface Settings {
  readonly program: Program;
  readonly processes: number;
  readonly drain: number;
  readonly limits: Limits;
  readonly maxBlock: number;
  readonly watch: readonly string[];
  readonly isWatching: boolean;
  readonly health: { readonly port: number; readonly host: string } | undefined;
  readonly say: Say;
  readonly signals: boolean;
}

const known = [
  "program",
  "processes",
  "drain",
  "maxAge",
  "maxRuns",
  "maxMemory",
  "maxBlock",
  "watch",
  "health",
  "say",
  "clock",
  "signals",
];

/** @throws InvalidOptionError, InvalidDurationError naming the option and what it may be */
export function readOptions(options: RunnerOptions): Settings {
  checkOptions(options, known, "runner");
  const {
    program,
    processes,
    drain = "25s",
    maxBlock = "10s",
    watch = [],
    health,
    say,
    signals = true,
  } = options;
  if (health !== undefined) wholeNumber(health.port, "runner: health.port", 0, 65_535);
  return {
    program,
    processes: wholeNumber(processes ?? availableParallelism(), "runner: processes", 1, 1_024),
    drain: duration(drain, "runner: drain"),
    limits: limitsOf(options),
    maxBlock: duration(maxBlock, "runner: maxBlock"),
    watch,
    isWatching: watch.length > 0,
    health: health === undefined ? undefined : { host: "127.0.0.1", ...health },
    say: unbreakable(say),
    signals,
  };
}

function limitsOf({ maxAge, maxRuns, maxMemory }: RunnerOptions): Limits {
  return {
    maxAge: maxAge === undefined ? undefined : duration(maxAge, "runner: maxAge"),
    maxRuns:
      maxRuns === undefined ? undefined : wholeNumber(maxRuns, "runner: maxRuns", 1, Number.MAX_SAFE_INTEGER),
    maxMemory: maxMemory === undefined ? undefined : bytes(maxMemory, "runner: maxMemory"),
  };
}

function wholeNumber(value: number, where: string, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new InvalidOptionError(
    `${where} is ${JSON.stringify(value)}. Use a whole number ${most === Number.MAX_SAFE_INTEGER ? `from ${least} up` : `from ${least} to ${most}`}.`,
  );
}

/** A log that fails must not end what keeps the workers alive. */
function unbreakable(say: Say): Say {
  return (...line) => {
    try {
      say(...line);
    } catch (error) {
      process.emitWarning(`The runner's log failed: ${String(error)}`, "DuckdiveWarning");
    }
  };
}
