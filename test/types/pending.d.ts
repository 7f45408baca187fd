// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a job here; nothing is inferred as it
// Declarations of what the surface names and src does not have yet. Each goes when it is built.
import type { Job } from "../../src/job/index.js";
import type { Run } from "../../src/queue/types.js";
import type { TestQueue } from "../../src/testing/index.js";

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
