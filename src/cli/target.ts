// Which store a command means, and who said so.
//
// What is typed comes first, then what is set for duckdive, then what the project says, then what is set for
// everybody; the last is a file in the working directory. `doctor` prints the answer, and so does every error about
// the store, because the wrong one is an easy mistake. How to open it comes with the store: what the configuration says
// of its own store means nothing for another one.
//
// Before this file come options and environment. After it comes the session, which opens it.
import { existsSync } from "node:fs";
import { withoutSecrets } from "../kernel/index.js";
import type { OpenOptions } from "../queue/index.js";
import { StoreMissingError, UsageError } from "./errors.js";

const defaultStore = "sqlite:./duckdive.db";

export interface Target {
  readonly store: string | object;
  /** For people: `from --store`. */
  readonly from: string;
  readonly options: StoreOptions;
}

/** What belongs to the store rather than to the application. */
type StoreOptions = Pick<OpenOptions, "direct" | "schema" | "notify" | "prepare"> & ValueOptions;

/** How what is stored is read and shown, whichever store it is in. */
export type ValueOptions = Pick<OpenOptions, "encryption" | "redact">;

/** What was typed: `--store` and `--schema`. */
export interface Typed {
  readonly store?: string | undefined;
  readonly schema?: string | undefined;
}

/** The store of a configuration file, and how it is opened. */
export type ConfiguredStore = StoreOptions & { readonly store: string | object; readonly file: string };

/** @param configured what the configuration file says, when it was loaded, and its name */
export function chooseStore(typed: Typed, env: NodeJS.ProcessEnv, configured?: ConfiguredStore): Target {
  const { store, from, ...own } = nearestStore(typed, env, configured);
  // A variable is there for every command, so it is no mistake where the store has no schema.
  const isFile = typeof store === "string" && /^sqlite:/i.test(store);
  const schema = typed.schema ?? (isSet(env.DUCKDIVE_SCHEMA) && !isFile ? env.DUCKDIVE_SCHEMA : undefined);
  return { store, from, options: schema === undefined ? own : { ...own, schema } };
}

function nearestStore(
  typed: Typed,
  env: NodeJS.ProcessEnv,
  configured: ConfiguredStore | undefined,
): StoreOptions & Pick<Target, "store" | "from"> {
  if (typed.store !== undefined) return { store: typed.store, from: "from --store" };
  if (isSet(env.DUCKDIVE_STORE)) return { store: env.DUCKDIVE_STORE, from: "from DUCKDIVE_STORE" };
  if (configured !== undefined) {
    const { file, ...rest } = configured;
    return { ...rest, from: `from ${file}` };
  }
  if (isSet(env.DATABASE_URL)) return { store: env.DATABASE_URL, from: "from DATABASE_URL" };
  return { store: defaultStore, from: "the default" };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

/** A database that each process would have for itself. */
export function isInMemory(store: string | object | undefined): boolean {
  return typeof store === "string" && /^sqlite:(?:\/\/)?:memory:$/i.test(store);
}

export function memoryNotShared(): UsageError {
  return new UsageError(
    "The store is a database in memory, and each process would have one of its own. Work in this process, with " +
      "--processes 0, or use a database in a file: --store sqlite:./duckdive.db.",
  );
}

/** The store as people may see it: an address may hold a password. */
export function shownStore({ store, options }: Pick<Target, "store" | "options">): string {
  const shown = typeof store === "string" ? withoutSecrets(store) : "a store of the configuration file";
  return options.schema === undefined ? shown : `${shown}, schema ${options.schema}`;
}

const begin =
  "Name the right one with --store or DUCKDIVE_STORE, or begin here: `duckdive work FILE`, `duckdive enqueue JOB` and " +
  "`duckdive migrate` make it.";

/**
 * A command that only looks must not leave an empty database behind in the wrong folder.
 *
 * @throws StoreMissingError when the target is a file that is not there
 */
export function requireStore(target: Pick<Target, "store" | "from">, remedy = begin): void {
  const [, path] = /^sqlite:(?:\/\/)?(.+)$/i.exec(typeof target.store === "string" ? target.store : "") ?? [];
  if (path === undefined || path === ":memory:" || existsSync(path)) return;
  throw new StoreMissingError(`There is no database at ${path} (${target.from}). ${remedy}`);
}
