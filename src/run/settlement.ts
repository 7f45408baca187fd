// The plain data that ends an execution.
//
// `transition` computes a Settlement from what happened; the loop carries it to the store unread; the store writes it
// under the fence. Nothing here acts, so that the state machine can be tested without a store and a settlement can
// wait in a batch with others.
import type { State, StoredError } from "../job/index.js";

/** Why a run is `waiting`. Each reason has the one event that ends it. */
export type WaitReason =
  /** Suspended in its handler on children, sleeps or signals; an entry it asked for settles. */
  | "entries"
  /** `after` other runs; the last of them ends. */
  | "dependency"
  /** A lock, a concurrency limit or fairness has no slot; a slot is handed over. */
  | "admission"
  /** No live worker has its job at its version; one registers. */
  | "worker"
  /** Its job is paused; it is resumed. */
  | "paused"
  /** Recorded without its definition; a worker that knows the job checks it. */
  | "preparation";

/** A moment: at a time somebody named (milliseconds since 1970), or after a duration on the store's clock. */
export type Moment = { readonly at: number } | { readonly after: number };

/** What shows that a write belongs to an execution that still owns its run. */
export interface Fence {
  readonly run: string;
  /** Higher at every claim of a run than at the one before. */
  readonly token: number;
}

/** Something that happened to a run, for its timeline. A plain success leaves none: the run's own columns tell it. */
export interface NewEvent {
  readonly kind: /** An attempt failed; `detail` is the StoredError. */
    | "failed"
    /** The worker died, or lost its claim. */
    | "lost"
    | "snoozed"
    | "handedBack"
    | "parked"
    | "unparked"
    | "suspended"
    | "cancelAsked"
    | "cancelled"
    | "retried"
    | "prepared"
    | "expired"
    /** The handler was told to come later: by another service, which it asked too often. */
    | "rateLimited"
    /** A later request with the same unique key changed it. */
    | "replaced"
    /** Somebody gave it another queue, priority or time; `detail` says which. */
    | "changed"
    /** Its handler began it anew, with another input and an empty record. */
    | "restarted";
  readonly detail?: unknown;
}

/** How an execution ended. The one verb that ends an attempt takes nothing else. */
export interface Settlement extends Fence {
  /** The store's own mark of the claim, handed through; absent in stores that need none. */
  readonly claim?: string | undefined;
  readonly state: Exclude<State, "running">;
  /** When it may start again, for `scheduled`. */
  readonly due?: Moment | undefined;
  /** Give the attempt back that the claim counted: a snooze, a park, a hand-back, a suspension; a run that was refused. */
  readonly giveBack?: boolean | undefined;
  /** Why, in one word, for `failed`: see `failureReasons`; or the code the handler gave. */
  readonly reason?: string | undefined;
  readonly waiting?: { readonly reason: WaitReason; readonly on?: string | undefined } | undefined;
  readonly output?: string | undefined;
  readonly error?: StoredError | undefined;
  /** Milliseconds to keep the run after its end. */
  readonly keep?: number | undefined;
  readonly events?: readonly NewEvent[] | undefined;
  /**
   * For so long, in milliseconds, nobody else is to start either: at the rates of this run, or where it has none, in its
   * queue. What waits longer already goes on waiting.
   */
  readonly holdBack?: number | undefined;
  /**
   * For `ready`: the run begins anew, with this input, all its attempts, and no record but of having begun anew so many times.
   * Its children end or are left as at its end; signals that nobody has taken stay.
   */
  readonly restart?:
    | {
        readonly input: string | undefined;
        /** Of the job that judged the input: the run is of that version from then on. */
        readonly version: number;
        readonly times: number;
      }
    | undefined;
}

/** The words duckdive itself uses for why a run failed; a handler's own code stands beside them. */
export const failureReasons = {
  error: "the handler threw and no attempt was left, or its `retry.when` said no",
  timeout: "the last attempt ran past its timeout",
  "out-of-memory": "the last attempt used up the memory of its isolate",
  exited: "the last attempt ended its isolate by process.exit",
  crashed: "the last attempt crashed its isolate",
  lost: "the last attempt was lost with its worker",
  poison: "it took down as many workers as its `crashes` lets it",
  expired: "it had not started within `startWithin`, or not ended within `finishWithin`",
  dependency: "a run that it was to come after did not succeed",
  "invalid-input": "its stored input is not what the job accepts, or its `upgrade` cannot make it so",
  "not-built": "it asked for what this version of duckdive does not do",
  "invalid-output": "the handler returned what cannot be stored, or what its `output` schema refuses",
} as const;
