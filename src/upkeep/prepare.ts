// Checks runs that were recorded without their definition: from a shell, from SQL, from another language.
//
// Such a run waits, never executed, until a worker that has its job has judged its input by the job's schema. Valid, it
// gets the queue, the priority and the limits its job declares and becomes ready; invalid, it fails with the reason,
// and no attempt is used. Two workers may judge one run; the store takes the first answer.
import {
  type Admission,
  type AnyContract,
  admissionOf,
  defaults,
  parseUnchecked,
  type ResolvedPolicy,
} from "../job/index.js";
import { type Clock, SealedValueError, type Service, service, type Timer } from "../kernel/index.js";
import { storedError } from "../run/index.js";
import type { Prepared, Store, StoredRun } from "../store/contract.js";
import { rounds } from "./rounds.js";

const batch = 500;
/** Changes elsewhere may come every few milliseconds, and few of them are about this: they gather this long. */
const gather = 50;
/** A schema may ask somebody who never answers: a worker starts, and stops, without the answer after this long. */
const patience = 5_000;

/** A job as this service needs it. */
export interface Preparable {
  readonly job: AnyContract;
  readonly policy: ResolvedPolicy;
}

export interface Preparer extends Service {
  /** Something may have come that waits for it. */
  soon(): void;
  /** Prepares what waits for it; resolves when nothing does. */
  run(): Promise<void>;
  /** How many it has prepared. */
  prepared(): number;
}

export function createPreparer(
  store: Store,
  clock: Clock,
  jobs: ReadonlyMap<string, Preparable>,
  onError: (error: unknown) => void,
  onInvalid: (failed: readonly { readonly run: string; readonly job: string }[]) => void = () => {},
): Preparer {
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let open = false;
  let count = 0;

  const prepareInRounds = rounds(async () => {
    try {
      let page = await waiting();
      while (open && page.length > 0) {
        const judged = (await Promise.all(page.map(judge))).filter((one) => one !== undefined);
        if (judged.length === 0) break;
        await store.prepare(judged);
        count += judged.length;
        const refused = new Set(judged.flatMap((one) => ("invalid" in one ? one.id : [])));
        const invalid = page.filter(({ id }) => refused.has(id));
        if (invalid.length > 0) onInvalid(invalid.map(({ id, job }) => ({ run: id, job })));
        page = await waiting();
      }
    } catch (error) {
      onError(error);
    }
  });

  async function waiting(): Promise<readonly StoredRun[]> {
    const filter = { waiting: ["preparation"], jobs: [...jobs.keys()] } as const;
    return (await store.list(filter, { limit: batch })).runs;
  }

  /** Undefined: its input is encrypted under a key that is not here. It waits for a worker that has it. */
  async function judge(run: StoredRun): Promise<Prepared | undefined> {
    const known = jobs.get(run.job);
    if (known === undefined)
      throw new TypeError(`a run of ${run.job} was listed though no such job was asked for`);
    const { policy } = known;
    let admission: Admission;
    try {
      const parsed = await parseUnchecked(known.job, run.input);
      admission = admissionOf(policy, run.job, parsed);
    } catch (error) {
      if (error instanceof SealedValueError) {
        onError(error);
        return undefined;
      }
      return { id: run.id, invalid: storedError(error), keep: policy.keep.failed };
    }
    const { startWithin, finishWithin, queue, version } = policy;
    // Who asked for another priority than the usual one has said so for this run.
    const priority = run.priority === defaults.priority ? policy.priority : run.priority;
    return {
      id: run.id,
      run: {
        job: run.job,
        version,
        queue,
        priority,
        input: run.input,
        startWithin,
        finishWithin,
        ...admission,
      },
    };
  }

  function run(): Promise<void> {
    running = prepareInRounds();
    return running;
  }

  /** Waits for the round that is under way, but not for ever. */
  async function settled(): Promise<void> {
    let limit: Timer | undefined;
    const tooLong = new Promise<void>((resolve) => {
      limit = clock.after(patience, resolve);
    });
    await Promise.race([running, tooLong]);
    limit?.cancel();
  }

  function soon(): void {
    if (!open) return;
    timer ??= clock.after(gather, () => {
      timer = undefined;
      void run();
    });
  }

  return {
    ...service({
      async start() {
        open = true;
        void run();
        await settled();
      },
      async stop() {
        open = false;
        timer?.cancel();
        timer = undefined;
        await settled();
      },
    }),
    prepared: () => count,
    soon,
    run,
  };
}
