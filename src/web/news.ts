// The news: which runs have changed, whoever changed them, numbered, with the last of it kept.
//
// A store says that something has changed and not what, because what other processes do is known to their database only. So
// after such a hint the newest runs, those that run, and those that were told of and have not ended are read and compared
// with what was told before: one reading for everybody who listens, at most a few a second, and none while nobody does. What
// changes twice between two readings is told once, as it is then. Where more has changed than was read, that is told as
// well (`many`): so whoever shows lists knows that they have to be read again.
//
// Whoever comes back with the number of the last news it has heard gets what it has missed, while that is among the kept.
//
// Before this file come the client's hints. After it come the streams.
import { randomBytes } from "node:crypto";
import type { RunRecord } from "../job/index.js";
import { hasEnded } from "../run/index.js";
import type { Served } from "./served.js";
import type { Shown } from "./shown.js";

/** A run as it is now, as far as a list shows it. */
type RunNews = Pick<RunRecord, "id" | "job" | "queue" | "state" | "attempt"> &
  Partial<Pick<RunRecord, "progress" | "reason" | "waiting" | "worker" | "startedAt" | "finishedAt">>;

export type NewsItem =
  | { readonly number: number; readonly kind: "run"; readonly run: RunNews }
  /** More has changed than is told one by one. */
  | { readonly number: number; readonly kind: "many" };

interface Listener {
  /** Runs that it asks for by id: they are looked at however old they are. */
  readonly ids: readonly string[];
  readonly hear: (items: readonly NewsItem[]) => void;
}

export interface News {
  /** Distinguishes the numbers of this process from those of another one. */
  readonly name: string;
  /** Of the last news. */
  readonly last: number;
  /** What came after that number; undefined: some of it is not kept any more. */
  since(number: number): readonly NewsItem[] | undefined;
  /** Tells what comes, until the function that it gives back is called. Resolves when it has looked for the first time. */
  listen(listener: Listener): Promise<() => void>;
}

/** How many runs are looked at: the newest, those that run, those told of, and those asked for by id. */
const most = { newest: 100, running: 200, told: 500, asked: 1_000 } as const;
const mostKept = 1_000;
/** Milliseconds between two looks, the part of the time they take at most, and how often one comes unasked. */
const pace = { least: 250, share: 4, unasked: 5_000 } as const;

export function createNews(parts: {
  readonly duckdive: Pick<Served, "list" | "changes">;
  readonly shown: Shown;
  readonly onError: (error: unknown) => void;
}): News {
  const { duckdive, shown, onError } = parts;
  const listeners = new Set<Listener>();
  const kept: NewsItem[] = [];
  /** What was told of each run that has not ended, and of those that are still among the newest. */
  let faces = new Map<string, string>();
  let live = new Set<string>();
  let last = 0;
  let hasLooked = false;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let restUntil = 0;
  let leave: (() => void) | undefined;
  let unasked: NodeJS.Timeout | undefined;

  function soon(): void {
    if (timer !== undefined || looking !== undefined || listeners.size === 0) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        void lookOnce();
      },
      Math.max(0, restUntil - performance.now()),
    );
  }

  /** A hint that comes while it is looking may be about what was read already: it looks once more. */
  let isStale = false;
  function hint(): void {
    isStale = true;
    soon();
  }

  function lookOnce(): Promise<void> {
    looking ??= look().finally(() => {
      looking = undefined;
      if (isStale) soon();
    });
    return looking;
  }

  async function look(): Promise<void> {
    const began = performance.now();
    isStale = false;
    try {
      tell(await read());
    } catch (error) {
      onError(error);
    }
    const now = performance.now();
    restUntil = now + Math.max(pace.least, (now - began) * (pace.share - 1));
  }

  async function read(): Promise<{ runs: RunRecord[]; isAll: boolean }> {
    const asked = [...listeners].flatMap(({ ids }) => ids).slice(0, most.asked);
    const [newest, running] = await Promise.all([
      duckdive.list({}, { limit: most.newest }),
      duckdive.list({ state: "running" }, { limit: most.running }),
    ]);
    const runs = new Map([...newest.runs, ...running.runs].map((run) => [run.id, run]));
    const others = [...new Set([...live, ...asked])].filter((id) => !runs.has(id));
    for (let start = 0; start < others.length; start += most.asked) {
      const ids = others.slice(start, start + most.asked);
      const page = await duckdive.list({ id: ids }, { limit: most.asked });
      for (const run of page.runs) runs.set(run.id, run);
    }
    const isFull = newest.runs.length === most.newest && newest.runs.every(({ id }) => !faces.has(id));
    return { runs: [...runs.values()], isAll: !isFull && running.cursor === undefined };
  }

  function tell({ runs, isAll }: { readonly runs: readonly RunRecord[]; readonly isAll: boolean }): void {
    const news = runs.map(newsOf);
    const next = new Map(news.map((run) => [run.id, JSON.stringify(run)]));
    const changed = hasLooked ? news.filter(({ id }) => next.get(id) !== faces.get(id)) : [];
    const alive = news.filter(({ state }) => !hasEnded(state)).map(({ id }) => id);
    const items: NewsItem[] = changed.reverse().map((run) => ({ number: ++last, kind: "run", run }));
    if (hasLooked && (!isAll || alive.length > most.told)) items.push({ number: ++last, kind: "many" });
    faces = next;
    live = new Set(alive.slice(0, most.told));
    hasLooked = true;
    kept.push(...items);
    kept.splice(0, kept.length - mostKept);
    if (items.length > 0) for (const { hear } of listeners) hear(items);
  }

  function newsOf(run: RunRecord): RunNews {
    const { id, job, queue, state, attempt, progress, reason, waiting, worker, startedAt, finishedAt } =
      shown.run(run);
    const possible = { progress, reason, waiting, worker, startedAt, finishedAt };
    const given = Object.entries(possible).filter(([, value]) => value !== undefined);
    return { id, job, queue, state, attempt, ...Object.fromEntries(given) };
  }

  function rest(): void {
    leave?.();
    leave = undefined;
    clearInterval(unasked);
    clearTimeout(timer);
    timer = undefined;
    // What happens while nobody listens is not looked at, so what was told before is no base for what comes.
    hasLooked = false;
    last += 1;
    kept.splice(0);
    faces = new Map();
    live = new Set();
  }

  return {
    name: randomBytes(4).toString("hex"),
    get last() {
      return last;
    },
    since(number) {
      if (number === last) return [];
      const [first] = kept;
      if (first === undefined || number < first.number - 1 || number > last) return undefined;
      return kept.filter((item) => item.number > number);
    },
    async listen(listener) {
      listeners.add(listener);
      if (listeners.size === 1) {
        leave = duckdive.changes(hint);
        unasked = setInterval(hint, pace.unasked);
      }
      if (!hasLooked) await lookOnce();
      else if (listener.ids.length > 0) hint();
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) rest();
      };
    },
  };
}
