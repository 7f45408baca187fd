// Redaction: what jobs and `open` say in `redact` is blanked out wherever people are shown values, and in logs.
//
// A path names a place in the input, the output, what a step gave back, the data of an error and the fields of a log line:
// names joined by dots, `*` for any one name or index, `**` for any number of them. What stood at such a place is looked for
// in texts, too, since messages of errors like to quote. Handlers, and code that asks for a run, get everything as it is.
//
// Before this file come policies. After it come logs and events of workers, and everything that shows runs.

import { InvalidOptionError } from "../kernel/index.js";
import { show } from "./names.js";
import type { RunRecord, StoredError } from "./record.js";

/** What stands in the place of what is not to be seen. */
export const blank = "[redacted]";

/** Shorter texts are left in sentences: they would be found in the middle of other words. */
const shortest = 4;

export interface Redaction {
  /** The value with its named places blanked out, and where a text in it quotes one. What has neither is the same value. */
  value<T>(value: T): T;
  /** Looks for what stands at the named places of these values, in texts from then on. */
  with(...values: readonly unknown[]): Redaction;
  text<T extends string | undefined>(text: T): T;
  error<T extends StoredError | undefined>(error: T): T;
  /** A run as people may see it. */
  record(run: RunRecord): RunRecord;
}

/** Checks paths. @param where for messages: `job "mail"` @throws InvalidOptionError */
export function checkPaths(paths: unknown, where: string): readonly string[] {
  const isPath = (path: unknown): boolean =>
    typeof path === "string" && path.split(".").every((step) => step !== "" && step !== "$");
  if (Array.isArray(paths) && paths.length > 0 && paths.every(isPath)) return [...(paths as string[])];
  throw new InvalidOptionError(
    `${where}: redact is ${Array.isArray(paths) ? JSON.stringify(paths) : show(paths)}. ` +
      'Use a list of paths such as ["card.number", "items.*.pin", "**.password"].',
  );
}

type Path = readonly string[];

/** Undefined: there is nothing to redact. */
export function redactionOf(...lists: readonly (readonly string[] | undefined)[]): Redaction | undefined {
  const paths = [...new Set(lists.flatMap((list) => list ?? []))].map((path) => path.split("."));
  return paths.length === 0 ? undefined : redactionBy(paths, []);
}

function redactionBy(paths: readonly Path[], secrets: readonly string[]): Redaction {
  const value = <T>(given: T): T => blanked(given, paths, { found: () => {}, text }) as T;

  const text = <T extends string | undefined>(given: T): T | string => {
    let shown: string | undefined = given;
    for (const secret of secrets) shown = shown?.replaceAll(secret, blank);
    return shown as T | string;
  };

  function error(given: StoredError): StoredError {
    const { data, stack, cause } = given;
    return {
      ...given,
      message: text(given.message),
      ...(data === undefined ? {} : { data: value(data) }),
      ...(stack === undefined ? {} : { stack: text(stack) }),
      ...(cause === undefined ? {} : { cause: error(cause) }),
    };
  }

  const redaction: Redaction = {
    value,
    text: (given) => text(given) as typeof given,
    error: (given) => (given === undefined ? given : error(given)) as typeof given,
    with(...values) {
      const found = new Set(secrets);
      const into = { found: (secret: unknown) => collect(secret, found), text: (one: string) => one };
      for (const one of values) blanked(one, paths, into);
      // The longest first: one may be part of another.
      return redactionBy(
        paths,
        [...found].toSorted((one, other) => other.length - one.length),
      );
    },
    record(run) {
      const knowing = redaction.with(run.input, run.output, run.error?.data);
      const shown = { ...run, input: knowing.value(run.input) };
      if (run.output !== undefined) shown.output = knowing.value(run.output);
      if (run.error !== undefined) shown.error = knowing.error(run.error);
      if (run.reason !== undefined) shown.reason = knowing.text(run.reason);
      const note = run.progress?.note;
      if (run.progress !== undefined && note !== undefined)
        shown.progress = { ...run.progress, note: knowing.text(note) };
      return shown;
    },
  };
  return redaction;
}

interface Blanking {
  readonly found: (secret: unknown) => void;
  readonly text: (text: string) => string;
}

/** The value with what stands at the paths blanked out, each handed on; where there is nothing of it the value itself. */
function blanked(value: unknown, paths: readonly Path[], blanking: Blanking): unknown {
  if (typeof value === "string") return blanking.text(value);
  if (typeof value !== "object" || value === null) return value;
  const changed = new Map<string, unknown>();
  for (const [key, property] of Object.entries(value)) {
    const below = paths.flatMap((path) => rests(path, key));
    if (below.some((path) => path.length === 0)) {
      blanking.found(property);
      changed.set(key, blank);
      continue;
    }
    const inside = blanked(property, below, blanking);
    if (inside !== property) changed.set(key, inside);
  }
  if (changed.size === 0) return value;
  if (Array.isArray(value)) return value.map((one: unknown, index) => changed.get(String(index)) ?? one);
  return { ...value, ...Object.fromEntries(changed) };
}

/** What is left of a path below a name. */
function rests(path: Path, key: string): Path[] {
  const [first, ...rest] = path;
  if (first === "**") return [path, ...rests(rest, key)];
  return first === "*" || first === key ? [rest] : [];
}

function collect(secret: unknown, into: Set<string>): void {
  if (typeof secret === "object" && secret !== null) {
    for (const one of Object.values(secret)) collect(one, into);
    return;
  }
  if (typeof secret !== "string" && typeof secret !== "number") return;
  const text = String(secret);
  if (text.length >= shortest) into.add(text);
}
