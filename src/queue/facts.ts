// The facts that explain a run, read from the store at about the same moment, and never by walking a table of runs.
//
// Before this file comes `Duckdive.explain`. After it come the explanations, which are pure.
import { policyOf, type State } from "../job/index.js";
import { type Clock, NotBuiltError } from "../kernel/index.js";
import { childId, originOf } from "../run/index.js";
import type { Store, StoredRun } from "../store/contract.js";
import type { Facts } from "./explain/index.js";
import { type Step, stepsOf } from "./steps.js";

export async function gatherFacts(of: {
  readonly store: Store;
  readonly clock: Clock;
  readonly run: StoredRun;
  /** The jobs whose definitions are at hand. */
  readonly jobs: ReadonlyMap<string, object>;
}): Promise<Facts> {
  const { store, clock, run, jobs } = of;
  const [{ events }, workers, queues, paused, awaited, calls, gates, reroutes, limits] = await Promise.all([
    store.timeline(run.id),
    store.workers(),
    store.queues(),
    store.paused(),
    awaitedBy(store, run),
    callsOf(store, run),
    whereBuilt(store.standing(run.id), []),
    whereBuilt(store.reroutes(), {}),
    limitsOf(store, jobs, run.job),
  ]);
  const now = store.now();
  const clockAhead = now - clock.now();
  const reroute = Object.hasOwn(reroutes, run.job) ? reroutes[run.job] : undefined;
  const read = { events, workers, queues, paused, awaited, calls, gates };
  return { run, now, clockAhead, ...read, reroute, ...limits };
}

/** How many of those that a run waits for are told of by name. */
const mostNamed = 10;

async function awaitedBy(store: Store, { waiting, after = [] }: StoredRun): Promise<Facts["awaited"]> {
  if (waiting?.reason !== "dependency") return [];
  const ids = after.slice(0, mostNamed);
  const runs = await store.find(ids);
  return ids.map((id, position) => [id, runs[position]] as const);
}

/** The calls that a suspended run waits for. What it waits on is one name, or a JSON list of names. */
async function callsOf(store: Store, run: StoredRun): Promise<Facts["calls"]> {
  const { waiting } = run;
  if (waiting?.reason !== "entries" || waiting.on === undefined) return [];
  const names = waiting.on.startsWith("[") ? (JSON.parse(waiting.on) as unknown[]) : [waiting.on];
  const entries = await store.entries(run.id);
  const steps = stepsOf(run.id, entries).filter(
    ({ name, state }) => state === "pending" && names.includes(name),
  );
  const origin = originOf(run.id, entries);
  return Promise.all(
    steps.map(async (step) => ({ step, ...(await liveBelow(store, run.id, step, origin)) })),
  );
}

const live: readonly State[] = ["scheduled", "ready", "running", "waiting"];
/** How many children are told apart by the call that started them. */
const mostChildren = 1_000;

/** The runs that a call started and that have not ended. */
async function liveBelow(
  store: Store,
  parent: string,
  { name, kind, run }: Step,
  origin: string,
): Promise<Omit<Facts["calls"][number], "step">> {
  if (kind === "child" && run !== undefined) {
    const [child] = await store.find([run]);
    return child === undefined ? { runs: [], live: 0 } : { runs: [child], live: 1 };
  }
  if (kind !== "children") return { runs: [], live: 0 };
  const parents = [parent];
  const [{ runs, next }, all] = await Promise.all([
    store.list({ parents, states: live }, { limit: mostChildren }),
    store.count({ parents }),
  ]);
  // Of more than that all live ones count, whichever call started them.
  if (next !== undefined)
    return { runs: runs.slice(0, mostNamed), live: await store.count({ parents, states: live }) };
  const own = new Set(Array.from({ length: all }, (_, number) => childId(origin, name, number)));
  const mine = runs.filter(({ id }) => own.has(id));
  return { runs: mine.slice(0, mostNamed), live: mine.length };
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
