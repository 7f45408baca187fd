// Isolates, as the loop meets them: a place where a handler runs that can be ended.
//
// What such a place is and how it is reached is not the loop's business; the worker brings it.
//
// Before this file come claimed runs. After it come the execution in an isolate, and the isolates.
import type { AnyJob, ResolvedPolicy } from "../job/index.js";
import type { Ended } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import type { Committed } from "./conclusion.js";
import type { Notes } from "./notes.js";
import type { Stop } from "./stop.js";

/** How a handler ended in its isolate. */
export interface IsolatedEnd {
  readonly ended: Ended | Committed;
  /** Which attempt it was by then: one that has put something new on record is a first one. */
  readonly attempt: number;
}

/** What is asked of the isolates. */
export interface IsolatedTask {
  readonly claimed: Claimed;
  readonly known: { readonly job: AnyJob; readonly policy: ResolvedPolicy };
  readonly notes: Notes;
  /** The isolate is there, and the handler is called now. */
  readonly onCalled: () => void;
  /** The handler has ended, and cleans up: it is not stopped any more. */
  readonly onEnding: () => void;
  /** The handler has met the loss of its claim. */
  readonly onLost: () => void;
}

/** An execution elsewhere. */
export interface Isolated {
  /** Never rejects; does not resolve once it was given up. */
  readonly end: Promise<IsolatedEnd>;
  abort(stop: Stop): void;
  /** Lets it clean up, as far as it can, and ends its isolate. Resolves when nothing is left of it. */
  giveUp(): Promise<void>;
}

/** Where isolated handlers run. */
export interface Isolation {
  execute(task: IsolatedTask): Isolated;
}
