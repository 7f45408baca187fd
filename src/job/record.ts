// A run as the application sees it: plain data, read once, never live.
//
// These are the words that jobs, handlers and callers share about runs. What moves a run from one state to another
// stands in `run/`; here is only what a run looks like.
//
// Before this file comes nothing. After it come the errors that callers meet, and everything that shows a run.

/** Where a run stands. `waiting` has a reason, and holds no worker. */
export type State = "scheduled" | "ready" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";

/** Why a run is `waiting`; each reason has the one event that ends it. */
export type WaitingReason = "entries" | "dependency" | "admission" | "worker" | "paused" | "preparation";

/** An error as data: what was thrown, with its causes. `code` and `data` are what the handler gave to `ctx.fail`. */
export interface StoredError {
  name: string;
  message: string;
  code?: string;
  data?: unknown;
  stack?: string;
  cause?: StoredError;
}

/** How a run ended. */
export type Settled<O> =
  | { state: "succeeded"; output: O }
  | { state: "failed"; error: StoredError }
  | { state: "cancelled"; reason: string };

/** What travels with a run and with everything it enqueues: a tenant, a trace, a request id. */
export type Meta = Readonly<Record<string, string>>;

/** One run, as it was when it was read. */
export interface RunRecord<I = unknown, O = unknown> {
  id: string;
  job: string;
  queue: string;
  state: State;
  /** What was stored: the schema's input after JSON. */
  input: I;
  output?: O;
  /** The last error, also of a run that will be tried again. */
  error?: StoredError;
  /** The attempt it is at: 0 before the first, counted when a worker takes it. */
  attempt: number;
  requestedAt: Date;
  /** When it may start, at the earliest. */
  runAt: Date;
  startedAt?: Date;
  finishedAt?: Date;
  tags: string[];
  meta: Meta;
  /** The version of the job that asked for it: a worker runs its own version and older ones. */
  version: number;
  /** From -10 to 10, bigger is sooner. */
  priority: number;
  /** How many executions of it were lost with their worker. */
  crashes: number;
  /** Why it failed or was cancelled: a word of duckdive's own, or what the handler or somebody gave. */
  reason?: string;
  /** What a `waiting` run waits for, and where known the thing itself. */
  waiting?: { reason: WaitingReason; on?: string };
  /** Set while a cancellation was asked for and the run has not ended: the reason that was given. */
  cancelAsked?: string;
  /** What the handler last said of how far it is. */
  progress?: { done: number; total?: number; note?: string };
  /** The worker that has it, while it is running. */
  worker?: string;
  /** The run that asked for this one as a child. */
  parent?: string;
  /** Of the runs that it was to come after, those that have not ended well, the first hundred. */
  after?: string[];
  /** The batch that it is counted in. */
  batch?: string;
  /** The release of the application that asked for it, where it has one. */
  release?: string;
  /** The release of the worker that has it, or that ended it, where it has one. */
  ranRelease?: string;
}

/** A run that has failed for good, as its job's `onFailed` is told of it: plain JSON. */
export interface RunFailure<I = unknown> {
  runId: string;
  job: string;
  queue: string;
  /** As it was stored. */
  input: I;
  /** The last error. */
  error: StoredError;
  /** A word of duckdive's own, such as `error`, `timeout`, `expired`, or the code that the handler gave to `ctx.fail`. */
  reason: string;
  /** How many attempts were counted. */
  attempts: number;
  /** How many executions were lost with their worker. */
  crashes: number;
  /** ISO 8601. */
  requestedAt: string;
  tags: string[];
  meta: Record<string, string>;
}
