// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a job here; nothing is inferred as it
// Declarations of what the surface names and src does not have yet. Each goes when it is built.
import type { Adapter, Contract, Job, Log, RunRecord } from "../../src/job/index.js";
import type { Duration } from "../../src/kernel/index.js";
import type { Duckdive, Run, Schedule } from "../../src/queue/types.js";

type Every = { cron: string; every?: never } | { every: Duration; cron?: never };

export function schedule<I>(
  name: string,
  job: Contract<string, I, any, any, any>,
  options: Every & {
    timeZone?: string;
    missed?: "skip" | "once" | { all: number };
    overlap?: "allow" | "skip";
    jitter?: Duration;
    start?: Date;
    end?: Date;
  } & (undefined extends I ? { input?: I } : { input: I | ((tick: { at: Date }) => I) }),
): Schedule;

export interface TestQueue<Tx, Sync extends boolean> extends Duckdive<Tx, Sync> {
  drain(): Promise<{ succeeded: number; failed: number; waiting: number }>;
  advance(duration: Duration): Promise<void>;
  readonly now: Date;
  enqueued<I, O>(job: Contract<string, I, any, O, any>): Promise<RunRecord<I, O>[]>;
}

export function testQueue<Tx = unknown, Sync extends boolean = false>(options: {
  jobs: readonly Job<any, any, any, any, any, NoInfer<Tx>>[];
  with?: Adapter<Tx, Sync>;
  now?: Date | string;
  log?: Log;
}): TestQueue<Tx, Sync>;

export interface Report {
  readonly boundaries: readonly { at: string; fault: string; differs: string[]; twice: string[] }[];
  toString(): string;
  assertIdempotent(): void;
}

export function explore<I, W>(
  job: Job<string, I, any, any, any, any>,
  input: NoInfer<I>,
  options: {
    world: () => W;
    jobs: (world: W) => readonly Job<any, any, any, any, any, any>[];
    observe: (world: W) => unknown;
    signals?: (queue: TestQueue<unknown, false>, run: Run) => Promise<void>;
    seed?: number;
  },
): Promise<Report>;
