// The durable side of an execution, as the loop meets it: calls to hand to the handler, and word that it is suspended.
//
// How a handler is replayed and when it stands still is not the loop's business; the worker brings the maker of this.
//
// Before this file come jobs and the store's entries, as types. After it come the handler's `ctx` and the execution.
import type {
  AnyContract,
  ChildOptions,
  OnChildFailure,
  ResolvedPolicy,
  Retry,
  Signal,
  StepInfo,
  Wait,
} from "../job/index.js";
import type { Duration } from "../kernel/index.js";
import type { Claimed, Entry } from "../store/contract.js";

type Body = (info: StepInfo) => unknown;

/** The calls under one prefix. What they give is typed where `ctx` is. */
export interface DurableCalls {
  step(name: string, body: Body, options?: { retry?: Retry; timeout?: Duration }): Wait<unknown>;
  poll(name: string, options: { every: Duration; timeout: Duration }, body: Body): Wait<unknown>;
  run(name: string, contract: AnyContract, input?: unknown, options?: ChildOptions): Wait<unknown>;
  runAll(
    name: string,
    contract: AnyContract,
    inputs: Iterable<unknown>,
    options?: ChildOptions & { onFailure?: OnChildFailure; atOnce?: number },
  ): Wait<unknown>;
  sleep(name: string, length: Duration): Wait<void>;
  until(name: string, date: Date | string): Wait<void>;
  waitFor(
    name: string,
    signal: Signal<string, unknown, unknown>,
    options?: { timeout?: Duration },
  ): Wait<unknown>;
  patched(name: string): boolean;
  /** A call that is done elsewhere, such as in a transaction: `body` gets its whole name and answers what was recorded. */
  elsewhere(
    name: string,
    kind: Entry["kind"],
    body: (name: string) => Promise<readonly Entry[]>,
    read: (entry: Entry) => unknown,
  ): Wait<unknown>;
}

export interface DurableSide {
  calls(prefix: string): DurableCalls;
  /** Resolves with the names that are waited for, when the handler is suspended. */
  readonly suspended: Promise<readonly string[]>;
  /** The highest position on record that this execution knows. */
  readonly after: number;
  /** It has put something new on record, and so the run has all its attempts again: this one is the first. */
  readonly hasProgressed: boolean;
  /** The handler has ended. @throws HistoryMismatchError */
  end(): Promise<void>;
  /** The execution was given up: nothing that the handler calls from now on does anything. */
  seal(): void;
}

export type MakeDurable = (execution: {
  readonly claimed: Claimed;
  /** How a step is retried that does not say so itself. */
  readonly retry: Pick<ResolvedPolicy, "attempts" | "backoff" | "when">;
  /** What earlier executions have recorded. */
  readonly history: readonly Entry[];
  readonly signal: () => AbortSignal;
  /** The claim is gone: the execution has to stop. */
  readonly onLost: () => void;
}) => DurableSide;
