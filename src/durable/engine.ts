// One execution of a handler that waits: its durable calls against the record of its run.
//
//   call       a call made for the first time is begun; one that the record knows goes on from there
//   turn       a pass of the event loop: what was called in it is written together, then one settled call is delivered
//   deliver    what is settled, in the order in which it settled, one a turn, and only to who asked for it: so every
//              execution of the run sees the same order, and `Promise.race` has the same winner in each
//   suspend    nothing works, something that was asked for is pending, and a whole turn went by without a call, an asking
//              or a delivery: the handler is left where it is and never gets on. Another execution replays it
//
// It knows nothing of steps or sleeps: those are calls that begin in different ways. It is driven by what happens and
// not by a timer, and costs nothing while a step works.
//
// Before this file come waits and the record. After it come the durable calls of `ctx`.

import type { Wait } from "../job/index.js";
import type { Entry, NewRun } from "../store/contract.js";
import { createWait, type MadeWait } from "./wait.js";

/** The record of a run, as its execution reads and writes it. */
interface Journal {
  /** What earlier executions have recorded, by name. */
  readonly history: ReadonlyMap<string, Entry>;
  /**
   * Writes entries and the children that they start. Answers every entry of the run that has settled after the position
   * that is known, with its own; undefined: the claim is lost. Rejects only when it never will be written.
   */
  write(
    entries: readonly Entry[],
    children: readonly NewRun[],
    after: number,
  ): Promise<readonly Entry[] | undefined>;
}

/** A durable call, and how it is begun and read. */
interface NewCall<T> {
  readonly name: string;
  readonly kind: Entry["kind"];
  /** Of what it asks for: another one under the same name is a mismatch. */
  readonly hash?: string | undefined;
  /** Begins it, or goes on with what is pending in the record. */
  begin(known: Entry | undefined): void;
  /** What the handler gets of a settled entry. */
  read(entry: Entry): T | Promise<T>;
}

export interface EngineParts {
  readonly journal: Journal;
  /** The claim is gone: the execution has to stop. */
  readonly onLost: () => void;
  /** The handler went on after it was suspended; by this call. */
  readonly onLife: (call: string) => void;
  /** @returns the error for a call that is not the one which the record knows under its name */
  readonly mismatch: (call: Pick<NewCall<unknown>, "name" | "kind" | "hash">, known: Entry) => Error;
}

export interface Engine {
  call<T>(call: NewCall<T>): Wait<T>;
  /** Work that the run must not be suspended in. */
  work(body: () => Promise<void>): void;
  /** Writes an entry, and children, at the end of this turn. */
  write(entry: Entry, children?: readonly NewRun[]): void;
  /** It was written elsewhere, in a transaction of its own. */
  take(settled: readonly Entry[]): void;
  /** Lets a call fail in this execution only: nothing is on record of it. */
  refuse(name: string, error: unknown): void;
  /** A call that answers at once. The entry on record; undefined: there is none, and `entry` is written. */
  mark(entry: Entry): Entry | undefined;
  /** The highest position on record that is known here. */
  readonly after: number;
  /** Something is on record that this execution has not asked for again. */
  readonly isReplaying: boolean;
  /** This execution has put something new on record. */
  readonly hasProgressed: boolean;
  /** Resolves with the names that are waited for, when the handler is suspended. */
  readonly suspended: Promise<readonly string[]>;
  /** The handler has returned or thrown: writes what was called. Answers the entries that it did not call again. */
  end(): Promise<readonly string[]>;
  /** Lets go of the handler as if it were suspended, and says nothing to anybody: its end came from outside. */
  seal(): void;
}

interface Call {
  readonly made: MadeWait<unknown>;
  readonly spec: NewCall<unknown>;
  isAsked: boolean;
  /** What is to be delivered; undefined: it is pending. */
  settled: Entry | undefined;
}

