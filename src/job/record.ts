// A run as the application sees it: plain data, read once, never live.
//
// These are the words that jobs, handlers and callers share about runs. What moves a run from one state to another
// stands in `run/`; here is only what a run looks like.
//
// Before this file comes nothing. After it come the errors that callers meet, and everything that shows a run.

/** Where a run stands. `waiting` has a reason, and holds no worker. */
export type State = "scheduled" | "ready" | "running" | "waiting" | "succeeded" | "failed" | "cancelled";

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
}
