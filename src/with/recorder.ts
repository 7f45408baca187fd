// Runs that are recorded after the response: held in memory until then, and recorded however often that has to be tried.
//
// Between the two a crash loses them. That is the bargain, made by name, by whoever does not want to wait for a commit before
// the response; everything else that could lose one is not silent. What the store does not take because it is away is tried
// again until it is taken. What it refuses is told, one by one, and so is what is left when the process ends in order.
//
// Before this file come requests. After it comes the client's `enqueueMany`: one commit for all of a response.
import type { AnyContract, Request } from "../job/index.js";
import { DuckdiveError, type Duration, duration } from "../kernel/index.js";
import { consoleLog, type Duckdive, type Run } from "../queue/index.js";
import { mayPass } from "../store/errors.js";

/** Between two tries to record what the store did not take, in milliseconds: at first, and at most. */
const pause = { first: 100, longest: 5_000 } as const;
/** How much is held at once unless said otherwise. */
const mostHeld = 10_000;
const patience = "10s";

/** A run that is to be recorded after the response. */
export interface Held {
  readonly id: string;
  readonly job: AnyContract;
  readonly request: Request;
}

/** So many runs wait for their recording that no more are taken: the store has been away for long. */
export class AfterResponseFullError extends DuckdiveError {
  static readonly code = "AFTER_RESPONSE_FULL";
  readonly code: string = AfterResponseFullError.code;
}

/** A run that was to be recorded after the response was not: `job` and `runId` say which. */
export class AfterResponseLostError extends DuckdiveError {
  static readonly code = "AFTER_RESPONSE_LOST";
  readonly code: string = AfterResponseLostError.code;
  readonly runId: string;
  readonly job: string;

  constructor({ id, job }: Held, why: string, options?: ErrorOptions) {
    super(
      `Run ${id} of job "${job.name}" was to be recorded after the response, and was not: ${why}. ` +
        "What must not get lost is recorded with the request's own transaction: afterResponse(job, input, { tx }).",
      options,
    );
    this.runId = id;
    this.job = job.name;
  }
}

export interface RecorderOptions {
  /**
   * Hears of every failure to record. `lost`: it will not be tried again. Default: the console, and of an outage once.
   *
   * @param error an AfterResponseLostError, or why a try has failed
   */
  onError?: ((error: unknown, about: { readonly lost: boolean }) => void) | undefined;
  /** How many runs may wait for their recording in this process: 10,000 unless given. Beyond it `afterResponse` throws. */
  mostHeld?: number | undefined;
}

export interface Recorder {
  /** @throws AfterResponseFullError */
  hold(held: Held): void;
  /** Records what is held, in one commit. Resolves with its runs; what is lost is told and not among them. */
  record(held: readonly Held[]): Promise<Run[]>;
  /** Records everything that is held by anybody, without waiting for responses. */
  flush(options?: { readonly within?: Duration }): Promise<void>;
  /** Tells of something else that nobody awaits. */
  tell(error: unknown): void;
  /** How many are held or being recorded. */
  readonly waiting: number;
}

export function createRecorder(
  duckdive: Pick<Duckdive, "enqueueMany">,
  { onError = toConsole(), mostHeld: most = mostHeld }: RecorderOptions,
): Recorder {
  /** What is not recorded yet, with its recording once that has begun. */
  const waiting = new Map<string, { readonly held: Held; recording?: Promise<unknown> }>();
  let givesUp = new AbortController();

  const tell = (error: unknown, lost: boolean): void => {
    try {
      onError(error, { lost });
    } catch (reason) {
      consoleLog.error("onError of afterResponse threw itself", { error: reason });
    }
  };
  /** The process ends with something in its hands: it can only be told. */
  const onExit = (): void => {
    for (const { held } of waiting.values())
      tell(new AfterResponseLostError(held, "the process ended before"), true);
  };

  function forget(held: Held): void {
    if (waiting.delete(held.id) && waiting.size === 0) process.off("exit", onExit);
  }

  function lose(held: Held, why: string, cause?: unknown): void {
    if (!waiting.has(held.id)) return;
    forget(held);
    tell(new AfterResponseLostError(held, why, { cause }), true);
  }

  async function recordAll(all: readonly Held[]): Promise<Run[]> {
    const { signal } = givesUp;
    for (let wait: number = pause.first; !signal.aborted; wait = Math.min(2 * wait, pause.longest)) {
      try {
        const runs = await duckdive.enqueueMany(all.map(({ request }) => request));
        for (const held of all) forget(held);
        return runs;
      } catch (error) {
        if (!mayPass(error)) return refused(all, error);
        tell(error, false);
        await resting(wait, signal);
      }
    }
    for (const held of all) lose(held, "the store did not take it in time");
    return [];
  }

  /** One that the store does not take must not take the others with it. */
  async function refused(all: readonly Held[], error: unknown): Promise<Run[]> {
    const [first, ...others] = all;
    if (first !== undefined && others.length === 0) lose(first, "it was refused", error);
    if (others.length === 0) return [];
    return (await Promise.all(all.map((one) => recordAll([one])))).flat();
  }

  function record(all: readonly Held[]): Promise<Run[]> {
    const own = all.filter(({ id }) => waiting.has(id) && waiting.get(id)?.recording === undefined);
    if (own.length === 0) return Promise.resolve([]);
    const recording = recordAll(own);
    for (const held of own) waiting.set(held.id, { held, recording });
    return recording;
  }

  return {
    hold(held) {
      if (waiting.size >= most) {
        throw new AfterResponseFullError(
          `${waiting.size} runs wait to be recorded after their responses, and no more are taken. The store seems to be ` +
            "away; answer that you cannot take the request now, or record with { tx }.",
        );
      }
      if (waiting.size === 0) process.on("exit", onExit);
      waiting.set(held.id, { held });
    },
    record,
    tell: (error) => tell(error, false),
    async flush({ within = patience } = {}) {
      const milliseconds = duration(within, "flush");
      const timer = setTimeout(() => givesUp.abort(), milliseconds);
      try {
        const all = [...waiting.values()];
        const early = record(all.map(({ held }) => held));
        const overdue = new Promise<void>((resolve) =>
          givesUp.signal.addEventListener("abort", () => resolve(), { once: true }),
        );
        const recorded = Promise.allSettled([early, ...all.map(({ recording }) => recording)]);
        await Promise.race([recorded, overdue]);
        if (givesUp.signal.aborted)
          for (const { held } of all) lose(held, "the store did not answer in time");
      } finally {
        clearTimeout(timer);
        if (givesUp.signal.aborted) givesUp = new AbortController();
      }
    },
    get waiting() {
      return waiting.size;
    },
  };
}

function resting(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}

/** While the store is away every response has the same to say. */
function toConsole(): (error: unknown, about: { readonly lost: boolean }) => void {
  let last: number | undefined;
  return (error, { lost }) => {
    const now = performance.now();
    if (!lost && last !== undefined && now - last < 10_000) return;
    if (!lost) last = now;
    consoleLog[lost ? "error" : "warn"](
      lost
        ? "a run was lost that was to be recorded after its response"
        : "something failed in what is done after responses; what is to be recorded is tried again",
      { error },
    );
  };
}
