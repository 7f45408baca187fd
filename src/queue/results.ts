// Waiting for runs: one watcher of the store and one read for everybody who waits in this process.
//
// A thousand callers that await a thousand results must cost neither a thousand timers nor a thousand reads. So the
// store is watched once, while anybody waits, and what has to be looked at is gathered: an end made here comes with
// its id, a change made elsewhere means looking at all that is waited for, in one read, at most every few
// milliseconds. Looking comes first as well: a run may have ended before somebody asked. And a look comes every few seconds
// although nothing was heard, because what a store tells is a hint.
//
// Before this file come the Run handles. After it comes the store's `find` and `watch`.
import { hasEnded } from "../run/index.js";
import type { Change, Store, StoredRun } from "../store/contract.js";

/** A place in the line of those who want to hear of a run. */
interface Watching {
  /** Every look at the run, ended or not; undefined: the store does not know it. True: stop telling. */
  readonly seen: (run: StoredRun | undefined) => boolean;
  /** The store could not be read, or the client was closed. Told once, then forgotten. */
  readonly failed: (error: unknown) => void;
  /** Wants to hear of changes before the end too. */
  readonly everyChange: boolean;
}

export interface Results {
  /** Adds somebody who waits for this run; gives back the way to leave. The first look comes by itself. */
  wait(id: string, watching: Watching): () => void;
  /** How many wait. */
  readonly size: number;
  /** Turns everybody away with this error, and stops watching. Later callers are turned away too. */
  close(error: Error): void;
}

/** Ids in one read. */
const pageSize = 500;
/** Milliseconds between two looks that changes from elsewhere ask for, and their share of the time at most. */
const pause = { least: 4, share: 3 };
/** A hint of a store may be lost: whoever waits is looked at this often, in milliseconds, though nothing was heard. */
const unasked = 5_000;

const anything: Change = { origin: "elsewhere", ended: [], claimable: false, asked: false };

export function createResults(store: Pick<Store, "find" | "watch">): Results {
  const waiting = new Map<string, Set<Watching>>();
  const unseen = new Set<string>();
  let size = 0;
  let stopWatching: (() => void) | undefined;
  let safety: NodeJS.Timeout | undefined;
  let looking = false;
  let lookAgainAt = 0;
  let lookForAll = false;
  let lookForWatchers = false;
  let timer: NodeJS.Timeout | undefined;
  let closed: Error | undefined;

  function heard(change: Change): void {
    for (const id of change.ended) if (waiting.has(id)) unseen.add(id);
    if (change.origin === "elsewhere") lookForAll = true;
    else lookForWatchers = true;
    arm();
  }

  /** Sees to it that a look comes: at the end of this turn, or when the pause is over. */
  function arm(): void {
    if (looking || size === 0) return;
    if (unseen.size > 0) return void startSoon();
    if (!lookForAll && !(lookForWatchers && somebodyWatches())) return;
    const wait = lookAgainAt - performance.now();
    if (wait <= 0) return void startSoon();
    timer ??= setTimeout(() => {
      timer = undefined;
      arm();
    }, wait);
  }

  function startSoon(): void {
    looking = true;
    setImmediate(() => void look());
  }

  function somebodyWatches(): boolean {
    for (const line of waiting.values()) for (const one of line) if (one.everyChange) return true;
    return false;
  }

  /** Takes what is to be looked at now; what comes while it is being read is looked at next. */
  function take(may: boolean): string[] {
    const ids = new Set(unseen);
    unseen.clear();
    if (may && lookForAll) for (const id of waiting.keys()) ids.add(id);
    else if (may && lookForWatchers)
      for (const [id, line] of waiting) for (const one of line) if (one.everyChange) ids.add(id);
    if (may) {
      lookForAll = false;
      lookForWatchers = false;
    }
    return [...ids];
  }

  async function look(): Promise<void> {
    const began = performance.now();
    const may = began >= lookAgainAt;
    const ids = take(may);
    for (let start = 0; start < ids.length; start += pageSize) {
      const page = ids.slice(start, start + pageSize);
      try {
        const runs = await store.find(page);
        page.forEach((id, position) => {
          tell(id, runs[position]);
        });
      } catch (error) {
        for (const id of page) fail(id, error);
      }
    }
    const ended = performance.now();
    // A look at what ended here must not put the others off: such looks may come all the time.
    if (may) lookAgainAt = ended + Math.max(pause.least, (ended - began) * pause.share);
    looking = false;
    arm();
  }

  function tell(id: string, run: StoredRun | undefined): void {
    const line = waiting.get(id);
    if (line === undefined) return;
    const over = run !== undefined && hasEnded(run.state);
    for (const one of [...line]) if (one.seen(run) || over) leave(id, one);
  }

  function fail(id: string, error: unknown): void {
    for (const one of [...(waiting.get(id) ?? [])]) {
      leave(id, one);
      one.failed(error);
    }
  }

  function leave(id: string, one: Watching): void {
    const line = waiting.get(id);
    if (line?.delete(one) !== true) return;
    if (line.size === 0) waiting.delete(id);
    size -= 1;
    if (size === 0) rest();
  }

  function rest(): void {
    stopWatching?.();
    stopWatching = undefined;
    clearTimeout(timer);
    timer = undefined;
    clearInterval(safety);
    safety = undefined;
    unseen.clear();
  }

  return {
    get size() {
      return size;
    },
    wait(id, watching) {
      if (closed !== undefined) {
        watching.failed(closed);
        return () => {};
      }
      const line = waiting.get(id);
      if (line === undefined) waiting.set(id, new Set([watching]));
      else line.add(watching);
      size += 1;
      stopWatching ??= store.watch(heard);
      safety ??= setInterval(() => heard(anything), unasked);
      unseen.add(id);
      arm();
      return () => leave(id, watching);
    },
    close(error) {
      closed = error;
      for (const id of [...waiting.keys()]) fail(id, error);
    },
  };
}
