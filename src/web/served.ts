// What of a client is served: everything but asking inside of a transaction, so a client of any adapter fits.
//
// Types alone. Before this file comes the client. After it come the routes and the pages.
import type { AnyContract, Signal } from "../job/index.js";
import type { Duckdive, NamedRequest, NamedRun, Run } from "../queue/index.js";

/** @inline */
type Asking =
  | "enqueue"
  | "enqueueMany"
  | "enqueueSync"
  | "enqueueByName"
  | "publish"
  | "flow"
  | "batch"
  | "signal";

/** What is served: a client, whatever its adapter is. */
export type Served = Omit<Duckdive<never, boolean>, Asking> & {
  /** As `duckdive.enqueueByName`. */
  enqueueByName(requests: Iterable<NamedRequest>): Promise<NamedRun[]>;
  /** As `duckdive.publish`. */
  publish(
    event: string,
    payload?: unknown,
    options?: { tags?: string[]; meta?: Record<string, string> },
  ): Promise<Run[]>;
  /** As `duckdive.signal`. */
  signal(
    run: string | { job: AnyContract; key: string },
    signal: Signal<string, unknown, unknown>,
    payload: unknown,
    options?: { id?: string },
  ): Promise<void>;
};
