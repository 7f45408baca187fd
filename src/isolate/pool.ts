// The isolates of a worker: kept warm, reused, and replaced when they were lost.
//
// Isolates of one kind, one limit of memory and one application are alike. A run takes one that is idle, or waits for the
// next that is; one more than are in use is kept ready, so that no run pays for a start. Those that were not needed for a
// while are let go. Nobody is given an isolate that has ended, or that was given up.
//
// Before this file comes one isolate. After it comes the worker.
import { pathToFileURL } from "node:url";
import { type AnyJob, type Log, moduleOf, type ResolvedIsolate, shownModule } from "../job/index.js";
import { type Clock, type Events, InvalidOptionError, type Timer } from "../kernel/index.js";
import type { Isolated, IsolatedEnd, IsolatedTask, Isolation, KnownJob } from "../loop/index.js";
import { type RunEvents, storedError } from "../run/index.js";
import type { Store } from "../store/contract.js";
import { type Host, type HostParts, insideFile } from "./host.js";
import { type OneIsolate, startIsolate } from "./one.js";
import type { Beginning } from "./protocol.js";

/** How many start at once: more would only wait for each other. */
const startsAtOnce = 2;
/** How many are kept ready beside those in use. */
const spare = 1;
/** After so long without use more than those are let go, in milliseconds. */
const idleFor = 30_000;

/** Where isolates find the application. */
export interface IsolateSource {
  /** The address of a module of duckdive that has `load`. */
  readonly loader: string;
  /** What that is given for a job; jobs of one source share isolates. @throws InvalidOptionError */
  readonly sourceOf: (job: AnyJob) => unknown;
}

export interface Isolates extends Isolation {
  /** Starts what these jobs will need. */
  warm(jobs: Iterable<KnownJob>): void;
  /** Ends all of them. Resolves when nothing is left. */
  stop(): Promise<void>;
}

export interface IsolatesParts extends Omit<Beginning, "loader" | "source"> {
  readonly source: IsolateSource;
  readonly store: Store;
  readonly clock: Clock;
  readonly events: Events<RunEvents>;
  readonly log: Log;
}

type Start = (parts: HostParts) => Host;

const starters: Record<ResolvedIsolate["kind"], () => Promise<Start>> = {
  thread: async () => (await import("./thread.js")).startThread,
  process: async () => (await import("./process.js")).startProcess,
};

