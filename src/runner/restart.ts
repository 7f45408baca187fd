// When a worker that has ended is started again, and when it is no use.
//
// The first time at once: most deaths are accidents. A worker that dies again and again is started ever later, so that a
// broken program does not burn the machine; one that has lived for a while starts with a clean sheet. When nothing but
// short lives has been seen for a while the runner gives up, with an exit code, so that whoever watches it can act.
// A death for which a run is known to blame is not the program's: it slows down a little, and never ends the runner,
// because the run itself is given up after a few. Neither is one for want of the store, once the program has worked: the
// store comes back, and those who are there wait for it as well.
//
// Pure. Before this file comes how a process ended. After it comes the crew, which starts or gives up.

/** The end of a worker. Times are of the runner's clock. */
export interface PastDeath {
  readonly slot: number;
  /** The runner had told it to stop: no death, but what it lived counts. */
  readonly wasAsked: boolean;
  readonly at: number;
  /** Milliseconds from its start to its end. */
  readonly lived: number;
  readonly wasReady: boolean;
  readonly code: number | null;
  /** A run is known to blame. */
  readonly isByRun: boolean;
}

export interface Circumstances {
  readonly processes: number;
  /** Whether any worker of this runner has ever been ready. */
  readonly wasEverReady: boolean;
  /** Somebody sits before it and mends the program: then it never gives up. */
  readonly mayGiveUp: boolean;
  readonly now: number;
}

export type Restart =
  | { readonly do: "start"; readonly delay: number }
  | { readonly do: "giveUp"; readonly code: number; readonly why: string };

export const restartRules = {
  /** The waits: none, then this, doubled each time, up to the longest. */
  firstDelay: 250,
  longestDelay: 30_000,
  /** The longest wait after a death for which a run is to blame. */
  longestDelayByRun: 1_000,
  /** The longest wait when there was no store to start with. */
  longestDelayByStore: 5_000,
  /** After a life as long as this, the next death is the first again. */
  longLife: 30_000,
  /** A life shorter than this is none; so many of them in a row for each process, and the runner gives up. */
  shortLife: 5_000,
  shortLives: 5,
  /** The exit code of a worker that finds no store. */
  noStore: 3,
  /** Exit codes that say that a start cannot succeed: asked wrongly, no store, no jobs. */
  hopeless: { 2: 1, 3: 5, 4: 1 } as Readonly<Record<number, number>>,
  /** The exit code when it just keeps dying. */
  crashLoop: 70,
};

/**
 * What to do about the latest death.
 *
 * @param history every death so far, oldest first; the latest is the last
 */
export function restart(history: readonly PastDeath[], circumstances: Circumstances): Restart {
  const latest = history.at(-1);
  if (latest === undefined) return { do: "start", delay: 0 };
  const end = hopeless(history, latest, circumstances) ?? crashLoop(history, latest, circumstances);
  return circumstances.mayGiveUp && end !== undefined ? end : again(history, latest, circumstances);
}

function hopeless(
  history: readonly PastDeath[],
  latest: PastDeath,
  { wasEverReady }: Circumstances,
): Restart | undefined {
  const { code, wasReady, slot } = latest;
  const tries = code === null ? undefined : restartRules.hopeless[code];
  if (wasEverReady || wasReady || code === null || tries === undefined) return undefined;
  const sameEnds = history.filter((death) => death.slot === slot && death.code === code).length;
  if (sameEnds < tries) return undefined;
  const times = tries === 1 ? "" : ` ${tries} times`;
  return { do: "giveUp", code, why: `the workers cannot start: exited with code ${code}${times}` };
}

function crashLoop(
  history: readonly PastDeath[],
  latest: PastDeath,
  { processes }: Circumstances,
): Restart | undefined {
  const isCounted = (death: PastDeath): boolean => !death.isByRun && !isForWantOfStore(death);
  const counted = history.filter(isCounted);
  const lastLong = counted.findLastIndex(({ lived }) => lived >= restartRules.shortLife);
  const row = counted.slice(lastLong + 1).filter(({ wasAsked }) => !wasAsked).length;
  if (row < restartRules.shortLives * processes || !isCounted(latest)) return undefined;
  return {
    do: "giveUp",
    code: restartRules.crashLoop,
    why: `${row} workers in a row have ended less than ${restartRules.shortLife / 1_000} s after their start`,
  };
}

/** Of a program that has worked before. */
function isForWantOfStore({ code, wasReady }: PastDeath): boolean {
  return code === restartRules.noStore && !wasReady;
}

function again(history: readonly PastDeath[], latest: PastDeath, { now }: Circumstances): Restart {
  const own = history.filter(
    ({ slot, isByRun, wasAsked }) => slot === latest.slot && (wasAsked || isByRun === latest.isByRun),
  );
  const lastLong = own.findLastIndex(({ lived }) => lived >= restartRules.longLife);
  const streak = own.slice(Math.max(0, lastLong)).filter(({ wasAsked }) => !wasAsked).length;
  const delay = streak <= 1 ? 0 : restartRules.firstDelay * 2 ** (streak - 2);
  const due = latest.at + Math.min(delay, longestDelay(latest));
  return { do: "start", delay: Math.max(0, Math.round(due - now)) };
}

function longestDelay(latest: PastDeath): number {
  if (latest.isByRun) return restartRules.longestDelayByRun;
  return isForWantOfStore(latest) ? restartRules.longestDelayByStore : restartRules.longestDelay;
}

/** What of the history still matters; the rest may be forgotten. */
export function remembered(history: readonly PastDeath[], processes: number): readonly PastDeath[] {
  const most = restartRules.shortLives * 2 * processes + 20;
  return history.length <= 2 * most ? history : history.slice(-most);
}
