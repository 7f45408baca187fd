// Values as people type them on a command line, read into what the client takes.
//
// Each reader refuses with a sentence that says what to type instead. What the client reads itself (a duration, a
// filter's state) is left to it, so that there is one rule.
//
// Before this file comes commander. After it come the commands.
import type { RequestOptions } from "../job/index.js";
import { type Duration, duration, encode, NotJsonError } from "../kernel/index.js";
import { UsageError } from "./errors.js";

/** For an option that may be given several times. */
export function gather(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** A whole number, from the least on. */
export function integer(value: string, name: string, least: number): number {
  const number = Number(value);
  if (/^-?\d+$/.test(value) && Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`${name} is "${value}". Use a whole number from ${least} up.`);
}

/** A duration as typed: digits alone are refused, because nobody means milliseconds. */
export function time(value: string, name: string): Duration {
  if (/^\d+(\.\d+)?$/.test(value)) {
    throw new UsageError(
      `${name} is "${value}", without a unit. Use one: "${value}s", "${value}m", "${value}h".`,
    );
  }
  return duration(value as Duration, name);
}

/** A moment in the past: how long ago ("2h"), or a date. Read now, and known when the store's clock is. */
export function since(value: string, name: string): (now: number) => Date {
  if (/^\d+(\.\d+)?(ms|[smhdw])$/i.test(value)) {
    const ago = duration(value as Duration, name);
    return (now) => new Date(now - ago);
  }
  const at = date(value, name, `how long ago ("2h", "7d"), or a date ("2026-11-24", "2026-11-24T12:00:00Z")`);
  return () => at;
}

/** A date. */
export function date(value: string, name: string, instead = `a date such as "2026-11-24T12:00:00Z"`): Date {
  const read = new Date(value);
  if (/^\d{4}-\d{2}/.test(value) && !Number.isNaN(read.getTime())) return read;
  throw new UsageError(`${name} is "${value}". Use ${instead}.`);
}

/** `name=value`, several times. */
export function pairs(
  values: readonly string[] | undefined,
  name: string,
): Record<string, string> | undefined {
  if (values === undefined) return undefined;
  return Object.fromEntries(
    values.map((value): [string, string] => {
      const place = value.indexOf("=");
      if (place > 0) return [value.slice(0, place), value.slice(place + 1)];
      throw new UsageError(`${name} is "${value}". Use name=value, such as tenant=acme.`);
    }),
  );
}

/**
 * Slots by queue: `mail=20,*=5`.
 *
 * @param name the option or the argument that they were given as
 */
export function slots(
  values: readonly string[] | undefined,
  concurrency: string | undefined,
  name = "--queues",
): Record<string, number> | undefined {
  const found: Record<string, number> = {};
  for (const part of (values ?? []).flatMap((value) => value.split(","))) {
    const place = part.lastIndexOf("=");
    const queue = part.slice(0, place).trim();
    const number = part.slice(place + 1).trim();
    if (place < 1 || queue === "" || !/^\d+$/.test(number)) {
      throw new UsageError(`${name} has "${part}" in it. Use slots by queue: ${name} "mail=20,*=5".`);
    }
    if (Object.hasOwn(found, queue)) throw new UsageError(`${name} names "${queue}" twice. Say it once.`);
    found[queue] = Number(number);
  }
  if (concurrency !== undefined) {
    if (Object.hasOwn(found, "*")) {
      throw new UsageError(`--concurrency N means "*=N", and ${name} says "*" already. Use one of them.`);
    }
    found["*"] = integer(concurrency, "--concurrency", 1);
  }
  if (Object.keys(found).length === 0) return undefined;
  if (Object.values(found).every((number) => number === 0))
    throw new UsageError(`${name} gives no slot to any queue: such a worker would do nothing.`);
  return found;
}

/** What is typed for a run, as the client takes it. */
export function requestOptions(options: {
  readonly delay?: string;
  readonly runAt?: string;
  readonly priority?: string;
  readonly tag?: readonly string[];
  readonly meta?: readonly string[];
  readonly id?: string;
}): RequestOptions {
  const { delay, runAt, priority, tag, meta, id } = options;
  if (delay !== undefined && runAt !== undefined)
    throw new UsageError(
      "--delay and --run-at were both given. Use one: --delay counts from now, --run-at is a date.",
    );
  const named = pairs(meta, "--meta");
  const when =
    runAt !== undefined
      ? { runAt: date(runAt, "--run-at") }
      : delay !== undefined
        ? { delay: time(delay, "--delay") }
        : {};
  return {
    ...when,
    ...(priority === undefined ? {} : { priority: integer(priority, "--priority", -10) }),
    ...(tag === undefined ? {} : { tags: [...tag] }),
    ...(named === undefined ? {} : { meta: named }),
    ...(id === undefined ? {} : { id }),
  };
}

/**
 * JSON as typed, checked by the rule of what can be stored.
 *
 * @param remedy what to do when it is not JSON
 */
export function jsonInput(text: string, where: string, remedy: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new NotJsonError(
      `${where} is not JSON (${error instanceof Error ? error.message : String(error)}). ${remedy}`,
      { path: "$", cause: error },
    );
  }
  encode(value, { what: where });
  return value;
}
