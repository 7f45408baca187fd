// What a worker is made of, and what its loop and its registration are given of that.
//
// Before this file comes whoever starts a worker: an application, the command line, a test. After it comes the worker,
// which puts the parts together.
import type { IsolateSource } from "../isolate/index.js";
import { type Adapter, type AnyJob, defaults, type Log, prepareInput } from "../job/index.js";
import { type Clock, type Duration, type Events, newId, thisHost } from "../kernel/index.js";
import {
  type AddFromRun,
  abilitiesOf,
  type Delay,
  type EnqueueFromRun,
  type Environment,
  type Frames,
  type KnownJob,
  type RequestRun,
} from "../loop/index.js";
import type { Composed, EnqueueRequest, ExecuteMiddleware, StepCall } from "../middleware/index.js";
import { newRunOf, unrefused } from "../queue/index.js";
import type { RunEvents } from "../run/index.js";
import type { ScheduleDefinition } from "../schedule/index.js";
import type { NewWorker, Store } from "../store/contract.js";
import { durableMaker } from "./durable.js";
import type { Yielding } from "./yielding.js";

/** How long a handler has to end once its signal was aborted, by its timeout or a cancellation, in milliseconds. */
export const grace = 5_000;

/** What a worker is made of. */
export interface WorkerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly jobs: ReadonlyMap<string, AnyJob>;
  readonly events: Events<RunEvents>;
  readonly middleware: readonly ExecuteMiddleware[];
  readonly log: Log;
  readonly release: string | undefined;
  readonly enqueue: EnqueueFromRun;
  readonly add: AddFromRun;
  /** The schedules of the application; undefined: it says nothing of them. */
  readonly schedules?: ReadonlyMap<string, ScheduleDefinition> | undefined;
  /** The middleware around enqueue, for the runs of schedules. */
  readonly around?: Composed<EnqueueRequest> | undefined;
  /** The middleware around steps. */
  readonly aroundStep?: Composed<StepCall> | undefined;
  /** The application's own transactions, for `ctx.tx` and `ctx.succeed`. */
  readonly adapter?: Adapter<unknown, boolean> | undefined;
  /** What people are not shown of any job, beside what each says itself. */
  readonly redact?: readonly string[] | undefined;
  /** Slots by queue; `*` stands for all queues not named. Default `{ "*": 10 }`. */
  readonly queues?: Readonly<Record<string, number>> | undefined;
  /** A run counts as one priority higher for each time so long, in milliseconds, that it has waited. */
  readonly ageing?: number | undefined;
  /** Takes less on while the event loop is late. */
  readonly yielding?: Yielding | undefined;
  /** How long `stop` waits for handlers before their runs are handed back. Default 25 s. */
  readonly drain?: Duration | undefined;
  /** From 0 up to 1, for the jitter of retries. Default Math.random. */
  readonly random?: (() => number) | undefined;
  /** How late the event loop is. Default: measured, until the worker stops; one that is only left there never stops. */
  readonly delay?: Delay | undefined;
  /** Where isolated jobs are found; undefined: their handlers run in the worker itself. */
  readonly isolates?: IsolateSource | undefined;
  /** A runner looks after this process. */
  readonly attendance?: Attendance | undefined;
}

/** What a process that a runner looks after gives its worker to know. */
export interface Attendance {
  /** The process id of the runner. */
  readonly runner: number;
  /** Knows which run the code belongs to that is executed now. */
  readonly frames: Frames;
}

/** A registration, under a name of its own. */
export function registrationOf(parts: WorkerParts, jobs: ReadonlyMap<string, KnownJob>): NewWorker {
  return {
    id: newId(),
    ...thisHost(),
    release: parts.release,
    runner: parts.attendance?.runner,
    abilities: abilitiesOf(jobs),
    queues: parts.queues ?? defaults.work,
  };
}

export function environmentOf(
  parts: WorkerParts,
  worker: string,
  jobs: ReadonlyMap<string, KnownJob>,
): Environment {
  const {
    store,
    clock,
    events,
    middleware,
    log,
    enqueue,
    add,
    adapter,
    random = Math.random,
    attendance,
  } = parts;
  const frames = attendance?.frames;
  const makeDurable = durableMaker({
    store,
    clock,
    events,
    random,
    release: parts.release,
    aroundStep: parts.aroundStep,
  });
  return {
    release: parts.release,
    worker,
    store,
    clock,
    jobs,
    events,
    middleware,
    log,
    enqueue,
    add,
    adapter,
    frames,
    makeDurable,
    grace,
    random,
  };
}

/** A failure with its input and its error may be larger than an input may be. */
const largestFailure = 4 * defaults.inputLimit;

/** Makes runs for `onFailed`, as an enqueue does: nobody is there to be told that there is such a run already. */
export function requestOf({ release }: WorkerParts): RequestRun {
  return async (job, input, options) => {
    const prepared = await prepareInput(job, input, { limit: largestFailure });
    return unrefused(newRunOf(job, prepared, options, release));
  };
}
