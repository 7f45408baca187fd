// Bringing what waits in another queue: recorded, read back, and only then removed over there.
//
// A page is one commit. What cannot be a run stays where it is and is told, by name and reason; the others of its page are recorded
// one by one. It may be interrupted at any moment and started again, since the id of a run is made of its original. An original
// that a worker over there has begun with, between reading and removing, is left to it, and its run is cancelled.
//
// Before this file come a source, a mapping and a session. After it comes the command, which prints.
import { type AnyContract, isContract, prepareInput } from "../../job/index.js";
import type { NamedRequest } from "../../queue/index.js";
import { isJudgement, messageOf } from "../../with/recording.js";
import { MoveMismatchError } from "../errors.js";
import type { Session } from "../session.js";
import { type Mapping, requestOf } from "./mapping.js";
import type { Source, Waiting } from "./source.js";

/** What becomes of jobs of one name. */
export interface Tally {
  /** What they are called over there. */
  readonly name: string;
  /** Which job here they are for. */
  job: string;
  waiting: number;
  /** Of those, for later. */
  later: number;
  recorded: number;
  /** Recorded by an earlier call. */
  known: number;
  /** Left where they are. */
  left: number;
  /** Left to a worker over there. */
  overtaken: number;
  removed: number;
  /** Why some were left: the first reason. */
  reason: string | undefined;
}

export interface Bringing {
  readonly source: Source;
  readonly mapping: Mapping;
  readonly jobs: ReadonlyMap<string, AnyContract>;
  readonly tell: (number: number) => void;
}

interface Asked {
  readonly waiting: Waiting;
  readonly request: NamedRequest;
  readonly tally: Tally;
}

interface Recorded {
  readonly id: string;
  readonly created: boolean;
}

/** What would become of all that waits; touches nothing. */
export async function rehearse(bringing: Bringing): Promise<Tally[]> {
  const tallies = new Map<string, Tally>();
  for await (const page of bringing.source.look()) {
    for (const { request, tally } of asked(bringing, page, tallies)) {
      if (!isContract(request.job)) continue;
      const { job, input } = request;
      await Promise.resolve()
        .then(() => prepareInput(job, input))
        .catch((error: unknown) => leave(tally, messageOf(error)));
    }
    bringing.tell(total(tallies));
  }
  return [...tallies.values()];
}

/**
 * Brings all that waits.
 *
 * @throws MoveMismatchError when a run that was recorded is not there
 */
export async function bring(bringing: Bringing, session: Session, removes: boolean): Promise<Tally[]> {
  const { source, tell } = bringing;
  const tallies = new Map<string, Tally>();
  try {
    for await (const page of source.take()) {
      const done = await record(asked(bringing, page, tallies), session);
      if (removes) await remove(source, done, session);
      tell(total(tallies));
    }
  } finally {
    await source.restore();
  }
  return [...tallies.values()];
}

/** What is asked for of a page; what cannot be asked for is left, and counted. */
function asked(
  { source, mapping, jobs }: Bringing,
  page: readonly Waiting[],
  tallies: Map<string, Tally>,
): Asked[] {
  return page.flatMap((waiting) => {
    const tally = tallyOf(tallies, waiting.name);
    tally.waiting += 1;
    if (waiting.due !== undefined) tally.later += 1;
    try {
      const request =
        waiting.obstacle === undefined ? requestOf(waiting, mapping, jobs, source.name) : undefined;
      if (request === undefined) {
        leave(tally, waiting.obstacle ?? "the mapping says that it is no run");
        return [];
      }
      tally.job = isContract(request.job) ? request.job.name : String(request.job);
      return [{ waiting, request, tally }];
    } catch (error) {
      leave(tally, messageOf(error));
      return [];
    }
  });
}

/** Records what is asked for, and reads it back; answers what is there. */
async function record(page: readonly Asked[], session: Session): Promise<Asked[]> {
  if (page.length === 0) return [];
  try {
    const requests = page.map(({ request }) => request);
    const runs = (await session.duckdive.enqueueByName(requests)).map(({ run }) => run);
    await readBack(page, runs, session);
    for (const [place, { created }] of runs.entries()) {
      const tally = page[place]?.tally;
      if (tally !== undefined) tally[created ? "recorded" : "known"] += 1;
    }
    return [...page];
  } catch (error) {
    if (!isJudgement(error) || error instanceof MoveMismatchError) throw error;
    if (page.length > 1) {
      const done: Asked[] = [];
      for (const one of page) done.push(...(await record([one], session)));
      return done;
    }
    for (const { tally } of page) leave(tally, messageOf(error));
    return [];
  }
}

/** An id stands for the original, also where a unique rule gave the run that was there. */
async function readBack(page: readonly Asked[], runs: readonly Recorded[], session: Session): Promise<void> {
  const found = await session.store.find(runs.map(({ id }) => id));
  const missing = page.filter((_, place) => found[place] === undefined);
  if (missing.length === 0) return;
  throw new MoveMismatchError(
    `${missing.length} runs that were recorded are not in the store, the first for "${missing[0]?.waiting.name}". Their ` +
      "originals were not removed. Start it again, and report it if it happens again.",
  );
}

async function remove(source: Source, done: readonly Asked[], { duckdive }: Session): Promise<void> {
  if (done.length === 0) return;
  const busy = await source.remove(done.map(({ waiting }) => waiting));
  for (const { waiting, tally } of done) {
    if (!busy.has(waiting.key)) tally.removed += 1;
    else {
      tally.overtaken += 1;
      await duckdive.cancel(waiting.id, `a worker of ${source.name} had begun with the original`);
    }
  }
}

function tallyOf(tallies: Map<string, Tally>, name: string): Tally {
  const known = tallies.get(name);
  if (known !== undefined) return known;
  const none = { waiting: 0, later: 0, recorded: 0, known: 0, left: 0, overtaken: 0, removed: 0 };
  const tally = { name, job: "", reason: undefined, ...none };
  tallies.set(name, tally);
  return tally;
}

function leave(tally: Tally, reason: string): void {
  tally.left += 1;
  tally.reason ??= reason;
}

function total(tallies: ReadonlyMap<string, Tally>): number {
  return [...tallies.values()].reduce((sum, { waiting }) => sum + waiting, 0);
}
