// One execution: from a claimed run to the settlement that ends it.
//
//   refuse    a run this worker may not or need not execute ends at once: parked, poisoned, exhausted, expired, invalid
//   call      the handler, inside the middleware, with its `ctx`, under its timeout
//   observe   how it ended: a value, an outcome, an error; or it was stopped and did not end within the grace
//   clean up  what was registered with `ctx.defer`, last first
//   decide    `run/transition` makes the settlement
//
// Nothing thrown here leaves here: whatever happens becomes a settlement.

import { parseStored } from "../job/index.js";
import type { Timer } from "../kernel/index.js";
import { composeExecute } from "../middleware/index.js";
import { type Ended, isExhausted, isLastChance, isPoison, transition } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import type { Conclusion, Execution } from "./conclusion.js";
import { createContext, type RunContext, type Watched } from "./context.js";
import {
  type Committed,
  cleanUp,
  decide,
  endOf,
  endOfError,
  endOfInput,
  followed,
  notBegun,
  observed,
} from "./ending.js";
import type { Environment, Frames, KnownJob } from "./environment.js";
import type { Notes } from "./notes.js";
import { recordOf } from "./record.js";
import { ExecutionStoppedError, type Stop } from "./stop.js";

/** The policy of a run whose job this worker does not know: only used to park it. */
const noPolicy = { keep: { succeeded: 0, failed: 0, cancelled: 0 }, attempts: 1, backoff: () => 0 } as const;

/** Has a claimed run executed in another way than by itself; undefined: it is executed by itself. */
export type Gather = (claimed: Claimed, known: KnownJob) => Execution | undefined;

/** Executes a claimed run, or ends it at once for a reason. */
export function begin(claimed: Claimed, environment: Environment, notes: Notes, gather: Gather): Execution {
  const known = environment.jobs.get(claimed.job);
  const refusal = refuse(claimed, known, environment.clock.now());
  if (refusal !== undefined || known === undefined) {
    const ended = refusal ?? { how: "parked", reason: "worker", on: abilityOf(claimed) };
    return refused(claimed, ended, known, environment);
  }
  return gather(claimed, known) ?? call(claimed, known, environment, notes);
}

/** Gives a claimed run back that is not to be executed now; for so many milliseconds, or for the next who claims. */
export function giveBack(claimed: Claimed, environment: Environment, milliseconds?: number): Execution {
  const ended: Ended = milliseconds === undefined ? { how: "handedBack" } : { how: "snoozed", milliseconds };
  return refused(claimed, ended, environment.jobs.get(claimed.job), environment);
}

/** Whether a claimed run would become poison by taking this worker down, and is not refused. */
export function isOnLastChance(claimed: Claimed, { jobs }: Environment): boolean {
  const known = jobs.get(claimed.job);
  return known !== undefined && isLastChance(claimed, known.policy);
}

/** The end of a run that is not executed here. */
function refused(
  claimed: Claimed,
  ended: Ended,
  known: KnownJob | undefined,
  environment: Environment,
): Execution {
  const settlement = transition(claimed, ended, known?.policy ?? noPolicy, environment.random);
  const settling = Promise.resolve(followed(claimed, settlement, environment));
  const conclusion = settling.then((whole) => ({ settlement: whole, isCommitted: false }));
  return { claimed, calledAt: undefined, stop: () => {}, conclusion };
}

function abilityOf(claimed: Claimed): string {
  return `${claimed.job}@${claimed.version}`;
}

/** Why a claimed run is not executed by this worker; undefined: it is. */
function refuse(claimed: Claimed, known: KnownJob | undefined, now: number): Ended | undefined {
  if (known === undefined || known.policy.version < claimed.version)
    return { how: "parked", reason: "worker", on: abilityOf(claimed) };
  if (claimed.paused) return { how: "parked", reason: "paused", on: claimed.job };
  if (isPoison(claimed, known.policy)) return { how: "poisoned" };
  if (isExhausted(claimed, known.policy)) return { how: "exhausted" };
  if (claimed.startBy !== undefined && claimed.startBy <= now)
    return { how: "expired", limit: "startWithin" };
  if (claimed.finishBy !== undefined && claimed.finishBy <= now)
    return { how: "expired", limit: "finishWithin" };
  return undefined;
}

