// What listeners hear of runs in this process: logs, metrics and the application's own `duckdive.on(...)`.
//
// Events are told, never asked: nothing in duckdive waits for a listener or depends on one. They speak of what this
// process did; what other processes did stands in the store.
import type { StoredError } from "../job/index.js";

/** @inline */
interface About {
  readonly run: string;
  readonly job: string;
  readonly queue: string;
}

/** @inline */
interface Executed extends About {
  readonly attempt: number;
  readonly worker: string;
}

/** What `duckdive.on` hears, by the name of the event: of the runs of this process alone. */
export interface RunEvents {
  /** A run was recorded by this process, and its commit is done. */
  enqueued: About & { readonly created: boolean };
  /** A handler is about to be called. `waited`: for how long the run had been due, in milliseconds. */
  started: Executed & { readonly tags: readonly string[]; readonly waited: number };
  /** A run has succeeded. */
  succeeded: Executed & { readonly milliseconds: number };
  /** An attempt failed and another one follows. */
  retrying: Executed & { readonly milliseconds: number; readonly error: StoredError };
  /** A run has failed for good. `reason`: `timeout`, `expired` …, or a code of its job. */
  failed: Executed & { readonly milliseconds: number; readonly error: StoredError; readonly reason: string };
  /** A run that was running was cancelled. */
  cancelled: Executed & { readonly reason: string };
  /** A handler asked to be called again later. */
  snoozed: Executed;
  /** A stopping worker gave a run back; it keeps its attempt. */
  handedBack: Executed;
  /** A run was put aside until what it waits for has come: `reason` says what. */
  parked: Executed & { readonly reason: string };
  /** This execution's claim was lost: its end was refused, another worker has or had the run. */
  refused: Executed;
  /** A handler ignored its aborted signal; its run was settled without it and it may still be running. */
  abandoned: { readonly run: string; readonly job: string; readonly why: string };
  /** An abandoned handler goes on, or has ended after all. `leaked`: how many go on in this worker. */
  leaked: {
    readonly run: string;
    readonly job: string;
    readonly worker: string;
    readonly isOver: boolean;
    readonly leaked: number;
  };
  /** A dead worker's run was given back. `innocent`: others are to blame, and it keeps its attempt. */
  lost: {
    readonly run: string;
    readonly job: string;
    readonly attempt: number;
    readonly worker: string;
    readonly cause?: string;
    readonly innocent?: true;
  };
  /** A worker of this process was told something that is the application's own: its payload is as it was sent. */
  message: { readonly worker: string; readonly name: string; readonly payload: unknown };
  /** A handler told how far it is. */
  progress: {
    readonly run: string;
    readonly job: string;
    readonly done: number;
    readonly total?: number;
    readonly note?: string;
  };
  /** Trouble that belongs to no run, or that a reporter should hear besides the run's own record. */
  error: { readonly error: unknown; readonly where: string; readonly run?: string; readonly job?: string };
}
