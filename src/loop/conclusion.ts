// An execution as the loop sees it: something that can be told to stop, and that ends.
//
// Before this file comes a claimed run. After it comes the execution itself.
import type { Settlement } from "../run/index.js";
import type { Claimed, Settling } from "../store/contract.js";
import type { Stop } from "./stop.js";

export interface Execution {
  readonly claimed: Claimed;
  /** When its handler was called, on the clock of `performance`; undefined: it has not been, or never is. */
  readonly calledAt: number | undefined;
  /** False: it holds no slot of its own, since it is one of several that share one. */
  readonly holdsSlot?: boolean;
  /** Aborts the handler's signal; after the grace, in milliseconds, the execution ends without it. The first reason stays. */
  stop(stop: Stop, grace: number): void;
  readonly conclusion: Promise<Conclusion>;
}

/** How an execution ended. */
export interface Conclusion {
  readonly settlement: Settling;
  /** `ctx.succeed`: it stands in the store already. */
  readonly isCommitted: boolean;
  /** It was given up, and its handler goes on: until then. */
  readonly leaked?: Promise<unknown>;
}

/** The run was ended in a transaction of the handler's. */
export interface Committed {
  readonly how: "committed";
  readonly settlement: Settlement;
}