export function createEngine(parts: EngineParts): Engine {
  const { journal } = parts;
  const { history } = journal;
  let after = 0;
  for (const entry of history.values()) after = Math.max(after, entry.position ?? 0);
  const calls = new Map<string, Call>();
  const called = new Set<string>();
  let newEntries: Entry[] = [];
  let newChildren: NewRun[] = [];
  let writing: Promise<void> = Promise.resolve();
  let works = 0;
  let hasProgressed = false;
  let hasMoved = false;
  let isTurning = false;
  let isSealed = false;
  let isOver = false;
  let tellSuspended: (names: readonly string[]) => void = () => {};
  const suspended = new Promise<readonly string[]>((resolve) => {
    tellSuspended = resolve;
  });

  /** Something has happened: whether the handler stands still is to be seen a whole turn later. */
  function move(): void {
    hasMoved = true;
    schedule();
  }

  function schedule(): void {
    if (isTurning || isSealed || isOver) return;
    isTurning = true;
    setImmediate(turn);
  }

  function turn(): void {
    isTurning = false;
    if (isSealed || isOver) return;
    if (newEntries.length > 0) flush();
    if (hasMoved) {
      hasMoved = false;
      schedule();
      return;
    }
    if (deliverNext()) schedule();
    else if (works === 0) suspendIfWaiting();
  }

  /** The promise that the handler gets is never one that was made here: nothing of ours hangs on it once it is let go. */
  function call<T>(spec: NewCall<T>): Wait<T> {
    if (isSealed) {
      parts.onLife(`ctx.${spec.kind} "${spec.name}"`);
      return createWait<T>(() => {}).wait;
    }
    called.add(spec.name);
    const own: Call = {
      made: createWait<unknown>(() => {
        if (own.isAsked || isSealed) return;
        own.isAsked = true;
        move();
      }),
      spec: spec as NewCall<unknown>,
      isAsked: false,
      settled: undefined,
    };
    calls.set(spec.name, own);
    move();
    start(own);
    return own.made.wait as Wait<T>;
  }

  function start(own: Call): void {
    const { spec } = own;
    const entry = history.get(spec.name);
    if (entry !== undefined && (entry.kind !== spec.kind || entry.hash !== spec.hash)) {
      refuse(spec.name, parts.mismatch(spec, entry));
    } else if (entry !== undefined && entry.state !== "pending") own.settled = entry;
    else spec.begin(entry);
  }

  function flush(): void {
    const [entries, children] = [newEntries, newChildren];
    newEntries = [];
    newChildren = [];
    works += 1;
    writing = writing.then(async () => {
      try {
        const settled = await journal.write(entries, children, after);
        if (settled === undefined) parts.onLost();
        else {
          hasProgressed ||= entries.some(({ name }) => !history.has(name));
          take(settled);
        }
      } catch (error) {
        for (const name of [...calls.keys()]) refuse(name, error);
      } finally {
        works -= 1;
        move();
      }
    });
  }

  function take(settled: readonly Entry[]): void {
    for (const entry of settled) {
      after = Math.max(after, entry.position ?? 0);
      hasProgressed ||= !history.has(entry.name);
      const own = calls.get(entry.name);
      if (own !== undefined) own.settled ??= entry;
    }
    move();
  }

  function refuse(name: string, error: unknown): void {
    const own = calls.get(name);
    if (own === undefined) return;
    calls.delete(name);
    own.made.forget();
    own.made.reject(error);
    move();
  }

  /** Of what is settled and was asked for, the one that settled first. */
  function deliverNext(): boolean {
    let first: Call | undefined;
    for (const own of calls.values()) {
      if (!own.isAsked || own.settled === undefined) continue;
      if (first?.settled === undefined || positionOf(own.settled) < positionOf(first.settled)) first = own;
    }
    if (first?.settled === undefined) return false;
    deliver(first, first.settled);
    return true;
  }

  function deliver({ made, spec }: Call, entry: Entry): void {
    calls.delete(spec.name);
    made.forget();
    works += 1;
    const read = async (): Promise<unknown> => spec.read(entry);
    void read()
      .then(made.resolve, made.reject)
      .finally(() => {
        works -= 1;
        move();
      });
  }

  function suspendIfWaiting(): void {
    const names = [...calls.values()].filter(({ isAsked }) => isAsked).map(({ spec }) => spec.name);
    if (names.length === 0) return;
    seal();
    tellSuspended(names);
  }

  /** Nothing of ours leads to the handler any more, so that what it holds can be let go. */
  function seal(): void {
    isSealed = true;
    for (const { made } of calls.values()) made.forget();
    calls.clear();
    newEntries = [];
    newChildren = [];
  }

  /** A mark that nobody asks for any more stands for nothing, and for a beginning anew nobody asks. */
  function leftOut(): string[] {
    const left: string[] = [];
    for (const { name, kind } of history.values()) {
      if (!called.has(name) && kind !== "patch" && kind !== "restart") left.push(name);
    }
    return left;
  }

  return {
    call,
    suspended,
    get after() {
      return after;
    },
    get isReplaying() {
      return leftOut().length > 0;
    },
    get hasProgressed() {
      return hasProgressed;
    },
    seal,
    take,
    refuse,
    mark(entry) {
      if (isSealed) {
        parts.onLife(`ctx.${entry.kind} "${entry.name}"`);
        return entry;
      }
      called.add(entry.name);
      const known = history.get(entry.name);
      if (known === undefined) {
        newEntries.push(entry);
        move();
      }
      return known;
    },
    work(body) {
      works += 1;
      void body().finally(() => {
        works -= 1;
        move();
      });
    },
    write(entry, children = []) {
      if (isSealed) return;
      newEntries.push(entry);
      newChildren.push(...children);
      move();
    },
    async end() {
      if (isSealed) {
        parts.onLife("the end of the handler");
        return [];
      }
      isOver = true;
      if (newEntries.length > 0) flush();
      await writing;
      return leftOut();
    },
  };
}

function positionOf({ position }: Entry): number {
  return position ?? Number.POSITIVE_INFINITY;
}
