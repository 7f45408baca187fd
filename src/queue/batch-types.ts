// Batches, as types.
//
// Before this file come jobs, as types. After it come the client's types, and `batch.ts`, which makes the values.
import type { Request, Taking } from "../job/index.js";

/** Runs that are counted together: the handle holds the id, and asks the store when it is asked. */
export interface Batch {
  readonly id: string;
  /**
   * Records runs in the batch, all or none, from outside of it. A handler of a run of the batch uses `ctx.batch.add`.
   *
   * @throws BatchFinishedError: it has finished; a run of the batch that adds keeps it open
   * @throws UnknownBatchError: it is not there
   */
  add(requests: Iterable<Request>): Promise<void>;
  /** The counts as they are now. What of `total` is in no other count has not ended. @throws UnknownBatchError */
  summary(): Promise<BatchSummary>;
}

/** How far a batch is; and what its callbacks are given as input. A batch in it counts as one run. */
export interface BatchSummary {
  batchId: string;
  name: string;
  total: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

/** What a batch is called, and which jobs are told of its end. */
export interface BatchOptions<Tx> {
  /** For people: 1 to 200 characters. Need not be unlike others. */
  name: string;
  /** Enqueued once, when all have succeeded, be it after one that failed was retried by hand. */
  onSuccess?: Taking<BatchSummary>;
  /** Enqueued once, when all have ended for the first time. */
  onFinished?: Taking<BatchSummary>;
  /** The batch in which this one is counted as one run. */
  in?: string | { readonly id: string };
  /** The transaction that it is part of. */
  tx?: Tx;
}
