// What can have become of one execution, before anything is decided about the run.
//
// The loop observes (the handler returned, threw, ran out of time, was told to stop …) and says so in one of these
// values; `transition` decides. Keeping the two apart is what lets a property test walk every case without a loop.
import type { StoredError } from "../job/index.js";

export type Ended =
  /** The handler returned; `output` is its stored value. */
  | { readonly how: "returned"; readonly output: string | undefined }
  /** The handler threw, or its settlement could not be made; another attempt may help. */
  | { readonly how: "threw"; readonly error: StoredError }
  /** The handler ran past its timeout, in milliseconds. */
  | { readonly how: "timedOut"; readonly timeout: number }
  /** The isolate that it was executed in ended under it: with too much memory, by `process.exit`, or otherwise. */
  | {
      readonly how: "died";
      readonly reason: "out-of-memory" | "exited" | "crashed";
      readonly error: StoredError;
    }
  /** `ctx.fail`: final, whatever attempts are left. */
  | { readonly how: "failed"; readonly error: StoredError; readonly reason: string }
  /** `ctx.cancel`, or a cancellation asked for from outside that the handler obeyed. */
  | { readonly how: "cancelled"; readonly reason: string }
  | { readonly how: "snoozed"; readonly milliseconds: number }
  /** The handler waits for durable calls of these names. */
  | { readonly how: "suspended"; readonly on: readonly string[] }
  /** `ctx.rateLimited`: another service was asked too often; its rate, or its queue, is held back too. */
  | { readonly how: "rateLimited"; readonly milliseconds: number }
  /** `ctx.restart`: it begins anew, for the so many-th time, with an input of this version of its job. */
  | {
      readonly how: "restarted";
      readonly input: string | undefined;
      readonly version: number;
      readonly times: number;
    }
  /** The worker is stopping and the handler did not end in time. */
  | { readonly how: "handedBack" }
  /** This worker may not run it: it lacks the job or version (`on` is `job@version`), or the job is paused. */
  | { readonly how: "parked"; readonly reason: "worker" | "paused"; readonly on: string }
  /** Never executed: the stored input is not what the job accepts, or cannot be made into that. */
  | { readonly how: "invalidInput"; readonly error: StoredError }
  /** Never executed, or stopped: `startWithin` or `finishWithin` is over. */
  | { readonly how: "expired"; readonly limit: "startWithin" | "finishWithin" }
  /** Never executed: earlier executions were lost with their workers until no attempt was left. */
  | { readonly how: "exhausted" }
  /** Never executed: it has taken down as many workers as its policy lets it. */
  | { readonly how: "poisoned" };
