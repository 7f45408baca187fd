// What the durable calls of one execution work with, handed in as one value.
//
// Before this file comes the engine. After it come the calls, one kind a file.
import type { AnyContract, ResolvedPolicy } from "../job/index.js";
import type { Clock } from "../kernel/index.js";
import type { Composed, StepCall } from "../middleware/index.js";
import type { Entry, NewRun, StoredRun } from "../store/contract.js";
import type { Engine } from "./engine.js";

export interface CallParts {
  readonly engine: Engine;
  readonly run: string;
  /** What ids are made of: the run, and how often it has begun anew. */
  readonly origin: string;
  readonly job: string;
  /** When the run was claimed, on the store's clock: what is due by then is over. */
  readonly now: number;
  /** How often a step is tried that does not say so itself. */
  readonly retry: Pick<ResolvedPolicy, "attempts" | "backoff" | "when">;
  readonly clock: Clock;
  readonly random: () => number;
  /** That of the execution: it aborts when the execution has to stop. */
  readonly signal: () => AbortSignal;
  /** The run that a handler asks for, judged by its job. */
  readonly newRun: (
    contract: AnyContract,
    input: unknown,
    options: { readonly priority?: number; readonly tags?: string[] },
  ) => Promise<NewRun>;
  /** The keys of the locks that the run and its ancestors hold for as long as they live. */
  readonly heldLocks: () => Promise<ReadonlySet<string>>;
  /** Stands around each call of the body of a step; undefined: nothing does. */
  readonly aroundStep?: Composed<StepCall> | undefined;
  /** Runs by id, in their order. */
  readonly find: (ids: readonly string[]) => Promise<(StoredRun | undefined)[]>;
}

/** Calls the body of a step inside of what stands around steps. */
export async function throughMiddleware<T>(
  { aroundStep, run, job }: Pick<CallParts, "aroundStep" | "run" | "job">,
  { step, attempt }: Pick<StepCall, "step" | "attempt">,
  body: () => T | Promise<T>,
): Promise<T | undefined> {
  if (aroundStep === undefined) return body();
  let given: T | undefined;
  await aroundStep({ run, job, step, attempt }, async () => {
    given = await body();
  });
  return given;
}

/** Whether a pending entry has waited for as long as it was to wait. */
export function isDue(entry: Entry, now: number): boolean {
  const { due } = entry;
  return due !== undefined && "at" in due && due.at <= now;
}
