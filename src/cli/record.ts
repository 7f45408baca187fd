// Recording runs from the command line, with the job's definition or without it.
//
// With a definition the client does it as for any application. Without one there is nothing to check an input by, so
// the run is recorded `waiting(preparation)` through the store's own contract: a worker that knows the job judges it
// and gives it the queue and the policy of the job. What workers have published helps to find a misspelled name.
//
// Before this file comes `enqueue`. After it come the client, and the store's insert.
import {
  type AnyContract,
  checkMeta,
  defaults,
  job as define,
  prepareInput,
  type RequestOptions,
} from "../job/index.js";
import { didYouMean, duration, encode, newId } from "../kernel/index.js";
import { checkId, checkTags, IdConflictError } from "../queue/index.js";
import type { Moment, NewRun } from "../store/contract.js";
import { UsageError } from "./errors.js";
import type { Cli, Session } from "./session.js";

interface Recorded {
  readonly id: string;
  readonly created: boolean;
}

export interface Recorder {
  readonly contract: AnyContract;
  /** Inputs have been judged by the job's schema. */
  readonly isChecked: boolean;
  /** Throws what recording this input would throw, as far as the input is at fault. */
  judge(input: unknown): Promise<void>;
  /** Records a run for each input, all or none. */
  record(inputs: readonly unknown[]): Promise<Recorded[]>;
}

export function checkedRecorder(
  { duckdive }: Session,
  { contract, request }: { readonly contract: AnyContract; readonly request: RequestOptions },
): Recorder {
  return {
    contract,
    isChecked: true,
    async judge(input) {
      await prepareInput(contract, input);
    },
    async record(inputs) {
      if (inputs.length === 1) return [await duckdive.enqueue(contract, inputs[0], request)];
      return duckdive.enqueueMany(contract, inputs, request);
    },
  };
}

export async function uncheckedRecorder(
  { output }: Cli,
  { store }: Session,
  asked: { readonly job: string; readonly queue: string | undefined; readonly request: RequestOptions },
): Promise<Recorder> {
  const { job, request } = asked;
  if (request.priority !== undefined) {
    throw new UsageError(
      `--priority needs the definition of job "${job}", which a worker would otherwise put in its place. Give --jobs FILE.`,
    );
  }
  const published = await store.definitions();
  const known = published.find((definition) => definition.job === job);
  if (known === undefined && published.length > 0) {
    const suggestion = didYouMean(
      job,
      published.map((definition) => definition.job),
    );
    output.note(`No worker here has had a job "${job}".${suggestion} It waits until one does.`);
  }
  const contract = define({ name: job, queue: asked.queue ?? known?.queue ?? defaults.queue });
  const shape = checked(job, request);
  const what = `The input of job "${job}"`;
  return {
    contract,
    isChecked: false,
    async judge(input) {
      encode(input, { what });
    },
    async record(inputs) {
      const runs = inputs.map(
        (input): NewRun => ({
          ...shape,
          id: request.id ?? newId(),
          job,
          version: known?.version ?? defaults.version,
          queue: asked.queue ?? known?.queue ?? defaults.queue,
          priority: known?.priority ?? defaults.priority,
          input: encode(input, { what }),
          waiting: "preparation",
        }),
      );
      const recorded = await store.insert(runs);
      await checkJobs(store, job, recorded);
      return recorded;
    },
  };
}

function checked(
  job: string,
  { id, tags, meta, delay, runAt }: RequestOptions,
): Pick<NewRun, "tags" | "meta" | "due"> {
  const where = `a request for job "${job}"`;
  if (id !== undefined) checkId(id);
  if (tags !== undefined) checkTags(tags, where);
  if (meta !== undefined) checkMeta(meta, where);
  const due: Moment | undefined =
    runAt !== undefined
      ? { at: runAt.getTime() }
      : delay !== undefined
        ? { after: duration(delay, "--delay") }
        : undefined;
  return { tags, meta, due };
}

/** An id that was there before must be of the same job. */
async function checkJobs(store: Session["store"], job: string, recorded: readonly Recorded[]): Promise<void> {
  const before = recorded.filter(({ created }) => !created).map(({ id }) => id);
  if (before.length === 0) return;
  for (const run of await store.find(before)) {
    if (run !== undefined && run.job !== job)
      throw new IdConflictError({ runId: run.id, asked: job, found: run.job });
  }
}
