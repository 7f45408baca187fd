// Asking for runs by the name of a job: for whoever has no definition of it, such as another language, by HTTP.
//
// Where the definition is at hand the input is judged by it, as always. Where it is not there is nothing to judge by, so the
// run is recorded waiting for its preparation: a worker that has the job judges it first, and gives it the queue and the
// rules of the job. So nothing unchecked is ever executed. Names that no worker has published are recorded too, since the
// worker may be deployed later; a hint says so, because a name is easily misspelled.
//
// Before this file come requests. After it come the enqueue and the store.
import { type AnyContract, checkName, defaults, isContract, withCarried } from "../job/index.js";
import { checkOptions, didYouMean, encode, InvalidOptionError, newId } from "../kernel/index.js";
import type { Definition, Inserted, NewRun } from "../store/contract.js";
import type { Access } from "./access.js";
import type { Asking, Enqueue } from "./enqueue.js";
import { checkedOptions, type GivenOptions, momentOf } from "./request.js";

/** A request as it comes. */
interface GivenRequest {
  readonly job?: unknown;
  readonly input?: unknown;
  readonly queue?: unknown;
  readonly options?: GivenOptions | undefined;
}

interface Recorded extends Inserted {
  readonly job: AnyContract | undefined;
  readonly isChecked: boolean;
  readonly hint: string | undefined;
}

export type EnqueueByName = (requests: unknown, options?: { readonly tx?: unknown }) => Promise<Recorded[]>;

const where = "duckdive.enqueueByName()";

export function createEnqueueByName(parts: {
  readonly access: Access;
  readonly enqueue: Enqueue;
  readonly jobs: ReadonlyMap<string, AnyContract>;
  readonly release: string | undefined;
}): EnqueueByName {
  const { access, enqueue, jobs, release } = parts;

  return async (given, options = {}) => {
    checkOptions(options, ["tx"], where);
    const requests = listOf(given).map((request) => ({ request, contract: contractOf(request, jobs) }));
    const isUnknown = requests.some(({ contract }) => contract === undefined);
    if (isUnknown || options.tx === undefined) await access.opening();
    const published = isUnknown ? newest(await access.store.definitions()) : new Map<string, Definition>();
    const askings: Asking[] = [];
    const others: NewRun[] = [];
    // Those with a definition are recorded first; where each of the requests is then.
    const places = requests.map(({ request, contract }) => {
      if (contract === undefined)
        return { list: others, at: others.push(unprepared(request, published, release)) - 1 };
      checkOwnQueue(request, contract.name);
      return {
        list: askings,
        at: askings.push({ job: contract, input: request.input, options: request.options }) - 1,
      };
    });
    const inserted = await enqueue.many(askings, options.tx, { others });
    return places.map(({ list, at }, position) => {
      const contract = requests[position]?.contract;
      const one = inserted[list === others ? askings.length + at : at];
      if (one === undefined) throw new RangeError("The store answered fewer runs than it was given.");
      const hint = contract === undefined ? hintFor(others[at]?.job ?? "", published) : undefined;
      return { ...one, job: contract, isChecked: contract !== undefined, hint };
    });
  };
}

function listOf(given: unknown): GivenRequest[] {
  if (typeof given === "object" && given !== null && Symbol.iterator in given) {
    const requests = [...(given as Iterable<unknown>)];
    if (requests.every((one) => typeof one === "object" && one !== null)) return requests as GivenRequest[];
  }
  throw new InvalidOptionError(
    `${where} needs a list of requests, such as [{ job: "welcome", input: { userId: 7 } }].`,
  );
}

/** The definition that an input is judged by; undefined: there is none at hand. */
function contractOf(request: GivenRequest, jobs: ReadonlyMap<string, AnyContract>): AnyContract | undefined {
  checkOptions(request, ["job", "input", "queue", "options"], `a request of ${where}`);
  const { job } = request;
  if (isContract(job)) return job;
  checkName(job, `The job of a request of ${where}`);
  return jobs.get(job);
}

function checkOwnQueue({ queue }: GivenRequest, job: string): void {
  if (queue === undefined) return;
  throw new InvalidOptionError(
    `Job "${job}" has its own queue, and its definition is at hand. Leave \`queue\` out.`,
  );
}

/** Of each job the definition of its newest version. */
function newest(definitions: readonly Definition[]): Map<string, Definition> {
  const sorted = [...definitions].sort((one, other) => one.version - other.version);
  return new Map(sorted.map((definition) => [definition.job, definition]));
}

function unprepared(
  { job, input, queue, options = {} }: GivenRequest,
  published: ReadonlyMap<string, Definition>,
  release: string | undefined,
): NewRun {
  const name = String(job);
  const asked = withCarried(options) ?? options;
  const { id, tags, meta, priority, after, onParentFailure } = checkedOptions(asked, name);
  if (after !== undefined || onParentFailure !== undefined) {
    throw new InvalidOptionError(
      `A request for job "${name}" is to come after others, which needs the job's definition, and it is not at hand.`,
    );
  }
  if (queue !== undefined) checkName(queue, `The queue of a request for job "${name}"`);
  const known = published.get(name);
  return {
    id: id ?? newId(),
    fresh: id === undefined,
    job: name,
    version: known?.version ?? defaults.version,
    queue: queue ?? known?.queue ?? defaults.queue,
    // Whoever prepares it gives it that of the job, where nobody asked for another one.
    priority: priority ?? defaults.priority,
    input: encode(input, { what: `The input of job "${name}"` }),
    due: momentOf(options, name),
    waiting: "preparation",
    tags,
    meta,
    release,
  };
}

function hintFor(job: string, published: ReadonlyMap<string, Definition>): string | undefined {
  if (published.has(job)) return undefined;
  const suggestion = didYouMean(job, [...published.keys()]);
  return `No worker here has had a job ${JSON.stringify(job)}.${suggestion} The run waits until one does.`;
}
