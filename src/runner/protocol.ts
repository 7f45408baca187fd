// What a runner and its workers say to each other.
//
// Two lines lead from a worker to its runner. Over the channel that `fork` makes go plain messages in both directions.
// The second is a pipe that only the worker writes to, one JSON value a line: a thread beside a blocked event loop can
// write to it, and so can a process in its last moment, when nothing that is merely queued will ever be sent.
//
// Before this file comes nothing. After it come the runner, and the worker's side of it in child/.

/** Set for a process that a runner has started; whoever finds it speaks this protocol. */
export const attendedBy = "DUCKDIVE_ATTENDED_BY";

/** The file descriptor of the pipe. */
export const pipeDescriptor = 4;

/** How often a worker says how it is, in milliseconds. A runner that hears nothing for long looks after it. */
export const statusEvery = 1_000;

/** An execution as people name it, with its fence. */
export interface NamedRun {
  readonly run: string;
  readonly job: string;
  readonly token: number;
  readonly attempt: number;
}

/** How a worker is. Times are milliseconds before now, so that no clocks have to agree. */
export interface Status {
  readonly state: "starting" | "working" | "quiet" | "stopping";
  readonly running: readonly (NamedRun & { readonly queue: string; readonly since: number })[];
  /** Executions that were given up and have not ended. */
  readonly leaked: readonly NamedRun[];
  /** How many executions have ended here, since the worker began. */
  readonly ended: number;
  /** Since the store last answered a claim, a settlement, a sign of life; undefined: it never has. */
  readonly lastFetch: number | undefined;
  readonly lastSettle: number | undefined;
  readonly lastBeat: number | undefined;
  /** How long it has wanted to fetch and could not; undefined: it rests, or its slots are taken. */
  readonly fetchingFor: number | undefined;
  /** Resident memory, in bytes. */
  readonly memory: number;
  /** The longest its event loop was late since it last said so, in milliseconds. */
  readonly delay: number;
}

/**
 * A worker that is dead, why, and which runs are to blame; without `culprits` that is not known. `executing`: what it was
 * doing when it was last heard of, some of which may have ended since.
 */
export interface Death {
  readonly worker: string;
  readonly cause: string;
  readonly culprits?: readonly string[];
  readonly executing?: readonly Pick<NamedRun, "run" | "token" | "attempt">[];
}

/** An event loop that has stood still for this many milliseconds, and whose execution it was, where that can be told. */
export interface Blocked {
  readonly milliseconds: number;
  readonly run?: NamedRun;
  /** What was being executed, one frame a line, innermost first. */
  readonly stack?: string;
}

/** Over the channel, from a worker. */
export type FromWorker =
  | { readonly type: "ready"; readonly worker: string }
  | { readonly type: "status"; readonly status: Status }
  /** It should be replaced: executions have leaked, or cannot be let go. */
  | { readonly type: "recycle"; readonly why: string }
  /** A dead worker's runs were given back. */
  | { readonly type: "rescued"; readonly worker: string; readonly runs: number };

/** Over the pipe, from a worker. */
export type FromPipe =
  | ({ readonly type: "blocked" } & Blocked)
  | ({ readonly type: "unblocked" } & Blocked)
  /** It is about to end, and by which execution: `run` is absent when that is not known. */
  | { readonly type: "dying"; readonly cause: string; readonly run?: NamedRun }
  /** It was told to stop, or found nothing left to do, and has done so. */
  | { readonly type: "leaving"; readonly why: "stopped" | "empty" };

/** Over the channel, to a worker. */
export type ToWorker =
  /** Fetch no more, wait up to so many milliseconds, hand back what is left, end. Again with less: hurry. */
  | { readonly type: "stop"; readonly drain: number }
  | { readonly type: "quiet" }
  | { readonly type: "resume" }
  /** Say how you are, now. */
  | { readonly type: "report" }
  /** Abort what runs, as failed attempts, and go on. */
  | { readonly type: "kill" }
  /** Another worker is dead: give its runs back. */
  | { readonly type: "died"; readonly death: Death }
  /** Another worker's event loop stands still: write that on the run. */
  | { readonly type: "blocked"; readonly worker: string; readonly blocked: Blocked };
