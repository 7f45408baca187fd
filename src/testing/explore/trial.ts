// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a job here; nothing is inferred as it
/**
 * One trial: a job run once, to its end, in a world of its own, under a script of what goes wrong.
 *
 * Everything is new each time: the world, the jobs that close over it, the store and its clock. Only the id of the run and
 * the time at which it begins are the same, so that the keys of its steps are, too.
 *
 * Before this file comes the exploration, which makes the script. After it come the fleet and the test queue.
 */
import {
  type Adapter,
  type AnyJob,
  collectJobs,
  type Job,
  type Log,
  type RunRecord,
} from "../../job/index.js";
import {
  type Duration,
  duration,
  InvalidOptionError,
  idAt,
  systemClock,
  type Timer,
} from "../../kernel/index.js";
import type { Run } from "../../queue/index.js";
import { createRig, type Rig, type TestQueue } from "../queue.js";
import type { Tally } from "./bodies.js";
import { type Data, dataOf } from "./difference.js";
import { createFleet, ended, type Fleet } from "./fleet.js";
import type { Script } from "./script.js";

/** What `explore` works on, and what it compares. */
export interface ExploreOptions<W> {
  /** Makes the world that a trial runs in: the fakes, or the database, that the job works on. Called for each trial. */
  world: () => W | Promise<W>;
  /** The job itself, and those of its children, over this world. */
  jobs: (world: W) => readonly Job<any, any, any, any, any, any>[];
  /**
   * What is compared: everything in the world that the job has an effect on, as plain data. In lists how often a thing
   * is there counts, and not the order.
   */
  observe: (world: W) => unknown;
  /**
   * Sends what the run waits for. Called once in each trial, when everything that could be done at first is done; what is
   * sent before it is waited for is kept.
   */
  signals?: (queue: TestQueue<unknown, false>, run: Run) => Promise<void>;
  /** The application's own database access, for `ctx.tx`. Its database must be the store's: see `file`. */
  with?: (world: W) => Adapter<any, any> | undefined;
  /** The SQLite file of that database. Default: the store is in memory. */
  file?: (world: W) => string | undefined;
  /** Makes other ids of runs, and keys of steps. Default 1. */
  seed?: number;
  /** What the clock shows when the run begins. Default: 1 January 2026. */
  now?: Date | string;
  /** How long nothing may happen, in real time, before a trial is taken for hung: a handler waits for what never comes. Default 5 s. */
  patience?: Duration;
  /** Hears what duckdive says in trials. Default: nobody. */
  log?: Log;
}

export interface Subject<W> {
  readonly job: string;
  readonly input: unknown;
  readonly options: ExploreOptions<W>;
  readonly run: string;
  readonly now: Date;
  /** In milliseconds. */
  readonly patience: number;
}

/** What became of a trial. */
export interface Seen {
  readonly world: Data;
  /** How the run ended, in words. */
  readonly end: string;
  readonly isOver: boolean;
}

/** The moment of the first commit of many tests; any would do, so long as it stays. */
const defaultNow = "2026-01-01T00:00:00Z";
const defaultPatience = "5s";
/** How often time is moved to the next thing that is due before a run is taken for endless. */
const mostMoves = 10_000;
/** How long a body that nobody waits for any more is waited for, in milliseconds of real time. */
const afterthought = 50;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export function subjectOf<W>(job: AnyJob, input: unknown, options: ExploreOptions<W>): Subject<W> {
  const now = new Date(options.now ?? defaultNow);
  const run = idAt(now.getTime(), `explored ${options.seed ?? 1}`);
  const patience = duration(options.patience ?? defaultPatience, "explore({ patience })");
  return { job: job.name, input, options, run, now, patience };
}

/** @param isApart each job has a process of its own */
export async function runTrial<W>(
  subject: Subject<W>,
  script: Script,
  tally: Tally,
  isApart = false,
): Promise<Seen> {
  const { options, now } = subject;
  const world = await options.world();
  const inFlight = new Set<Promise<unknown>>();
  const adapter = options.with?.(world);
  const file = options.file?.(world);
  const jobs = options.jobs(world);
  let fleet: Fleet | undefined;
  const rig = createRig<any, any>(
    {
      jobs,
      now,
      log: options.log ?? silent,
      ...(adapter === undefined ? {} : { with: adapter }),
      ...(file === undefined ? {} : { file }),
    },
    (parts, clock) => {
      fleet = createFleet(parts, { script, bodies: tally, inFlight, clock, isApart });
      return fleet;
    },
  );
  if (isApart) for (const one of jobs) await rig.queue.reroute(one, one.name, { waiting: false });
  const hang = watchFor(() => script.steps, subject.patience);
  try {
    const record = await Promise.race([live(subject, rig, jobs), hang.met]);
    await ended(inFlight, afterthought);
    const end = record === undefined ? "hung: its handler waits for what never comes" : endOf(record);
    return {
      world: dataOf(await options.observe(world)),
      end,
      isOver: record !== undefined && hasEnded(record),
    };
  } finally {
    hang.stop();
    fleet?.kill();
    await rig.queue.close();
    await dispose(world);
  }
}

/** From the request to the end of the run, and of all that it asked for. */
async function live<W>(
  { job, input, options, run: id }: Subject<W>,
  { queue, clock, nextDue }: Rig<any, any>,
  jobs: readonly AnyJob[],
): Promise<RunRecord> {
  const own = collectJobs(jobs).get(job);
  if (own === undefined)
    throw new InvalidOptionError(
      `explore(): jobs(world) has no job "${job}". Make it anew over that world, and list it.`,
    );
  const run: Run = await queue.enqueue(own, input, { id });
  let { waiting } = await queue.drain();
  if (options.signals !== undefined && !hasEnded(await run.get())) {
    await options.signals(queue, run);
    ({ waiting } = await queue.drain());
  }
  for (let move = 0; waiting > 0 && move < mostMoves; move += 1) {
    const next = await nextDue();
    if (next === Number.POSITIVE_INFINITY) break;
    await clock.set(Math.max(next, clock.now()));
    ({ waiting } = await queue.drain());
  }
  return run.get();
}

/** Resolves with nothing when for so long, in milliseconds of real time, no step was made. */
function watchFor(steps: () => number, patience: number): { met: Promise<undefined>; stop: () => void } {
  let known = -1;
  let timer: Timer | undefined;
  const met = new Promise<undefined>((resolve) => {
    const look = (): void => {
      if (steps() === known) resolve(undefined);
      else {
        known = steps();
        timer = systemClock.after(patience, look);
      }
    };
    look();
  });
  return { met, stop: () => timer?.cancel() };
}

function hasEnded({ state }: RunRecord): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

function endOf({ state, reason, error, waiting }: RunRecord): string {
  if (state === "succeeded") return "succeeded";
  if (state === "failed")
    return `failed (${reason ?? "error"}: ${error?.message ?? "no error is on record"})`;
  if (state === "cancelled") return `was cancelled (${reason ?? "nobody said why"})`;
  return `did not end: it is ${state}${waiting === undefined ? "" : ` on ${waiting.reason}`}`;
}

async function dispose(world: unknown): Promise<void> {
  if (typeof world !== "object" || world === null) return;
  const end: unknown = Reflect.get(world, Symbol.asyncDispose) ?? Reflect.get(world, Symbol.dispose);
  if (typeof end === "function") await end.call(world);
}
