// From an address to a store: `"sqlite:./jobs.db"`, a SQLite handle, or a store of somebody's own.
//
// The one place that knows which stores there are. An address that names none is refused with what was meant, without
// connecting to anything and without showing a password.
//
// Before this file come `open` and the command line. After it come the stores.
import { didYouMean, InvalidOptionError, NotBuiltError } from "./kernel/index.js";
import { InvalidStoreError, type OpenOptions } from "./queue/index.js";
import type { Store } from "./store/contract.js";
import { sqlite } from "./store/sqlite/index.js";
import { fileOf, isSqliteHandle } from "./with/sqlite.js";

/** The store that an address, a handle, or a store of somebody's own stands for. Connects to nothing. */
export function storeOf<Tx, Sync extends boolean>(
  given: string | object,
  options: OpenOptions<Tx, Sync>,
  onError: (error: unknown) => void,
): Store {
  if (isStore(given)) return given;
  const file = typeof given === "string" ? fileAt(given) : fileUnder(given);
  for (const option of ["direct", "schema"] as const) {
    if (options[option] !== undefined)
      throw new InvalidOptionError(
        `open(): \`${option}\` belongs to PostgreSQL, and this store is SQLite. Leave it out.`,
      );
  }
  if (options.with?.sync === false) {
    throw new NotBuiltError(
      `The adapter "${options.with.name}" has asynchronous transactions, which SQLite has not. Use sqlite(handle) or drizzleSync(db).`,
    );
  }
  return sqlite({ file, onError, migrate: options.migrate, like: handleOf(given, options.with) });
}

/** The handle that the application has on the file itself, if we were given one. */
function handleOf<Tx, Sync extends boolean>(
  given: string | object,
  adapter: OpenOptions<Tx, Sync>["with"],
): object | undefined {
  const handle = typeof given === "object" ? given : adapter?.connectionOf(undefined);
  return isSqliteHandle(handle) ? handle : undefined;
}

/** The file that an address names. */
function fileAt(address: string): string {
  if (address === ":memory:") return address;
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+]*):(.*)$/is.exec(address) ?? [];
  switch (scheme?.toLowerCase()) {
    case "sqlite":
      if (rest.includes("?")) {
        throw new InvalidStoreError(
          `"${address}" has parameters, and a SQLite address takes none. Leave out what follows "?".`,
        );
      }
      if (rest.replaceAll("/", "") !== "") return rest.startsWith("//") ? rest.slice(2) : rest;
      throw new InvalidStoreError(
        `"${address}" names no file. Use "sqlite:./duckdive.db", or "sqlite::memory:".`,
      );
    case "postgres":
    case "postgresql":
      throw new NotBuiltError(
        "This version of duckdive keeps runs in SQLite only; PostgreSQL comes with a later one. " +
          'Use open("sqlite:./duckdive.db"), and change the address then: jobs stay as they are.',
      );
    default:
      throw new InvalidStoreError(
        `"${hidden(address)}" is no place that duckdive knows.${suggestion(address, scheme)}`,
      );
  }
}

function suggestion(address: string, scheme: string | undefined): string {
  const meant = scheme === undefined ? undefined : didYouMean(scheme, ["sqlite", "postgres"]);
  if (meant !== undefined && meant !== "") return `${meant.slice(0, -1)} as in "sqlite:./duckdive.db"?`;
  if (scheme === undefined && address !== "") return ` Did you mean "sqlite:${address}"?`;
  return ' Use "sqlite:./duckdive.db".';
}

/** An address may hold a password, and errors are logged. */
function hidden(address: string): string {
  return address.replace(/\/\/[^@/]*@/, "//…@");
}

/** The file that a SQLite handle has open. */
function fileUnder(given: object): string {
  if (isSqliteHandle(given)) {
    const file = fileOf(given);
    if (file !== undefined) return file;
    throw new InvalidStoreError(
      "open() was given a SQLite handle without a file: a database in memory cannot be shared with workers. " +
        'Use a database in a file, or open("sqlite::memory:") for one of duckdive\'s own.',
    );
  }
  if (typeof given === "object" && given !== null && "query" in given && "connect" in given) {
    throw new NotBuiltError(
      "open() was given what looks like a PostgreSQL pool. This version of duckdive keeps runs in SQLite only.",
    );
  }
  throw new InvalidStoreError(
    `open() was given ${String(given)} and not a place for runs. Use "sqlite:./duckdive.db", a SQLite handle, or a store. ` +
      "If it comes from an environment variable, that is not set.",
  );
}

/** A store of somebody's own, met by shape. */
function isStore(given: unknown): given is Store {
  const verbs = ["open", "close", "insert", "claim", "settle", "find", "list", "watch"] as const;
  return (
    typeof given === "object" &&
    given !== null &&
    verbs.every((verb) => typeof Reflect.get(given, verb) === "function")
  );
}
