// One call of a handler for many runs.
//
// The call has one timeout and one signal; every run keeps its own end. What the handler returns for a run, or an error for
// it, ends that run; what it throws fails this attempt of all. A run that is told to stop by itself, because it was cancelled or
// its claim was lost, cannot interrupt the others: the call goes on, and the run ends with it, or without it after the
// grace. The signal aborts when all of them have been told to stop.
//
// Middleware stands around each run, as if it were alone: the handler is called once all of it has called `next`.
//
// Before this file comes a group that is full, or has waited. After it come the settlements.
import { setMaxListeners } from "node:events";
import { type BatchContext, type BatchItem, inContextOf, type Meta } from "../job/index.js";
import type { Timer } from "../kernel/index.js";
import { composeExecute } from "../middleware/index.js";
import type { Ended } from "../run/index.js";
import { unframed } from "./call.js";
import { createContext, type RunContext, runCleanup } from "./context.js";
import { cleanUp, endOfError, notBegun, observed } from "./ending.js";
import type { Environment } from "./environment.js";
import { endOfResult, itemOf, resultsOf } from "./item.js";
import { endMembers, type Member } from "./member.js";
import type { Notes } from "./notes.js";
import { recordOf, startOf } from "./record.js";
import { ExecutionStoppedError, type Stop } from "./stop.js";

export interface Call {
  readonly members: readonly [Member, ...Member[]];
  readonly environment: Environment;
  readonly notes: Notes;
  /** Calls in nobody's frame: of several runs it is not known whose code it is that runs. */
  readonly outside: <T>(body: () => T) => T;
  /** None of them is left. */
  readonly onOver: () => void;
}

/** What a job with `batch` has for a handler. */
type Handle = (items: readonly BatchItem<unknown>[], ctx: BatchContext) => unknown;

/** One of those whose handler is called. */
interface Participant {
  readonly member: Member;
  readonly context: RunContext;
  isHere: boolean;
}

/** Calls the handler. Every member ends. */
export function callTogether({ members, environment, notes, outside, onOver }: Call): void {
  const { clock, events, grace, frames = unframed } = environment;
  const [first, ...others] = members;
  const { claimed, known } = first;
  const { timeout } = known.policy;
  const left = new Set<Member>(members);
  const stops = new Map<Member, Stop>();
  /** By when a member ends without the handler. */
  const endsAt = new Map<Member, number>();
  let soonest = Number.POSITIVE_INFINITY;
  let sweeping: Timer | undefined;
  const shared = createShared(environment, first);
  const meta = sharedMeta(members);
  const framed = <T>(given: () => T): T => {
    const body = (): T => inContextOf(meta, given);
    return others.length === 0 ? frames.enter(claimed, body) : outside(body);
  };

  function stop(member: Member, reason: Stop, time: number): void {
    const at = clock.now() + time;
    if (at < (endsAt.get(member) ?? Number.POSITIVE_INFINITY)) {
      endsAt.set(member, at);
      sweepAt(at);
    }
    if (stops.has(member)) return;
    stops.set(member, reason);
    if (stops.size < members.length) return;
    framed(() => shared.abort(new ExecutionStoppedError(member.claimed.run, reason)));
  }

  function sweepAt(at: number): void {
    if (at >= soonest) return;
    soonest = at;
    sweeping?.cancel();
    sweeping = clock.after(Math.min(grace, at - clock.now()), sweep);
  }

  /** Ends those whose grace is over; when nobody is left, the call is given up. */
  function sweep(): void {
    const due = [...left].filter((member) => (endsAt.get(member) ?? Number.POSITIVE_INFINITY) <= soonest);
    soonest = Number.POSITIVE_INFINITY;
    for (const member of due) {
      left.delete(member);
      const { run, job } = member.claimed;
      events.emit("abandoned", { run, job, why: stops.get(member)?.why ?? "timeout" });
    }
    const ends = due.map((member) => ({
      member,
      ended: observed("abandoned", stops.get(member)),
      leaked: performed,
    }));
    if (left.size === 0) void over(() => endMembers(ends, environment, onOver));
    else void endMembers(ends, environment);
    for (const member of left) sweepAt(endsAt.get(member) ?? Number.POSITIVE_INFINITY);
  }

  async function over(end: () => Promise<void>): Promise<void> {
    timer.cancel();
    sweeping?.cancel();
    await framed(() => cleanUp(shared, environment, claimed));
    await end();
  }

  const timer = clock.after(timeout, () => {
    for (const member of left) stop(member, { why: "timeout", timeout }, grace);
  });
  for (const member of members) {
    member.onStop = (reason, time) => stop(member, reason, time);
    member.calledAt = performance.now();
    frames.enter(member.claimed, () => {});
  }
  const performed = framed(() =>
    perform(members, shared.ctx, environment, notes, (member) => stops.has(member)),
  );
  void performed.then((ends) => {
    if (left.size === 0) return;
    const rest = [...left].map((member) => ({
      member,
      ended: observed(ends.get(member) ?? notBegun, stops.get(member)),
    }));
    left.clear();
    void over(() => endMembers(rest, environment, onOver));
  });
}

