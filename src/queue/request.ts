// One request, checked and put into the words of the store: job and input on one side, a NewRun on the other.
//
// The job decides queue, lifetime, version, and from the parsed input what the run may meet; the request decides when, how
// urgently and what travels along. Options that nobody knows, and those that this version would have to ignore, are
// refused here by name.
//
// Before this file comes the prepared input. After it comes the enqueue, which hands the NewRun to the store.
import {
  admissionOf,
  type PreparedInput,
  policyOf,
  priorities,
  type RequestOptions,
  unbuilt,
} from "../job/index.js";
import { checkOptions, duration, InvalidOptionError, isId, NotBuiltError, newId } from "../kernel/index.js";
import type { Moment } from "../run/index.js";
import type { NewRun } from "../store/contract.js";
import { InvalidIdError } from "./errors.js";

/** The options of a request as they come: typed for callers, unknown to us until they are checked. */
export type GivenOptions = RequestOptions & { readonly tx?: unknown };

const allowed = ["delay", "runAt", "priority", "after", "onParentFailure", "tags", "meta", "id", "tx"];
const most = { tags: 50, tagLength: 100, meta: 50, metaLength: 4_000 };
const nothing: GivenOptions = {};

/**
 * The run that a request asks for.
 *
 * @throws NotBuiltError when the job's policy needs what this version does not do
 * @throws InvalidOptionError, InvalidDurationError, InvalidIdError
 * @throws InvalidKeyError when a function of the policy has no answer for this input
 */
export function newRunOf(
  job: { readonly name: string },
  { text, parsed }: PreparedInput,
  options: GivenOptions | undefined,
  release: string | undefined,
): NewRun {
  const policy = policyOf(job);
  refuseUnbuilt(job);
  const { id, priority, tags, meta } = options === undefined ? nothing : checked(options, job.name);
  const due = options === undefined ? undefined : dueOf(options, job.name);
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
  };
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

/** Refuses a job whose policy this version cannot keep: a lock that does not lock is worse than none. */
export function refuseUnbuilt(job: { readonly name: string }): void {
  const options = unbuilt(job);
  if (options.length === 0) return;
  throw new NotBuiltError(
    `Job "${job.name}" has ${options.map((option) => `\`${option}\``).join(", ")}, which this version of duckdive ` +
      "does not do yet. Leave it out, or wait for the version that does: it is refused so that it is not ignored.",
  );
}

function checked(options: GivenOptions, job: string): GivenOptions {
  if (typeof options !== "object" || options === null) {
    throw new InvalidOptionError(
      `The options of a request for job "${job}" are no object. Use one such as { delay: "5m" }.`,
    );
  }
  const where = `a request for job "${job}"`;
  checkOptions(options, allowed, where);
  const { id, priority, tags, meta } = options;
  if (id !== undefined) checkId(id);
  if (priority !== undefined) checkPriority(priority, where);
  if (tags !== undefined) checkTags(tags, where);
  if (meta !== undefined) checkMeta(meta, where);
  for (const option of ["after", "onParentFailure"] as const) {
    if (options[option] === undefined) continue;
    throw new NotBuiltError(
      `This version of duckdive does not do \`${option}\` yet: enqueue the later run from the handler of the earlier one.`,
    );
  }
  return options;
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

/** @throws InvalidOptionError */
export function checkMeta(meta: unknown, where: string): void {
  const entries =
    typeof meta === "object" && meta !== null && !Array.isArray(meta) ? Object.entries(meta) : undefined;
  if (entries === undefined || entries.length > most.meta || !entries.every(isMeta)) {
    throw new InvalidOptionError(
      `The meta of ${where} is not acceptable. Use an object of at most ${most.meta} texts, each of at most ` +
        `${most.metaLength} characters, under names of at most ${most.tagLength}.`,
    );
  }
}

function isMeta([name, value]: [string, unknown]): boolean {
  return isTag(name) && typeof value === "string" && value.length <= most.metaLength && isClean(value);
}

/** No database keeps NUL or half a surrogate pair in text. */
function isClean(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text);
}

function dueOf(options: GivenOptions, job: string): Moment | undefined {
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
