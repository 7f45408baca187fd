// What handlers say while they run, logs and progress, on its way to the store.
//
// Lines gather for a quarter of a second and go in one write; of a run's progress only the newest is sent. Before a
// settlement is written everything said so far is handed over in front of it, so that the last line of a run is never
// behind the fence that its own end lowers.
import type { Clock, Timer } from "../kernel/index.js";
import type { Fence, Note, Store } from "../store/contract.js";

/** Short enough that somebody watching does not notice, long enough that a chatty handler is one write, not hundreds. */
const gather = 250;

/** Notes of one execution, kept back for the transaction that ends it. */
interface HeldNotes {
  readonly notes: readonly Note[];
  /** They were written. */
  drop(): void;
  /** They were not: they go their usual way. */
  release(): void;
}

export interface Notes {
  say(note: Note): void;
  /** Writes what an execution has said, and keeps back what it says from then on. Never rejects. */
  hold(execution: Fence): Promise<HeldNotes>;
  /** Hands what was said to the store; resolves when it is committed. Never rejects. */
  flush(): Promise<void>;
  /** The worker has stopped: what an abandoned handler says from now on has no claim and goes nowhere. */
  close(): void;
}

export function createNotes(store: Store, clock: Clock, onError: (error: unknown) => void): Notes {
  let lines: Note[] = [];
  const progress = new Map<string, Note>();
  const held = new Map<string, Note[]>();
  const inFlight = new Set<Promise<void>>();
  let timer: Timer | undefined;
  let isClosed = false;

  async function flush(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    if (lines.length === 0 && progress.size === 0) return;
    const notes = [...lines, ...progress.values()];
    lines = [];
    progress.clear();
    const written = store.note(notes).catch(onError);
    inFlight.add(written);
    await written;
    inFlight.delete(written);
  }

  function say(note: Note): void {
    if (isClosed) return;
    const own = held.get(keyOf(note));
    if (own !== undefined) {
      own.push(note);
      return;
    }
    if ("log" in note) lines.push(note);
    else progress.set(keyOf(note), note);
    timer ??= clock.after(gather, () => void flush());
  }

  return {
    say,
    async hold(execution) {
      const key = keyOf(execution);
      const notes: Note[] = [];
      held.set(key, notes);
      await flush();
      await Promise.all(inFlight);
      return {
        notes,
        drop: () => void held.delete(key),
        release() {
          held.delete(key);
          notes.forEach(say);
        },
      };
    },
    flush,
    close() {
      isClosed = true;
      timer?.cancel();
    },
  };
}

function keyOf({ run, token }: Fence): string {
  return `${run}/${token}`;
}
