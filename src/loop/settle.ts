/**
 * Settlements on their way to the store: gathered for a turn, written as one batch, kept until they are taken.
 *
 * Executions that end in one turn share a write; the store may let them share its transaction with the next claim. A
 * write that fails is tried again, with growing pauses, for as long as the worker lives: the run's owner is the only
 * one who knows how it ended. What the store refuses is reported and dropped: the claim was lost, somebody else owns
 * the run.
 */
import type { Clock } from "../kernel/index.js";
import type { Settlement } from "../run/index.js";
import type { Settled, Store } from "../store/contract.js";
import type { Notes } from "./notes.js";

/** The pause after the first failed write, and the longest one, in milliseconds. */
const firstPause = 100;
const longestPause = 5_000;

export interface Settler {
  /** Resolves with the store's answer once it is committed. */
  settle(settlement: Settlement): Promise<Settled>;
  /** Hands what has gathered to the store now; resolves when everything given so far has been answered. */
  flush(): Promise<void>;
}

interface Waiting {
  readonly settlement: Settlement;
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
  const inFlight = new Set<Promise<void>>();

  function send(): void {
    if (gathered.length === 0) return;
    const batch = gathered;
    gathered = [];
    const written = write(batch, firstPause).finally(() => inFlight.delete(written));
    inFlight.add(written);
  }

  async function write(batch: readonly Waiting[], pause: number): Promise<void> {
    try {
      const said = notes.flush();
      const answers = await store.settle(batch.map((waiting) => waiting.settlement));
      await said;
      for (const [position, waiting] of batch.entries())
        waiting.answer(answers[position] ?? { taken: false });
    } catch (error) {
      onError(error);
      await new Promise<void>((resolve) => clock.after(pause, resolve));
      await write(batch, Math.min(pause * 2, longestPause));
    }
  }

  return {
    settle(settlement) {
      return new Promise((answer) => {
        gathered.push({ settlement, answer });
        if (gathered.length === 1) setImmediate(send);
      });
    },
    async flush() {
      send();
      while (inFlight.size > 0) await Promise.all(inFlight);
    },
  };
}
