// Publishing an event: one payload becomes a run of every job that listens.
//
// Who listens is said by the jobs themselves, in their `on`: those of this process, and those that workers have published
// in the store. A job that is not known here is recorded as any run is that comes without its definition: it waits until
// a worker that has the job has judged the payload. All runs are recorded together, so an event is heard by all or, when
// one of them does not take the payload, by none.
//
// Before this file come the enqueue and what workers have published. After it comes the client.
import { type AnyContract, type AnyJob, checkMeta, defaults, policyOf, withCarried } from "../job/index.js";
import { checkOptions, encode, InvalidOptionError, newId } from "../kernel/index.js";
import type { Definition, Inserted, NewRun } from "../store/contract.js";
import type { Access } from "./access.js";
import type { Enqueue } from "./enqueue.js";
import { checkTags, type GivenOptions } from "./request.js";

/** A run of an event; `job` when its definition is here. */
interface Published extends Inserted {
  readonly job: AnyContract | undefined;
}

export type Publish = (event: string, payload: unknown, options?: GivenOptions) => Promise<Published[]>;

export function createPublish(parts: {
  readonly access: Access;
  readonly enqueue: Enqueue;
  readonly jobs: ReadonlyMap<string, AnyJob>;
  readonly release: string | undefined;
}): Publish {
  const { access, enqueue, jobs, release } = parts;
  return async (event, payload, given = {}) => {
    const options = withCarried(given) ?? given;
    const where = `duckdive.publish("${event}")`;
    if (typeof event !== "string" || event === "") {
      throw new InvalidOptionError(
        'duckdive.publish() needs the name of an event first, such as "user.created".',
      );
    }
    checkOptions(options, ["tags", "meta", "tx"], where);
    await access.opening();
    const published = (await access.store.definitions()).filter(({ events }) => events?.includes(event));
    const known = listening(event, jobs, published);
    const askings = known.map((job) => ({ job, input: payload, options }));
    const others = published
      .filter(({ job }) => !jobs.has(job))
      .map((definition) => unprepared(definition, event, payload, options, release));
    const inserted = await enqueue.many(askings, options.tx, { others });
    return inserted.map((one, position) => ({ ...one, job: known[position] }));
  };
}

/** The jobs of this process that listen, as they say themselves or as a newer worker has published. */
function listening(
  event: string,
  jobs: ReadonlyMap<string, AnyJob>,
  published: readonly Definition[],
): AnyJob[] {
  const named = new Set(published.map(({ job }) => job));
  return [...jobs.values()].filter(
    (job) => policyOf(job).events?.includes(event) === true || named.has(job.name),
  );
}

/** A run whose definition is not here. */
function unprepared(
  { job, version, queue }: Definition,
  event: string,
  payload: unknown,
  { tags, meta }: GivenOptions,
  release: string | undefined,
): NewRun {
  const where = `the event "${event}"`;
  if (tags !== undefined) checkTags(tags, where);
  if (meta !== undefined) checkMeta(meta, where);
  return {
    id: newId(),
    fresh: true,
    job,
    version,
    queue,
    // Nobody asked for one: whoever prepares it gives it that of the job.
    priority: defaults.priority,
    input: encode(payload, { what: `The payload of ${where}` }),
    waiting: "preparation",
    tags,
    meta,
    release,
  };
}
