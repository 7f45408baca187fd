// The call itself: the input is judged, and the handler is called inside the middleware, with its `ctx`.
//
// It is the same wherever a handler runs: beside its worker, where `execution` calls it, or in an isolate. How it ended is
// all that leaves here; what becomes of the run is decided by whoever asked.
//
// Before this file come a claimed run and its context. After it comes how it ended.
import { isPromise, parseStored } from "../job/index.js";
import { composeExecute } from "../middleware/index.js";
import type { Ended } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import type { Committed } from "./conclusion.js";
import type { RunContext, Watched } from "./context.js";
import { endOf, endOfError, endOfInput, notBegun } from "./ending.js";
import type { Environment, KnownJob } from "./environment.js";
import { recordOf, startOf } from "./record.js";

/** Calls the handler. Never rejects. */
export async function perform(
  claimed: Claimed,
  known: KnownJob,
  environment: Environment,
  context: RunContext,
  isStopped: () => boolean,
): Promise<Ended | Committed> {
  const { job } = known;
  let input: unknown;
  try {
    input = await parseStored(job, claimed.input, claimed.version);
  } catch (error) {
    return endOfInput(error);
  }
  // Told to stop before it began: it does not begin.
  if (isStopped()) return notBegun;
  const { events, middleware } = environment;
  if (events.has("started")) {
    events.emit("started", startOf(claimed, environment.worker));
  }
  try {
    if (claimed.hasEntries) await context.prepare();
    const call = (): unknown => job.handler(input, context.ctx);
    const watching =
      middleware.length === 0 ? context.watch(call) : inMiddleware(claimed, environment, context, call);
    const watched = isPromise(watching) ? await watching : watching;
    if (watched !== undefined && "waitsFor" in watched) return { how: "suspended", on: watched.waitsFor };
    const ending = context.end();
    if (ending !== undefined) await ending;
    const end = endOf(watched?.returned, known, context);
    return isPromise(end) ? await end : end;
  } catch (error) {
    return endOfError(error);
  }
}

/** Middleware stands around an execution: for it one that is suspended has ended, though the handler never unwinds. */
async function inMiddleware(
  claimed: Claimed,
  { middleware }: Environment,
  context: RunContext,
  call: () => unknown,
): Promise<Watched | undefined> {
  let watched: Watched | undefined;
  await composeExecute(middleware)(recordOf(claimed), async () => {
    watched = await context.watch(call);
  });
  return watched;
}
