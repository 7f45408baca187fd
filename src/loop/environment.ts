// What one execution needs from around it, handed in as one value.
//
// The worker makes it once from its parts; the loop, the executions and their contexts share it. Nothing in `loop/`
// reaches for anything that is not in here, which is what lets a test run the real loop under a clock of its own.
import type {
  Adapter,
  AnyContract,
  AnyJob,
  Log,
  Redaction,
  Request,
  RequestOptions,
  ResolvedPolicy,
} from "../job/index.js";
import type { Clock, Events } from "../kernel/index.js";
import type { ExecuteMiddleware } from "../middleware/index.js";
import type { RunEvents } from "../run/index.js";
import type { Claimed, Store } from "../store/contract.js";
import type { MakeDurable } from "./durable.js";
import type { Hooks } from "./hooks.js";
import type { Isolation } from "./isolation.js";
import type { Retained } from "./retained.js";
import type { Statistics } from "./statistics.js";

/** A job as a worker holds it: the definition, and its policy resolved once. */
export interface KnownJob {
  readonly job: AnyJob;
  readonly policy: ResolvedPolicy;
  /** What logs and listeners do not hear of its runs; absent: they hear all. */
  readonly redaction?: Redaction | undefined;
}

/** The enqueueing hand of a handler: `ctx.enqueue` goes through the same path as the application's own. */
export type EnqueueFromRun = (
  job: AnyContract,
  input: unknown,
  options: RequestOptions & { readonly id: string; readonly meta: Record<string, string> },
) => Promise<{ readonly id: string }>;

/** Adds to a batch as the application's own hand does: all or none. */
export type AddFromRun = (batch: string, requests: Iterable<Request>) => Promise<void>;

/** Told of executions, so that the run can be named to which the code belongs that is executed now. */
export interface Frames {
  /** Calls what belongs to an execution; it goes on until it is left. */
  enter<T>(claimed: Claimed, body: () => T): T;
  /** The execution has ended. */
  leave(claimed: Claimed): void;
}

export interface Environment {
  /** The version of the application, where it says one. */
  readonly release?: string | undefined;
  /** The id of the worker that all this belongs to. */
  readonly worker: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly jobs: ReadonlyMap<string, KnownJob>;
  readonly events: Events<RunEvents>;
  readonly middleware: readonly ExecuteMiddleware[];
  readonly log: Log;
  readonly random: () => number;
  readonly enqueue: EnqueueFromRun;
  readonly add: AddFromRun;
  /** The application's own transactions, for `ctx.tx` and `ctx.succeed`. */
  readonly adapter: Adapter<unknown, boolean> | undefined;
  /** Absent: nobody asks whose code it is that is executed. */
  readonly frames?: Frames | undefined;
  /** Absent: nobody is told of failures. */
  readonly hooks?: Pick<Hooks, "follow" | "failed"> | undefined;
  /** Absent: nobody counts. */
  readonly statistics?: Pick<Statistics, "ended"> | undefined;
  /** Absent: nobody asks whether what is suspended can be let go. */
  readonly retained?: Pick<Retained, "add"> | undefined;
  /** Makes the durable calls of an execution. */
  readonly makeDurable: MakeDurable;
  /** Absent: all handlers run here, whatever their policy says of isolates. */
  readonly isolation?: Isolation | undefined;
  /** How long a handler has to end after its signal was aborted, in milliseconds. */
  readonly grace: number;
}
