// What a job wants to be done when a run of it has failed for good: its `onFailed`.
//
// A job is enqueued in the settlement that records the failure, so either both are there or neither. Its id follows from
// the failed run and the claim that failed, so that a settlement which is written again records nothing twice. A function
// is called once the store has taken the settlement; a worker that dies in between calls nobody.
//
// A run whose time is over is failed by the store, in nobody's execution. Whoever finds that out has the job and does the
// same after the fact, or tells a worker that has it.
//
// Before this file come executions and upkeep. After it come the settlement, and the application's own function.
import { type AnyContract, inContextOf, type ResolvedPolicy, type RunFailure } from "../job/index.js";
import { derivedId, type Events, newId } from "../kernel/index.js";
import { type FailedRun, failureOf, type RunEvents, type Settlement } from "../run/index.js";
import type { Claimed, NewRun, Store, StoredRun } from "../store/contract.js";

/** Makes the run of a job, as an enqueue would, without recording it. */
export type RequestRun = (
  job: AnyContract,
  input: unknown,
  options: { readonly id: string; readonly meta: Record<string, string> },
) => Promise<NewRun>;

/** A run that the store has failed, and its job. */
export interface FailedByStore {
  readonly run: string;
  readonly job: string;
}

export interface Hooks {
  /** What is to be recorded with this settlement; undefined: nothing. Never rejects. */
  follow(claimed: Claimed, settlement: Settlement): Promise<readonly NewRun[]> | undefined;
  /** The store has recorded the failure. */
  failed(claimed: Claimed, settlement: Settlement): void;
  /** The store has failed these by itself. */
  failedByStore(runs: readonly FailedByStore[]): void;
  /** Resolves when everything that has to be recorded is. */
  done(): Promise<void>;
}

/** How a worker is told of failures of its jobs. */
export const failedMessage = "duckdive.failed";

export function createHooks(parts: {
  readonly worker: string;
  readonly store: Store;
  readonly jobs: ReadonlyMap<string, { readonly policy: Pick<ResolvedPolicy, "onFailed"> }>;
  readonly events: Events<RunEvents>;
  readonly request: RequestRun;
}): Hooks {
  const { worker, store, jobs, events, request } = parts;
  const recording = new Set<Promise<void>>();

  function report(error: unknown, { run, job }: FailedByStore): void {
    events.emit("error", { error, where: `onFailed of job "${job}"`, run, job });
  }

  /** The run that tells a job; undefined when it cannot be made, which changes nothing for the run that failed. */
  async function telling(hook: AnyContract, failure: RunFailure, id: string): Promise<NewRun | undefined> {
    try {
      return await request(hook, failure, { id, meta: failure.meta });
    } catch (error) {
      report(error, { run: failure.runId, job: failure.job });
      return undefined;
    }
  }

  async function call(hook: (failure: RunFailure) => unknown, failure: RunFailure): Promise<void> {
    try {
      await inContextOf(failure.meta, () => hook(failure));
    } catch (error) {
      report(error, { run: failure.runId, job: failure.job });
    }
  }

  async function lookAfter(runs: readonly FailedByStore[]): Promise<void> {
    await forward(runs.filter(({ job }) => !jobs.has(job)));
    const own = runs.filter(({ job }) => jobs.get(job)?.policy.onFailed !== undefined);
    if (own.length === 0) return;
    const found = (await store.find(own.map(({ run }) => run))).filter((run) => run?.state === "failed");
    const made = await Promise.all(found.map((run) => (run === undefined ? undefined : tellOf(run))));
    const follow = made.filter((run) => run !== undefined);
    if (follow.length > 0) await store.insert(follow);
  }

  async function tellOf(run: StoredRun): Promise<NewRun | undefined> {
    const hook = jobs.get(run.job)?.policy.onFailed;
    if (hook === undefined) return undefined;
    if ("job" in hook) return telling(hook.job, failureOf(run), followId(run.id, `at ${run.finishedAt}`));
    void call(hook.call, failureOf(run));
    return undefined;
  }

  /** Tells one worker of each job that is not here. */
  async function forward(runs: readonly FailedByStore[]): Promise<void> {
    if (runs.length === 0) return;
    const others = (await store.workers()).filter(({ id }) => id !== worker);
    const byWorker = new Map<string, FailedByStore[]>();
    for (const run of runs) {
      const able = others.find(({ abilities }) => abilities.some(({ job }) => job === run.job));
      if (able !== undefined) byWorker.set(able.id, [...(byWorker.get(able.id) ?? []), run]);
    }
    if (byWorker.size === 0) return;
    const messages = [...byWorker].map(([to, failed]) => {
      const payload = JSON.stringify({ runs: failed });
      return { id: newId(), to, name: failedMessage, payload };
    });
    await store.tell(messages);
  }

  return {
    follow(claimed, settlement) {
      if (settlement.state !== "failed") return undefined;
      const hook = jobs.get(claimed.job)?.policy.onFailed;
      if (hook === undefined || !("job" in hook)) return undefined;
      const failure = failureOf(failedRunOf(claimed, settlement));
      const made = telling(hook.job, failure, followId(claimed.run, `token ${claimed.token}`));
      return made.then((run) => (run === undefined ? [] : [run]));
    },
    failed(claimed, settlement) {
      const hook = jobs.get(claimed.job)?.policy.onFailed;
      if (hook === undefined || "job" in hook) return;
      void call(hook.call, failureOf(failedRunOf(claimed, settlement)));
    },
    failedByStore(runs) {
      if (runs.length === 0) return;
      const looked = lookAfter(runs)
        .catch((error: unknown) => events.emit("error", { error, where: "onFailed" }))
        .finally(() => recording.delete(looked));
      recording.add(looked);
    },
    async done() {
      await Promise.all(recording);
    },
  };
}

/** The id of the run that tells of this failure of a run. A run that is retried by hand may fail again: that is another. */
function followId(run: string, failure: string): string {
  return derivedId(run, `onFailed/${failure}`);
}

function failedRunOf(claimed: Claimed, { error, reason, giveBack }: Settlement): FailedRun {
  const attempt = giveBack === true ? claimed.attempt - 1 : claimed.attempt;
  return { ...claimed, id: claimed.run, error, reason, attempt };
}

/** The runs that a worker was told of. */
export function readFailed(payload: unknown): readonly FailedByStore[] {
  if (typeof payload !== "object" || payload === null || !("runs" in payload)) return [];
  return Array.isArray(payload.runs) ? payload.runs.filter(isFailed) : [];
}

function isFailed(value: unknown): value is FailedByStore {
  return (
    typeof value === "object" &&
    value !== null &&
    "run" in value &&
    typeof value.run === "string" &&
    "job" in value &&
    typeof value.job === "string"
  );
}