/** The context of a call for many: what all of its runs have alike. */
function sharedMeta([first, ...others]: Call["members"]): Meta {
  const { meta } = first.claimed;
  if (others.length === 0) return meta;
  const isShared = ([name, text]: [string, string]): boolean =>
    others.every(({ claimed }) => claimed.meta[name] === text);
  return Object.fromEntries(Object.entries(meta).filter(isShared));
}

/** What the runs of a call share: its signal, and what was deferred. */
function createShared(environment: Environment, { claimed }: Member) {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const deferred: (() => void | Promise<void>)[] = [];
  let hasEnded = false;
  const ctx: BatchContext = {
    job: claimed.job,
    signal: controller.signal,
    defer(cleanup) {
      if (hasEnded) void runCleanup(cleanup, environment, claimed);
      else deferred.push(cleanup);
    },
  };
  return {
    ctx,
    abort: (reason: Error): void => controller.abort(reason),
    takeDeferred() {
      hasEnded = true;
      return deferred.reverse();
    },
  };
}

/** Calls the handler for those that were not told to stop before it began. Never rejects. */
async function perform(
  members: readonly Member[],
  ctx: BatchContext,
  environment: Environment,
  notes: Notes,
  isStopped: (member: Member) => boolean,
): Promise<ReadonlyMap<Member, Ended>> {
  // The end of the loop's turn: whoever is claimed by a worker that has to stop is told so in it.
  await Promise.resolve();
  const participants = members
    .filter((member) => !isStopped(member))
    .map((member): Participant => {
      const onLost = (): void => member.onStop({ why: "lost" }, environment.grace);
      return {
        member,
        context: createContext(member.claimed, member.known, environment, notes, onLost),
        isHere: false,
      };
    });
  for (const { member } of participants) tellStarted(member, environment);
  const meeting = createMeeting(participants, ctx);
  const ends = await Promise.all(
    participants.map((participant) => performOne(participant, meeting, environment)),
  );
  return new Map(participants.map(({ member }, place) => [member, ends[place] ?? notBegun]));
}

function tellStarted({ claimed }: Member, { events, worker }: Environment): void {
  if (!events.has("started")) return;
  events.emit("started", startOf(claimed, worker));
}

interface Meeting {
  /** Comes to the call; resolves with what the handler gave back for it. */
  come(participant: Participant): Promise<unknown>;
  /** Will not come any more. */
  stayAway(): void;
}

/** The handler is called once everybody has come, or has gone. */
function createMeeting(participants: readonly Participant[], ctx: BatchContext): Meeting {
  let missing = participants.length;
  let begin: () => void = () => {};
  const everybody = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const called = everybody.then(async () => {
    const here = participants.filter(({ isHere }) => isHere);
    const [first] = here;
    if (first === undefined) return new Map<Participant, unknown>();
    const { job } = first.member.known;
    const items = here.map(({ context, member }) => itemOf(context, member.input));
    const handle = job.handler as object as Handle;
    const results = resultsOf(await handle(items, ctx), items.length, job.name);
    return new Map(here.map((participant, place) => [participant, results[place]]));
  });
  // Everybody who came hears of it.
  called.catch(() => {});
  const arrived = (): void => {
    missing -= 1;
    if (missing === 0) begin();
  };
  return {
    async come(participant) {
      participant.isHere = true;
      arrived();
      const result = (await called).get(participant);
      if (result instanceof Error) throw result;
      return result;
    },
    stayAway: arrived,
  };
}

async function performOne(
  participant: Participant,
  meeting: Meeting,
  { middleware }: Environment,
): Promise<Ended> {
  const { member, context } = participant;
  try {
    let returned: unknown;
    if (middleware.length === 0) returned = await meeting.come(participant);
    else {
      await inContextOf(member.claimed.meta, () =>
        composeExecute(middleware)(recordOf(member.claimed), async () => {
          returned = await meeting.come(participant);
        }),
      );
    }
    return await endOfResult(returned, member.known, context);
  } catch (error) {
    return endOfError(error);
  } finally {
    if (!participant.isHere) meeting.stayAway();
  }
}
