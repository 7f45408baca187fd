// The handle of one run: an id, and what can be asked of it.
//
// It holds nothing of the run itself, so it never goes stale: every question goes to the store, and waiting goes
// through the one watcher that all handles share. What it does hold is the contract, which reads outputs and the data
// of failures, and whether the run was recorded in a transaction that may not be committed yet.
//
// Before this file come enqueue and `duckdive.run`. After it come results, records and the store.
import {
  type MaybePromise,
  parseOutput,
  ResultTimeoutError,
  RunCancelledError,
  type RunRecord,
  runFailure,
  type Settled,
  type StoredError,
} from "../job/index.js";
import { type Clock, checkOptions, decode, duration, type Timer } from "../kernel/index.js";
import { hasEnded } from "../run/index.js";
import type { StoredRun } from "../store/contract.js";
import type { Access } from "./access.js";
import { NotCommittedError, RunNotFoundError } from "./errors.js";
import { recordOf } from "./record.js";
import type { Results } from "./results.js";
import type { Run, WaitOptions } from "./types.js";

/** What handles share. */
export interface HandleParts {
  readonly access: Access;
  readonly results: Results;
  readonly clock: Clock;
}

/** Why somebody cancels who does not say why. */
export const cancelledByApplication = "cancelled by the application";

export class RunHandle implements Run {
  id: string;
  created: boolean;
  readonly #contract: unknown;
  readonly #parts: HandleParts;
  #isInTransaction: boolean;

  constructor(
    parts: HandleParts,
    contract: unknown,
    run: { readonly id: string; readonly created: boolean; readonly isInTransaction: boolean },
  ) {
    this.id = run.id;
    this.created = run.created;
    this.#contract = contract;
    this.#parts = parts;
    this.#isInTransaction = run.isInTransaction;
  }

  /** A handle that was given before its run was recorded learns which run that is. */
  recorded({ id, created }: Pick<Run, "id" | "created">, isInTransaction: boolean): void {
    this.id = id;
    this.created = created;
    this.#isInTransaction = isInTransaction;
  }

  async result(options?: WaitOptions): Promise<unknown> {
    const run = await this.#end(options);
    switch (run.state) {
      case "succeeded":
        return this.#output(run);
      case "cancelled":
        throw new RunCancelledError({ runId: run.id, reason: reasonOf(run) });
      default:
        throw await runFailure(this.#contract, { runId: run.id, job: run.job, error: errorOf(run) });
    }
  }

  async outcome(options?: WaitOptions): Promise<Settled<unknown>> {
    const run = await this.#end(options);
    switch (run.state) {
      case "succeeded":
        return { state: "succeeded", output: await this.#output(run) };
      case "cancelled":
        return { state: "cancelled", reason: reasonOf(run) };
      default:
        return { state: "failed", error: errorOf(run) };
    }
  }

  async get(): Promise<RunRecord> {
    const { access } = this.#parts;
    await access.opening();
    const [run] = await access.store.find([this.id]);
    if (run === undefined) throw this.#missing();
    const record = recordOf(run);
    if (run.state === "succeeded") record.output = await this.#output(run);
    return record;
  }

  async cancel(reason: string = cancelledByApplication): Promise<boolean> {
    const { access } = this.#parts;
    await access.opening();
    const [isDone] = await access.store.cancel([this.id], reason);
    return isDone ?? false;
  }

  async retry(): Promise<boolean> {
    const { access } = this.#parts;
    await access.opening();
    const [isDone] = await access.store.retry([this.id]);
    return isDone ?? false;
  }

  async *watch(options: { signal?: AbortSignal } = {}): AsyncGenerator<RunRecord, void, undefined> {
    checkOptions(options, ["signal"], "run.watch()");
    const { signal } = options;
    signal?.throwIfAborted();
    let latest: StoredRun | undefined;
    let failure: { readonly error: unknown } | undefined;
    let wake: () => void = () => {};
    const fail = (error: unknown): void => {
      failure = { error };
      wake();
    };
    const onAbort = (): void => fail(signal?.reason);
    const leave = this.#parts.results.wait(this.id, {
      everyChange: true,
      failed: fail,
      seen: (run) => {
        if (run === undefined) fail(this.#missing());
        latest = run;
        wake();
        return run === undefined;
      },
    });
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      let shown = "";
      while (true) {
        if (failure !== undefined) throw failure.error;
        const run = latest;
        latest = undefined;
        if (run === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        const face = faceOf(run);
        if (face !== shown) yield recordOf(run);
        shown = face;
        if (hasEnded(run.state)) return;
      }
    } finally {
      leave();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** The run once it has ended. */
  #end(options: WaitOptions = {}): Promise<StoredRun> {
    const { results, clock } = this.#parts;
    return new Promise((resolve, reject) => {
      checkOptions(options, ["timeout", "signal"], "run.result()");
      const { signal } = options;
      signal?.throwIfAborted();
      const timeout =
        options.timeout === undefined ? undefined : duration(options.timeout, "The timeout of run.result()");
      let leave: () => void = () => {};
      let timer: Timer | undefined;
      const onAbort = (): void => finish(() => reject(signal?.reason));
      const finish = (settle: () => void): void => {
        leave();
        timer?.cancel();
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      if (timeout !== undefined)
        timer = clock.after(timeout, () => {
          finish(() => reject(new ResultTimeoutError({ runId: this.id, timeout })));
        });
      signal?.addEventListener("abort", onAbort, { once: true });
      leave = results.wait(this.id, {
        everyChange: false,
        failed: (error) => finish(() => reject(error)),
        seen: (run) => {
          if (run === undefined) finish(() => reject(this.#missing()));
          else if (hasEnded(run.state)) finish(() => resolve(run));
          return false;
        },
      });
    });
  }

  /** Of a run whose job is not known here it is what was stored. */
  #output(run: StoredRun): MaybePromise<unknown> {
    if (this.#contract !== undefined) return parseOutput(this.#contract, run.output);
    return run.output === undefined ? undefined : decode(run.output);
  }

  #missing(): Error {
    return this.#isInTransaction ? new NotCommittedError(this.id) : new RunNotFoundError(this.id);
  }
}

/** Everything of a run that may change, in one text. */
function faceOf({
  state,
  token,
  attempt,
  runAt,
  waiting,
  cancelAsked,
  progress,
  worker,
  priority,
}: StoredRun): string {
  return JSON.stringify([state, token, attempt, runAt, waiting, cancelAsked, progress, worker, priority]);
}

function reasonOf({ reason }: StoredRun): string {
  return reason ?? "no reason was given";
}

function errorOf({ error, reason }: StoredRun): StoredError {
  return error ?? { name: "Error", message: reason ?? "the run does not say why" };
}
