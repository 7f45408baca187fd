// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a job here; nothing is inferred as it
// Declarations of what the surface names and src does not have yet. Each goes when it is built.
import type { Contract, Job } from "../../src/job/index.js";
import type { Duration } from "../../src/kernel/index.js";
import type { Run, Schedule } from "../../src/queue/types.js";
import type { TestQueue } from "../../src/testing/index.js";

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
