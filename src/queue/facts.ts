// The facts that explain a run, read from the store at about the same moment, and never by walking a table of runs.
//
// Before this file comes `Duckdive.explain`. After it come the explanations, which are pure.
import { policyOf } from "../job/index.js";
import { type Clock, NotBuiltError } from "../kernel/index.js";
import type { Store, StoredRun } from "../store/contract.js";
import type { Facts } from "./explain/index.js";

export async function gatherFacts(of: {
  readonly store: Store;
  readonly clock: Clock;
  readonly run: StoredRun;
  /** The jobs whose definitions are at hand. */
  readonly jobs: ReadonlyMap<string, object>;
}): Promise<Facts> {
  const { store, clock, run, jobs } = of;
  const [{ events }, workers, queues, paused, gates, reroutes, limits] = await Promise.all([
    store.timeline(run.id),
    store.workers(),
    store.queues(),
    store.paused(),
    whereBuilt(store.standing(run.id), []),
    whereBuilt(store.reroutes(), {}),
    limitsOf(store, jobs, run.job),
  ]);
  const now = store.now();
  const clockAhead = now - clock.now();
  const reroute = Object.hasOwn(reroutes, run.job) ? reroutes[run.job] : undefined;
  return { run, now, clockAhead, events, workers, queues, paused, gates, reroute, ...limits };
}

/** What a job allows: its definition here, or what a worker published. */
async function limitsOf(
  store: Store,
  jobs: ReadonlyMap<string, object>,
  name: string,
): Promise<Pick<Facts, "attempts" | "crashes" | "isShared">> {
  const job = jobs.get(name);
  if (job !== undefined) {
    const { attempts, crashes, rules } = policyOf(job);
    return { attempts, crashes, isShared: rules?.fair !== undefined };
  }
  const published = (await store.definitions()).find((definition) => definition.job === name);
  return { attempts: published?.attempts, crashes: published?.crashes, isShared: false };
}

/** A store of an older version has no gates and no reroutes. */
async function whereBuilt<T>(asked: Promise<T>, otherwise: T): Promise<T> {
  return asked.catch((error: unknown) => {
    if (error instanceof NotBuiltError) return otherwise;
    throw error;
  });
}