export function createIsolates(parts: IsolatesParts): Isolates {
  const pools = new Map<string, Pool>();
  const { loader, sourceOf } = parts.source;

  function poolOf({ job, policy }: KnownJob): Pool {
    const { isolate } = policy;
    if (isolate === undefined) throw new TypeError(`Job "${job.name}" is not isolated.`);
    const { kind, memory } = isolate;
    const source = sourceOf(job);
    const key = JSON.stringify([kind, memory, source]);
    const known = pools.get(key);
    if (known !== undefined) return known;
    const { worker, release, grace, redact, hasMiddleware } = parts;
    const beginning = { loader, source, worker, release, grace, redact, hasMiddleware };
    const pool = createPool({ ...parts, kind, memory, beginning });
    pools.set(key, pool);
    return pool;
  }

  return {
    execute: (task) => poolOf(task.known).execute(task),
    warm(jobs) {
      for (const known of jobs) if (known.policy.isolate !== undefined) poolOf(known).warm();
    },
    async stop() {
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
  };
}

interface Pool {
  execute(task: IsolatedTask): Isolated;
  warm(): void;
  stop(): Promise<void>;
}

/** A run that has no isolate yet. */
interface Waiting {
  take(isolate: OneIsolate): void;
  refuse(error: unknown): void;
}

type PoolParts = Omit<IsolatesParts, "source"> & {
  readonly kind: ResolvedIsolate["kind"];
  readonly memory: number;
  readonly beginning: Beginning;
};

function createPool(parts: PoolParts): Pool {
  const { kind, clock } = parts;
  const starting = new Set<Promise<void>>();
  const live = new Set<OneIsolate>();
  const waiting = new Set<Waiting>();
  let idle: OneIsolate[] = [];
  let isStopped = false;
  /** The last one could not be started: no spare is tried before somebody needs one. */
  let isBroken = false;
  let letGo: Timer | undefined;

  /** Starts as many as are needed. */
  function fill(): void {
    if (isStopped) return;
    const wanted = waiting.size + (isBroken ? 0 : spare);
    while (idle.length + starting.size < wanted && starting.size < startsAtOnce) {
      const started = startOne().finally(() => {
        starting.delete(started);
        fill();
      });
      starting.add(started);
    }
  }

  async function startOne(): Promise<void> {
    const start = await starters[kind]();
    if (isStopped) return;
    const isolate: OneIsolate = startIsolate({
      ...parts,
      start,
      onFree: () => offer(isolate),
      onGone() {
        live.delete(isolate);
        idle = idle.filter((one) => one !== isolate);
        fill();
      },
    });
    live.add(isolate);
    const error = await isolate.ready;
    isBroken = error !== undefined;
    if (error === undefined) return offer(isolate, "fresh");
    const [...all] = waiting;
    waiting.clear();
    for (const one of all) one.refuse(error);
  }

  /** It is free: the run that waits longest has it, or it waits itself. */
  function offer(isolate: OneIsolate, how: "fresh" | "used" = "used"): void {
    if (!live.has(isolate)) return;
    const [next] = waiting;
    if (next === undefined) {
      if (how === "fresh") idle.unshift(isolate);
      else idle.push(isolate);
      if (idle.length > spare) letGo ??= clock.after(idleFor, shrink);
      return;
    }
    waiting.delete(next);
    next.take(isolate);
  }

  /** Those go that nobody has used, or not for the longest: the one used last is always taken first. */
  function shrink(): void {
    letGo = undefined;
    for (const isolate of idle.splice(0, Math.max(0, idle.length - spare))) void isolate.kill();
  }

  function execute(task: IsolatedTask): Isolated {
    let isolate: OneIsolate | undefined;
    let resolveEnd: (end: IsolatedEnd) => void = () => {};
    const end = new Promise<IsolatedEnd>((resolve) => {
      resolveEnd = resolve;
    });
    const place: Waiting = {
      take(given) {
        isolate = given;
        given.execute(task, resolveEnd);
      },
      refuse(error) {
        resolveEnd({
          ended: { how: "threw", error: storedError(error) },
          attempt: task.claimed.attempt,
        });
      },
    };
    const usedLast = idle.pop();
    if (usedLast === undefined) waiting.add(place);
    else place.take(usedLast);
    fill();
    return {
      end,
      abort: (stop) => isolate?.abort(stop),
      async giveUp() {
        waiting.delete(place);
        if (isolate === undefined) return;
        // From now on it is nobody's.
        live.delete(isolate);
        fill();
        await isolate.giveUp();
      },
    };
  }

  return {
    execute,
    warm: fill,
    async stop() {
      isStopped = true;
      letGo?.cancel();
      await Promise.all([...live].map((isolate) => isolate.kill()));
      await Promise.all(starting);
    },
  };
}

/** Jobs that were put together in code are found in the module that has them, which is imported. */
export const fromModules: IsolateSource = {
  loader: insideFile("modules.js").href,
  sourceOf(job) {
    const [, main] = process.argv;
    return moduleOfJob(job, main === undefined ? undefined : pathToFileURL(main).href);
  },
};

/** @throws InvalidOptionError when it is not known, or is the program itself */
function moduleOfJob(job: AnyJob, main: string | undefined): string {
  const module = moduleOf(job);
  if (module === undefined) {
    throw new InvalidOptionError(
      `Job "${job.name}" is isolated, and it is not known which module has it. Say so: isolate: { kind: "thread", module: import.meta.url }.`,
    );
  }
  if (module !== main) return module;
  throw new InvalidOptionError(
    `Job "${job.name}" is isolated, and stands in ${shownModule(module)}, the program itself: each of its isolates would run ` +
      "the program once more. Move the job into a module that only defines jobs, and export it there.",
  );
}
