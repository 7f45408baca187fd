// Group commit: many callers, one write.
//
// A durable write costs a sync of the disk whether it holds one row or a hundred, so calls that are made side by side
// share one. Each caller's promise settles only after the write that holds its own item, never before.
//
// The write starts at the end of the turn (setImmediate), not in a microtask. Sixty-four callers that await in loops
// are released together by one write, and each needs a few microtasks to come back with its next item; a microtask
// would take the first of them away alone, and from then on every sync would be nearly empty. The end of the turn is
// after the last of them, and is microseconds away when nothing else is going on. The same holds after a write: the
// next one starts a turn later, so that those just released are in it. While a write is in flight, calls gather.
//
// Before this file comes nothing. After it come the stores whose commits may be shared.

/** Hands over one item; settles when the write that holds it has. */
export interface Group<In, Out> {
  (item: In): Promise<Out>;
  /** Resolves when nothing is waiting or being written any more. Never rejects: each caller has its own failure. */
  flush(): Promise<void>;
}

interface Waiting<In, Out> {
  readonly item: In;
  readonly resolve: (result: Out) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Calls that share writes.
 *
 * @param options.write writes a batch, in the order of the calls, and gives back one result for each, in that order;
 *   when it fails, its whole batch and nothing else is rejected
 * @param options.limit the most items in one write; the rest goes into the next
 * @param options.atOnce how many writes may be in flight beside each other. Default: 1
 */
export function group<In, Out>(options: {
  write: (batch: In[]) => Promise<Out[]>;
  limit: number;
  atOnce?: number;
}): Group<In, Out> {
  const { limit, write, atOnce = 1 } = options;
  const waiting: Waiting<In, Out>[] = [];
  let isScheduled = false;
  let inFlight = 0;
  let flushers: (() => void)[] = [];

  function schedule(): void {
    if (isScheduled || waiting.length === 0 || inFlight >= atOnce) return;
    isScheduled = true;
    setImmediate(() => void writeNext());
  }

  async function writeNext(): Promise<void> {
    isScheduled = false;
    inFlight += 1;
    const batch = waiting.splice(0, limit);
    schedule();
    await settle(batch, write);
    inFlight -= 1;
    schedule();
    if (inFlight === 0 && !isScheduled) rest();
  }

  function rest(): void {
    const released = flushers;
    flushers = [];
    for (const release of released) release();
  }

  const call = (item: In): Promise<Out> =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      schedule();
    });
  const flush = (): Promise<void> =>
    new Promise((resolve) => {
      if (inFlight > 0 || isScheduled) flushers.push(resolve);
      else resolve();
    });
  return Object.assign(call, { flush });
}

/** Writes a batch and tells each of its callers. Never rejects. */
async function settle<In, Out>(
  batch: readonly Waiting<In, Out>[],
  write: (items: In[]) => Promise<Out[]>,
): Promise<void> {
  try {
    const results = await write(batch.map((entry) => entry.item));
    if (results.length !== batch.length) {
      throw new RangeError(`A write of ${batch.length} items gave back ${results.length} results.`);
    }
    results.forEach((result, index) => {
      batch[index]?.resolve(result);
    });
  } catch (error) {
    for (const entry of batch) entry.reject(error);
  }
}
