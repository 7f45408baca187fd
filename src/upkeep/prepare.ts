/**
 * Checks runs that were recorded without their definition: from a shell, from SQL, from another language.
 *
 * Such a run waits, never executed, until a worker that has its job has judged its input by the job's schema. Valid, it
 * gets the queue, the priority and the limits its job declares and becomes ready; invalid, it fails with the reason,
 * and no attempt is used. Two workers may judge one run; the store takes the first answer.
 */
import { type AnyContract, parseStored, type ResolvedPolicy } from "../job/index.js";
import { type Service, service } from "../kernel/index.js";
import { shortestKeep, storedError } from "../run/index.js";
import type { Prepared, Store, StoredRun } from "../store/contract.js";

const batch = 500;

/** A job as this service needs it. */
export interface Preparable {
  readonly job: AnyContract;
  readonly policy: ResolvedPolicy;
}

export interface Preparer extends Service {
  /** Prepares what waits for it; resolves when nothing does. Calls made meanwhile ask for one more round. */
  run(): Promise<void>;
}

export function createPreparer(
  store: Store,
  jobs: ReadonlyMap<string, Preparable>,
  onError: (error: unknown) => void,
): Preparer {
  let running: Promise<void> | undefined;
  let again = false;

  async function prepareAll(): Promise<void> {
    try {
      do {
        again = false;
        let page = await waiting();
        while (page.length > 0) {
          await store.prepare(await Promise.all(page.map(judge)));
          page = await waiting();
        }
      } while (again);
    } catch (error) {
      onError(error);
    }
  }

  async function waiting(): Promise<readonly StoredRun[]> {
    const filter = { waiting: ["preparation"], jobs: [...jobs.keys()] } as const;
    return (await store.list(filter, { limit: batch })).runs;
  }

  async function judge(run: StoredRun): Promise<Prepared> {
    const known = jobs.get(run.job);
    if (known === undefined)
      throw new TypeError(`a run of ${run.job} was listed though no such job was asked for`);
    const { policy } = known;
    try {
      await parseStored(known.job, run.input);
    } catch (error) {
      const keep = policy.keep === false ? shortestKeep : policy.keep.failed;
      return { id: run.id, invalid: storedError(error), keep };
    }
    const { startWithin, finishWithin, queue, priority, version } = policy;
    return {
      id: run.id,
      run: { job: run.job, version, queue, priority, input: run.input, startWithin, finishWithin },
    };
  }

  function run(): Promise<void> {
    again = true;
    running ??= prepareAll().finally(() => {
      running = undefined;
    });
    return running;
  }

  return { ...service({ start: run, stop: () => running }), run };
}
