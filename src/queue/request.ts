// One request, checked and put into the words of the store: job and input on one side, a NewRun on the other.
//
// The job decides queue, lifetime, version, and from the parsed input what the run may meet; the request decides when, how
// urgently and what travels along. Options that nobody knows, and those that this version would have to ignore, are
// refused here by name.
//
// Before this file comes the prepared input. After it comes the enqueue, which hands the NewRun to the store.
import {
  admissionOf,
  checkMeta,
  isClean,
  type PreparedInput,
  policyOf,
  priorities,
  type RequestOptions,
} from "../job/index.js";
import { checkOptions, duration, InvalidOptionError, isId, newId } from "../kernel/index.js";
import type { Moment } from "../run/index.js";
import type { NewRun } from "../store/contract.js";
import { refuseCycles } from "./cycle.js";
import { InvalidIdError } from "./errors.js";

/** The options of a request as they come: typed for callers, unknown to us until they are checked. */
export type GivenOptions = RequestOptions & { readonly tx?: unknown };

const allowed = ["delay", "runAt", "priority", "after", "onParentFailure", "tags", "meta", "id", "tx"];
const most = { tags: 50, tagLength: 100 };
const nothing: GivenOptions = {};

/**
 * The run that a request asks for.
 *
 * @throws InvalidOptionError, InvalidDurationError, InvalidIdError
 * @throws CycleError when it is to come after itself
 * @throws InvalidKeyError when a function of the policy has no answer for this input
 */
export function newRunOf(
  job: { readonly name: string },
  { text, parsed }: PreparedInput,
  options: GivenOptions | undefined,
  release: string | undefined,
): NewRun {
  const policy = policyOf(job);
  const { id, priority, tags, meta, after, onParentFailure } =
    options === undefined ? nothing : checkedOptions(options, job.name);
  const due = options === undefined ? undefined : momentOf(options, job.name);
  const run: NewRun = {
    id: id ?? newId(),
    fresh: id === undefined,
    job: job.name,
    version: policy.version,
    queue: policy.queue,
    priority: priority ?? policy.priority,
    input: text,
    due,
    startWithin: policy.startWithin,
    finishWithin: policy.finishWithin,
    tags,
    meta,
    release,
    ...(after === undefined ? {} : { after: idsOf(after, job.name), onParentFailure }),
  };
  if (after !== undefined) refuseCycles([run]);
  if (policy.rules === undefined) return run;
  const admission = admissionOf(policy, job.name, parsed);
  const first = due === undefined ? debounced(admission.unique) : undefined;
  return first === undefined ? { ...run, ...admission } : { ...run, ...admission, due: first };
}

/** The first of several requests that are to become one run waits for the others. */
function debounced(unique: NewRun["unique"]): Moment | undefined {
  return unique?.onConflict.kind === "debounce" ? { after: unique.onConflict.delay } : undefined;
}

/** A run that nobody asks for in person: where its key is taken there is nobody to refuse, so the run that has it stands. */
export function unrefused(run: NewRun): NewRun {
  const { unique } = run;
  if (unique?.onConflict.kind !== "reject") return run;
  return { ...run, unique: { ...unique, onConflict: { kind: "ignore" } } };
}

/** @throws InvalidOptionError, InvalidIdError */
export function checkedOptions(options: GivenOptions, job: string): GivenOptions {
  if (typeof options !== "object" || options === null) {
    throw new InvalidOptionError(
      `The options of a request for job "${job}" are no object. Use one such as { delay: "5m" }.`,
    );
  }
  const where = `a request for job "${job}"`;
  checkOptions(options, allowed, where);
  const { id, priority, tags, meta, onParentFailure } = options;
  if (id !== undefined) checkId(id);
  if (priority !== undefined) checkPriority(priority, where);
  if (tags !== undefined) checkTags(tags, where);
  if (meta !== undefined) checkMeta(meta, where);
  if (onParentFailure !== undefined && !parentFailures.includes(onParentFailure)) {
    throw new InvalidOptionError(
      `The onParentFailure of ${where} is ${JSON.stringify(onParentFailure)}. Use one of ${parentFailures.map((one) => `"${one}"`).join(", ")}.`,
    );
  }
  return options;
}

const parentFailures: readonly unknown[] = ["fail", "cancel", "run"];

/** The ids of those that a run is to come after. */
function idsOf(after: unknown, job: string): string[] {
  const what = `The after of a request for job "${job}"`;
  if (!Array.isArray(after)) {
    throw new InvalidOptionError(`${what} is no list. Use one of runs or of their ids: { after: [run] }.`);
  }
  return after.map((one: unknown) => idOf(one, what));
}

/** An id, or that of what is given. @throws InvalidIdError, InvalidOptionError */
export function idOf(given: unknown, what: string): string {
  const id = typeof given === "object" && given !== null && "id" in given ? given.id : given;
  if (typeof id !== "string") {
    throw new InvalidOptionError(
      `${what} has something in it that is neither an id nor has one: ${typeof given}.`,
    );
  }
  checkId(id);
  return id;
}

/** @throws InvalidIdError */
export function checkId(id: unknown): asserts id is string {
  if (typeof id === "string" && isId(id)) return;
  const shown = typeof id === "string" ? JSON.stringify(id.slice(0, 60)) : typeof id;
  throw new InvalidIdError(
    `${shown} is not the id of a run. Use a UUID in lower case, such as crypto.randomUUID() makes; ` +
      "for a key of your own, make a UUID of it once and keep it.",
  );
}

function checkPriority(priority: unknown, where: string): void {
  const { lowest, highest } = priorities;
  if (typeof priority === "number" && Number.isInteger(priority) && priority >= lowest && priority <= highest)
    return;
  throw new InvalidOptionError(
    `The priority of ${where} is ${String(priority)}. Use a whole number from ${lowest} to ${highest}; bigger is sooner.`,
  );
}

/** @throws InvalidOptionError */
export function checkTags(tags: unknown, where: string): void {
  if (!Array.isArray(tags) || tags.length > most.tags || !tags.every(isTag)) {
    throw new InvalidOptionError(
      `The tags of ${where} are not acceptable. Use a list of at most ${most.tags} texts of 1 to ${most.tagLength} characters.`,
    );
  }
}

function isTag(tag: unknown): boolean {
  return typeof tag === "string" && tag.length > 0 && tag.length <= most.tagLength && isClean(tag);
}

/** When it may start; undefined: now. @throws InvalidOptionError, InvalidDurationError */
export function momentOf(options: GivenOptions, job: string): Moment | undefined {
  const { delay, runAt } = options;
  if (delay !== undefined && runAt !== undefined) {
    throw new InvalidOptionError(
      `A request for job "${job}" has both delay and runAt. Use one: delay counts from now, runAt is a date.`,
    );
  }
  if (delay !== undefined) {
    const after = duration(delay, `The delay of a request for job "${job}"`);
    return after === 0 ? undefined : { after };
  }
  if (runAt === undefined) return undefined;
  const at = isDate(runAt) ? runAt.getTime() : Number.NaN;
  if (!Number.isNaN(at)) return { at };
  throw new InvalidOptionError(
    `The runAt of a request for job "${job}" is not a valid Date. Use new Date(…).`,
  );
}

function isDate(value: unknown): value is Date {
  return value instanceof Date;
}
