// Filters: from what an application writes to what a store is asked.
//
// An application writes one value or several, jobs or their names, dates; a store gets lists, names and numbers. A
// list without a value matches nothing, which is known without asking, and must never be mistaken for no condition.
//
// Before this file comes the application. After it come `list`, `count` and everything that acts on many runs.
import { isContract } from "../job/index.js";
import { checkOptions, didYouMean, duration, InvalidOptionError } from "../kernel/index.js";
import { states } from "../run/index.js";
import type { RunFilter, WaitReason } from "../store/contract.js";
import type { Filter } from "./types.js";

const waitReasons = [
  "entries",
  "dependency",
  "admission",
  "worker",
  "paused",
  "preparation",
] as const satisfies readonly WaitReason[];

const fields = [
  "id",
  "job",
  "queue",
  "parent",
  "state",
  "reason",
  "waiting",
  "tag",
  "meta",
  "error",
  "text",
  "since",
  "until",
  "olderThan",
] as const satisfies readonly (keyof Filter)[];

/**
 * The filter in the store's words; undefined: it matches no run at all.
 *
 * @param where for messages: `duckdive.list()`
 * @param now on the store's clock: ages count from it
 * @throws InvalidOptionError, InvalidDurationError
 */
export function filterOf(filter: Filter, where: string, now: number): RunFilter | undefined {
  if (typeof filter !== "object" || filter === null) {
    throw new InvalidOptionError(
      `The filter of ${where} is no object. Use one such as { job: "mail", state: "failed" }.`,
    );
  }
  checkOptions(filter, [...fields], `the filter of ${where}`);
  const found = {
    ids: texts(filter.id, "id", where),
    jobs: texts(listOf(filter.job)?.map(nameOf), "job", where),
    queues: texts(filter.queue, "queue", where),
    parents: texts(filter.parent, "parent", where),
    states: oneOf(filter.state, states, "state", where),
    reasons: texts(filter.reason, "reason", where),
    waiting: oneOf(filter.waiting, waitReasons, "waiting", where),
    tags: texts(filter.tag, "tag", where),
    meta: metaOf(filter.meta, where),
    errors: texts(filter.error, "error", where),
    text: textOf(filter.text, where),
    since: timeOf(filter.since, "since", where),
    until: earlier(timeOf(filter.until, "until", where), ageOf(filter.olderThan, where, now)),
  };
  if (Object.values(found).some((value) => Array.isArray(value) && value.length === 0)) return undefined;
  return found;
}

/** Whether a filter has no condition. */
export function isEmptyFilter(filter: Filter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

function listOf<T>(value: T | readonly T[] | undefined): readonly T[] | undefined {
  if (value === undefined) return undefined;
  return isList(value) ? value : [value];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function nameOf(job: unknown): unknown {
  return isContract(job) ? job.name : job;
}

function texts(value: unknown, name: string, where: string): string[] | undefined {
  return listOf(value)?.map((text) => {
    if (typeof text === "string") return text;
    throw new InvalidOptionError(
      `The filter of ${where}: ${name} is ${String(text)}. Use ${name === "job" ? "a job or its name" : "a text"}, or a list.`,
    );
  });
}

function oneOf<Word extends string>(
  value: unknown,
  words: readonly Word[],
  name: string,
  where: string,
): Word[] | undefined {
  return texts(value, name, where)?.map((text) => {
    const word = words.find((one) => one === text);
    if (word !== undefined) return word;
    throw new InvalidOptionError(
      `The filter of ${where}: ${name} is "${text}".${didYouMean(text, words)} It is one of ${words.join(", ")}.`,
    );
  });
}

function metaOf(meta: unknown, where: string): Record<string, string> | undefined {
  if (meta === undefined) return undefined;
  if (typeof meta === "object" && meta !== null) {
    const entries = Object.entries(meta).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    );
    if (entries.length === Object.keys(meta).length) return Object.fromEntries(entries);
  }
  throw new InvalidOptionError(`The filter of ${where}: meta is not acceptable. Use an object of texts.`);
}

function textOf(text: unknown, where: string): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text === "string" && text !== "") return text;
  throw new InvalidOptionError(
    `The filter of ${where}: text is not acceptable. Use a text that is not empty, as it stands in the JSON of the input.`,
  );
}

function ageOf(age: Filter["olderThan"], where: string, now: number): number | undefined {
  return age === undefined ? undefined : now - duration(age, `The filter of ${where}: olderThan`);
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}

function timeOf(date: unknown, name: string, where: string): number | undefined {
  if (date === undefined) return undefined;
  if (date instanceof Date && !Number.isNaN(date.getTime())) return date.getTime();
  throw new InvalidOptionError(`The filter of ${where}: ${name} is not a valid Date. Use new Date(…).`);
}
