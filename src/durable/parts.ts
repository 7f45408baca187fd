// What the durable calls of one execution work with, handed in as one value.
//
// Before this file comes the engine. After it come the calls, one kind a file.
import type { AnyContract, ResolvedPolicy } from "../job/index.js";
import type { Clock } from "../kernel/index.js";
import type { Entry, NewRun, StoredRun } from "../store/contract.js";
import type { Engine } from "./engine.js";

export interface CallParts {
  readonly engine: Engine;
  readonly run: string;
  readonly job: string;
  /** When the run was claimed, on the store's clock: what is due by then is over. */
  readonly now: number;
  /** How often a step is tried that does not say so itself. */
  readonly retry: Pick<ResolvedPolicy, "attempts" | "backoff" | "when">;
  readonly clock: Clock;
  readonly random: () => number;
  /** That of the execution: it aborts when the execution has to stop. */
  readonly signal: () => AbortSignal;
  /** Earlier executions of the run have recorded something. */
  readonly hasHistory: boolean;
  /** The run that a handler asks for, judged by its job. */
  readonly newRun: (
    contract: AnyContract,
    input: unknown,
    options: { readonly priority?: number; readonly tags?: string[] },
  ) => Promise<NewRun>;
  /** Runs by id, in their order. */
  readonly find: (ids: readonly string[]) => Promise<(StoredRun | undefined)[]>;
}

/** Whether a pending entry has waited for as long as it was to wait. */
export function isDue(entry: Entry, now: number): boolean {
  const { due } = entry;
  return due !== undefined && "at" in due && due.at <= now;
}
