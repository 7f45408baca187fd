// Jobs that a Ruby application pushes, recorded as runs: taken aside under the id that the run will have, recorded, forgotten.
//
// Resque's payload has no id, and two that are equal are two jobs, so each gets one as it is taken, in the same step that takes
// it. Whoever finds something taken and not settled records it under that id: this process in its next round, or any other one
// when this one is gone. Recording twice is recording once, so nobody has to know who took what.
//
// Before this file comes Redis. After it come the runs.
import type { Log, Request } from "../../job/index.js";
import { type Clock, newId } from "../../kernel/index.js";
import { rest, waitAfter, within } from "../patience.js";
import { messageOf, type Recorder, recordAll, requestUnder } from "../recording.js";
import { failure, jobOf, type Keys, metaOf, type ResqueJob } from "../resque-format.js";
import {
  type Evaluate,
  queuesScript,
  refuseScript,
  settleScript,
  takenScript,
  takeScript,
} from "../resque-redis.js";

/** Makes a request of a job's arguments. */
export type FromArguments = (
  args: readonly unknown[],
  job: ResqueJob & { readonly queue: string },
) => Request;

/** How far an intake is. Counts are since it was started. */
export interface ResqueIntakeStatus {
  /** Runs that were recorded. */
  readonly recorded: number;
  /** Jobs whose run was there already: their process died, or another one recorded them at the same time. */
  readonly known: number;
  /** Jobs that became failures of Resque, since they can be no run. */
  readonly refused: number;
}

/** What makes runs of the jobs in Resque's queues. */
export interface ResqueIntake {
  /** Resolves when it has looked into all of its queues for the first time. */
  readonly ready: Promise<void>;
  /** How it is now. */
  status(): ResqueIntakeStatus;
  /** Takes no more, and records what it has taken. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ResqueIntakeParts {
  readonly evaluate: Evaluate;
  readonly keys: Keys;
  readonly recorder: Recorder;
  /** In the order in which they are looked into; `*` stands for all. */
  readonly queues: readonly string[];
  readonly classes: ReadonlyMap<string, FromArguments>;
  /** Between two looks into empty queues, in milliseconds. */
  readonly every: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Taken {
  readonly id: string;
  readonly payload: string;
}

interface Reading extends Taken {
  readonly request?: Request;
  /** Why it can be no run. */
  readonly error?: Error;
}

/** Taken and recorded at once: one commit. */
const batchSize = 200;
/** So often each process looks for what others took and did not settle, in milliseconds. */
const sweepEvery = 30_000;
/** How long Redis has to answer when this is to stop, in milliseconds. */
const answerTimeout = 5_000;

export class RunningResqueIntake implements ResqueIntake {
  readonly ready: Promise<void>;
  readonly #parts: ResqueIntakeParts;
  readonly #stopping = new AbortController();
  readonly #over: Promise<void>;
  readonly #counts = { recorded: 0, known: 0, refused: 0 };
  #tellReady: () => void = () => {};
  #sweepAt = Number.NEGATIVE_INFINITY;

  constructor(parts: ResqueIntakeParts) {
    this.#parts = parts;
    this.ready = new Promise((resolve) => {
      this.#tellReady = resolve;
    });
    this.#over = this.#goOn();
  }

