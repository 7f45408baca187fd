// What a job of another queue becomes here: by a mapping of its name, or, without one, the job of the same name with the same input.
//
// Before this file come what waits and the application's files. After it comes the bringing.
import { type AnyContract, isContract, partsOf, type Request } from "../../job/index.js";
import type { NamedRequest } from "../../queue/index.js";
import { JobFileError } from "../errors.js";
import type { LoadedFile } from "../load.js";
import type { Waiting } from "./source.js";

/** What a mapping has under a name: another name, a job, or a function that makes the request of it, or says that it is none. */
type Rule = string | AnyContract | ((data: unknown, job: Waiting) => Request | undefined);

export type Mapping = ReadonlyMap<string, Rule>;

/**
 * The mapping that a file has as its default export, or as `mapping`.
 *
 * @throws JobFileError
 */
export function mappingOf({ file, exports }: LoadedFile): Mapping {
  const candidate = exports.mapping ?? exports.default;
  if (typeof candidate !== "object" || candidate === null || !Object.values(candidate).every(isRule))
    throw new JobFileError(
      `${file} exports no mapping. Export one: export const mapping = { Welcome: ([userId]) => welcome.with({ userId }) }.`,
    );
  return new Map(Object.entries(candidate));
}

function isRule(value: unknown): value is Rule {
  return typeof value === "string" || typeof value === "function" || isContract(value);
}

/** The request that a job becomes; undefined: its rule says that it is none. Throws what a rule throws. */
export function requestOf(
  waiting: Waiting,
  mapping: Mapping,
  jobs: ReadonlyMap<string, AnyContract>,
  from: string,
): NamedRequest | undefined {
  const rule = mapping.get(waiting.name) ?? waiting.name;
  const { id, key, due, priority, meta } = waiting;
  const usual = priority === 0 ? {} : { priority };
  const origin = { ...usual, id, meta: { ...meta, "moved.from": from, "moved.id": key } };
  const own = due === undefined ? origin : { ...origin, runAt: new Date(due) };
  if (isContract(rule)) return { job: rule, input: waiting.data, options: own };
  if (typeof rule === "string") return { job: jobs.get(rule) ?? rule, input: waiting.data, options: own };
  const request = rule(waiting.data, waiting);
  if (request === undefined) return undefined;
  const { contract, input, options } = partsOf(request);
  const merged = { ...options, meta: { ...own.meta, ...options.meta }, id };
  // What the rule says of the time counts.
  if (options.delay !== undefined || options.runAt !== undefined || due === undefined)
    return { job: contract, input, options: { ...usual, ...merged } };
  const { delay: _, runAt: __, ...rest } = merged;
  return { job: contract, input, options: { ...usual, ...rest, runAt: new Date(due) } };
}