function call(claimed: Claimed, known: KnownJob, environment: Environment, notes: Notes): Execution {
  const { clock, events, frames = unframed } = environment;
  let stopped: Stop | undefined;
  let isOver = false;
  let endsAt = Number.POSITIVE_INFINITY;
  let end: Timer | undefined;
  let giveUp = (): void => {};
  const context = createContext(claimed, known, environment, notes, () => stop({ why: "lost" }, environment.grace));

  function stop(reason: Stop, grace: number): void {
    if (isOver) return;
    if (clock.now() + grace < endsAt) {
      endsAt = clock.now() + grace;
      end?.cancel();
      end = clock.after(grace, () => giveUp());
    }
    if (stopped !== undefined) return;
    stopped = reason;
    frames.enter(claimed, () => context.abort(new ExecutionStoppedError(claimed.run, reason)));
  }

  const limit = limitOf(claimed, known.policy.timeout, clock.now());
  const timer = clock.after(limit.milliseconds, () => stop(limit.stop, environment.grace));

  async function conclude(): Promise<Conclusion> {
    try {
      const performed = perform(claimed, known, environment, context, () => stopped !== undefined);
      const how = await new Promise<Ended | Committed | "abandoned">((resolve) => {
        giveUp = () => resolve("abandoned");
        void performed.then(resolve);
      });
      isOver = true;
      timer.cancel();
      end?.cancel();
      if (how === "abandoned") context.seal();
      if (how === "abandoned")
        events.emit("abandoned", { run: claimed.run, job: claimed.job, why: stopped?.why ?? "timeout" });
      await cleanUp(context, environment, claimed);
      if (how !== "abandoned" && how.how === "committed")
        return { settlement: how.settlement, isCommitted: true };
      const decided = decide(claimed, observed(how, stopped), known, environment);
      const settling = followed(claimed, decided, environment);
      const settlement = settling instanceof Promise ? await settling : settling;
      return how === "abandoned"
        ? { settlement, isCommitted: false, leaked: performed }
        : { settlement, isCommitted: false };
    } finally {
      frames.leave(claimed);
    }
  }

  return { claimed, calledAt: performance.now(), stop, conclusion: frames.enter(claimed, conclude) };
}

export const unframed: Frames = { enter: (_claimed, body) => body(), leave: () => {} };

/** What ends the execution first: the job's timeout, or the run's `finishWithin`. */
function limitOf(claimed: Claimed, timeout: number, now: number): { milliseconds: number; stop: Stop } {
  const left = claimed.finishBy === undefined ? Number.POSITIVE_INFINITY : claimed.finishBy - now;
  return left < timeout
    ? { milliseconds: left, stop: { why: "expired" } }
    : { milliseconds: timeout, stop: { why: "timeout", timeout } };
}

/** Calls the handler. Never rejects. */
async function perform(
  claimed: Claimed,
  known: KnownJob,
  environment: Environment,
  context: RunContext,
  isStopped: () => boolean,
): Promise<Ended | Committed> {
  const { job } = known;
  let input: unknown;
  try {
    input = await parseStored(job, claimed.input);
  } catch (error) {
    return endOfInput(error);
  }
  // Told to stop before it began: it does not begin.
  if (isStopped()) return notBegun;
  const { events, middleware } = environment;
  if (events.has("started")) {
    const { run, job: name, queue, attempt, tags } = claimed;
    events.emit("started", { run, job: name, queue, attempt, worker: environment.worker, tags });
  }
  try {
    if (claimed.hasEntries) await context.prepare();
    let watched: Watched | undefined;
    if (middleware.length === 0) watched = await context.watch(() => job.handler(input, context.ctx));
    else {
      // Middleware stands around an execution: for it one that is suspended has ended, though the handler never unwinds.
      await composeExecute(middleware)(recordOf(claimed), async () => {
        watched = await context.watch(() => job.handler(input, context.ctx));
      });
    }
    if (watched !== undefined && "waitsFor" in watched) return { how: "suspended", on: watched.waitsFor };
    await context.end();
    return await endOf(watched?.returned, known, context);
  } catch (error) {
    return endOfError(error);
  }
}
