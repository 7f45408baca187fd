// Which store a command means, and who said so.
//
// What is typed comes first, then what is set for duckdive, then what the project says, then what is set for
// everybody; the last is a file in the working directory. `doctor` prints the answer, and so does every error about
// the store, because the wrong one is an easy mistake.
//
// Before this file come options and environment. After it comes the session, which opens it.
import { existsSync } from "node:fs";
import { withoutSecrets } from "../kernel/index.js";
import { StoreMissingError } from "./errors.js";

const defaultStore = "sqlite:./duckdive.db";

export interface Target {
  readonly store: string | object;
  /** For people: `from --store`. */
  readonly from: string;
}

/** @param configured what the configuration file says, when it was loaded, and its name */
export function chooseStore(
  option: string | undefined,
  env: NodeJS.ProcessEnv,
  configured?: { readonly store: string | object; readonly file: string },
): Target {
  if (option !== undefined) return { store: option, from: "from --store" };
  if (isSet(env.DUCKDIVE_STORE)) return { store: env.DUCKDIVE_STORE, from: "from DUCKDIVE_STORE" };
  if (configured !== undefined) return { store: configured.store, from: `from ${configured.file}` };
  if (isSet(env.DATABASE_URL)) return { store: env.DATABASE_URL, from: "from DATABASE_URL" };
  return { store: defaultStore, from: "the default" };
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}

/** The store as people may see it: an address may hold a password. */
export function shownStore({ store }: Target): string {
  return typeof store === "string" ? withoutSecrets(store) : "a store of the configuration file";
}

/**
 * A command that only looks must not leave an empty database behind in the wrong folder.
 *
 * @throws StoreMissingError when the target is a file that is not there
 */
export function requireStore(target: Target): void {
  const [, path] = /^sqlite:(?:\/\/)?(.+)$/i.exec(typeof target.store === "string" ? target.store : "") ?? [];
  if (path === undefined || path === ":memory:" || existsSync(path)) return;
  throw new StoreMissingError(
    `There is no database at ${path} (${target.from}). Name the right one with --store or DUCKDIVE_STORE, or begin ` +
      "here: `duckdive work FILE`, `duckdive enqueue JOB` and `duckdive migrate` make it.",
  );
}