  status(): ResqueIntakeStatus {
    return { ...this.#counts };
  }

  async #goOn(): Promise<void> {
    const { clock, every, log } = this.#parts;
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const isBusy = await this.#round();
        failures = 0;
        this.#tellReady();
        if (!isBusy) await rest(clock, every, signal);
      } catch (error) {
        failures += 1;
        // What was taken and not recorded comes first, and nothing else is taken until it is.
        this.#sweepAt = Number.NEGATIVE_INFINITY;
        log.warn(`Resque's jobs are not taken: ${messageOf(error)}. It is tried again.`, { failures });
        await waitAfter(clock, failures, signal);
      }
    }
  }

  /** One look into each queue, until one has more than a batch: then it begins with the first again. Whether it is busy. */
  async #round(): Promise<boolean> {
    const { evaluate, keys, clock } = this.#parts;
    const queues = await this.#queues();
    if (clock.now() >= this.#sweepAt) {
      for (const queue of queues)
        await this.#settle(queue, pairs(await evaluate(takenScript, [keys.taken(queue)])));
      this.#sweepAt = clock.now() + sweepEvery;
    }
    for (const queue of queues) {
      if (this.#stopping.signal.aborted) return false;
      const ids = Array.from({ length: batchSize }, () => newId());
      const taken = pairs(await evaluate(takeScript, [keys.queue(queue), keys.taken(queue)], ids));
      await this.#settle(queue, taken);
      if (taken.length === batchSize) return true;
    }
    return false;
  }

  async #queues(): Promise<string[]> {
    const { evaluate, keys, queues } = this.#parts;
    if (!queues.includes("*")) return [...queues];
    const all = await evaluate(queuesScript, [keys.queues]);
    const others = all.filter((name) => !queues.includes(name));
    return queues.flatMap((name) => (name === "*" ? others : [name]));
  }

  /** Records what was taken. @throws what the store says that has to be tried again */
  async #settle(queue: string, taken: readonly Taken[]): Promise<void> {
    const { evaluate, keys, recorder } = this.#parts;
    const readings = taken.map((one) => this.#read(queue, one));
    const asked = readings.filter(
      (reading): reading is Reading & { request: Request } => "request" in reading,
    );
    const fates = await recordAll(
      recorder,
      asked.map(({ request }) => request),
    );
    const done: string[] = [];
    let later: { error: unknown } | undefined;
    for (const [place, reading] of asked.entries()) {
      const fate = fates[place];
      if (fate?.kind === "recorded") {
        done.push(reading.id);
        this.#counts[fate.created ? "recorded" : "known"] += 1;
      } else if (fate?.kind === "refused") await this.#refuse(queue, reading, fate.error);
      else later = { error: fate?.error };
    }
    if (done.length > 0) await evaluate(settleScript, [keys.taken(queue)], done);
    for (const { error, ...reading } of readings) if (error) await this.#refuse(queue, reading, error);
    if (later !== undefined) throw later.error;
  }

  #read(queue: string, { id, payload }: Taken): Reading {
    const job = jobOf(payload);
    if (job === undefined) return { id, payload, error: new SyntaxError("It is no job of Resque.") };
    const make = this.#parts.classes.get(job.class);
    if (make === undefined)
      return { id, payload, error: new ReferenceError(`No class ${job.class} is known here.`) };
    try {
      const request = make(job.args, { ...job, queue });
      return { id, payload, request: requestUnder(request, id, metaOf(queue, job)) };
    } catch (error) {
      return { id, payload, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  /** Makes it a failure of Resque's, where people look for it, and from where they can retry it. */
  async #refuse(queue: string, { id, payload }: Taken, error: Error): Promise<void> {
    const { evaluate, keys, clock, log } = this.#parts;
    const job = jobOf(payload) ?? { class: "unreadable", args: [payload] };
    const record = failure(queue, job, error, clock.now());
    await evaluate(refuseScript, [keys.taken(queue), keys.failed, keys.failedCount], [id, record]);
    this.#counts.refused += 1;
    log.warn(
      `A job of Resque's queue "${queue}" can be no run, and is a failure there: ${messageOf(error)}.`,
      {
        queue,
        class: job.class,
      },
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#tellReady();
    // What a Redis that does not answer has done by then is found by the next one that looks.
    await within(this.#over, AbortSignal.timeout(answerTimeout)).catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function pairs(flat: readonly string[]): Taken[] {
  const taken: Taken[] = [];
  for (let place = 0; place + 1 < flat.length; place += 2)
    taken.push({ id: flat[place] ?? "", payload: flat[place + 1] ?? "" });
  return taken;
}
