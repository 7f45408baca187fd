// What handlers say while they run, logs and progress, on its way to the store.
//
// Lines gather for a quarter of a second and go in one write; of a run's progress only the newest is sent. Before a
// settlement is written everything said so far is handed over in front of it, so that the last line of a run is never
// behind the fence that its own end lowers.
import type { Clock, Timer } from "../kernel/index.js";
import type { Note, Store } from "../store/contract.js";

/** Short enough that somebody watching does not notice, long enough that a chatty handler is one write, not hundreds. */
const gather = 250;

export interface Notes {
  say(note: Note): void;
  /** Hands what was said to the store; resolves when it is committed. Never rejects. */
  flush(): Promise<void>;
  /** The worker has stopped: what an abandoned handler says from now on has no claim and goes nowhere. */
  close(): void;
}

export function createNotes(store: Store, clock: Clock, onError: (error: unknown) => void): Notes {
  let lines: Note[] = [];
  const progress = new Map<string, Note>();
  let timer: Timer | undefined;
  let isClosed = false;

  async function flush(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    if (lines.length === 0 && progress.size === 0) return;
    const notes = [...lines, ...progress.values()];
    lines = [];
    progress.clear();
    try {
      await store.note(notes);
    } catch (error) {
      onError(error);
    }
  }

  return {
    say(note) {
      if (isClosed) return;
      if ("log" in note) lines.push(note);
      else progress.set(`${note.run}/${note.token}`, note);
      timer ??= clock.after(gather, () => void flush());
    },
    flush,
    close() {
      isClosed = true;
      timer?.cancel();
    },
  };
}
