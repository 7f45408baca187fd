// Settlements on their way to the store: gathered for a turn, written as one batch, kept until they are taken.
//
// Executions that end in one turn share a write; the store may let them share its transaction with the next claim. A
// write that fails is tried again, with growing pauses, for as long as the worker lives: the run's owner is the only
// one who knows how it ended. A batch that fails again and again is halved, so that one settlement the store cannot
// take does not hold up the others. What the store refuses is reported and dropped: the claim was lost, somebody else
// owns the run.
import { type Clock, DuckdiveError, type Timer } from "../kernel/index.js";
import type { Settled, Settling, Store } from "../store/contract.js";
import type { Notes } from "./notes.js";

/** The pause after the first failed write, and the longest one, in milliseconds. */
const firstPause = 100;
const longestPause = 1_000;
/** A batch is halved when it has failed this often: by then a lock or a short outage would be over. */
const halvedAfter = 3;
/** Many writes may wait for one broken store: its error is reported at most once in this time. */
const reportEvery = 1_000;

/** A worker stopped while the store could not be written: how some of its runs ended was not recorded. */
export class SettlementLostError extends DuckdiveError {
  static readonly code = "SETTLEMENT_LOST";
  readonly code: string = SettlementLostError.code;
}

export interface Settler {
  /** Calls back with the store's answer once it is committed. */
  settle(settlement: Settling, answer: (settled: Settled) => void): void;
  /** Hands what has gathered to the store now; resolves when everything given so far has been answered. */
  flush(): Promise<void>;
  /** As `flush`, but gives up what the store has not taken within this many milliseconds, and says so. */
  close(patience: number): Promise<void>;
}

interface Waiting {
  readonly settlement: Settling;
  readonly answer: (settled: Settled) => void;
}

export function createSettler(parts: {
  readonly store: Store;
  readonly clock: Clock;
  readonly notes: Notes;
  readonly onError: (error: unknown) => void;
}): Settler {
  const { store, clock, notes, onError } = parts;
  let gathered: Waiting[] = [];
  let isClosed = false;
  let reportedAt = Number.NEGATIVE_INFINITY;
  const inFlight = new Set<Promise<void>>();
  const unanswered = new Set<Waiting>();
  /** Ends of pauses, by their timers. */
  const pauses = new Map<Timer, () => void>();

  function send(): void {
    if (gathered.length === 0) return;
    const batch = gathered;
    gathered = [];
    const written = write(batch, 1).finally(() => inFlight.delete(written));
    inFlight.add(written);
  }

  async function write(batch: readonly Waiting[], times: number): Promise<void> {
    let answers: readonly Settled[];
    try {
      const said = notes.flush();
      answers = await store.settle(batch.map((waiting) => waiting.settlement));
      await said;
    } catch (error) {
      report(error);
      if (!isClosed) await writeAgain(batch, times);
      return;
    }
    for (const waiting of batch) unanswered.delete(waiting);
    for (const [position, waiting] of batch.entries()) waiting.answer(answers[position] ?? { taken: false });
  }

  async function writeAgain(batch: readonly Waiting[], times: number): Promise<void> {
    await pause(Math.min(firstPause * 2 ** (times - 1), longestPause));
    if (isClosed) return;
    if (times < halvedAfter || batch.length === 1) return write(batch, times + 1);
    const middle = batch.length >> 1;
    await Promise.all([write(batch.slice(0, middle), times + 1), write(batch.slice(middle), times + 1)]);
  }

  function pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(milliseconds, () => {
        pauses.delete(timer);
        resolve();
      });
      pauses.set(timer, resolve);
    });
  }

  function report(error: unknown): void {
    // A clock that was set back must not keep errors quiet until it is there again.
    if (Math.abs(clock.now() - reportedAt) < reportEvery) return;
    reportedAt = clock.now();
    onError(error);
  }

  async function flush(): Promise<void> {
    send();
    while (inFlight.size > 0) {
      await Promise.all(inFlight);
      send();
    }
  }

  return {
    settle(settlement, answer) {
      const waiting = { settlement, answer };
      unanswered.add(waiting);
      gathered.push(waiting);
      if (gathered.length === 1) setImmediate(send);
    },
    flush,
    async close(patience) {
      let timer: Timer | undefined;
      const over = new Promise<void>((resolve) => {
        timer = clock.after(patience, resolve);
      });
      await Promise.race([flush(), over]);
      timer?.cancel();
      isClosed = true;
      for (const [waiting, end] of pauses) {
        waiting.cancel();
        end();
      }
      pauses.clear();
      if (unanswered.size > 0)
        onError(
          new SettlementLostError(
            `The store could not be written for ${patience} ms while the worker stopped, so how ${unanswered.size} runs ended is not recorded. They count as lost with this worker and are run again by another.`,
          ),
        );
    },
  };
}
