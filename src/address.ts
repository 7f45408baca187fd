// From an address to a store: `"sqlite:./jobs.db"`, `"postgres://…"`, what the application holds open itself, or a
// store of somebody's own.
//
// The one place that knows which stores there are. What is met here is met by its shape, nothing is loaded that is not
// used, and nothing is connected to. An address that names no store is refused with what was meant, without showing a
// password; so is an option, or an adapter, that belongs to the other store.
//
// Before this file come `open` and the command line. After it come the stores.
import { didYouMean, InvalidOptionError, withoutSecrets } from "./kernel/index.js";
import { InvalidStoreError, type OpenOptions } from "./queue/index.js";
import type { Store } from "./store/contract.js";
import { hostsIn, isPgPool, isPostgresClient, postgres } from "./store/postgres/index.js";
import { sqlite } from "./store/sqlite/index.js";
import { fileOf, isSqliteHandle } from "./with/sqlite.js";

/** The store that an address, a handle, or a store of somebody's own stands for. Connects to nothing. */
export function storeOf<Tx, Sync extends boolean>(
  given: string | object,
  options: OpenOptions<Tx, Sync>,
  onError: (error: unknown) => void,
): Store {
  if (isStore(given)) return given;
  if (isPostgres(given)) return postgresStore(given, options, onError);
  const file = typeof given === "string" ? fileAt(given) : fileUnder(given);
  for (const option of ["direct", "schema", "notify", "prepare"] as const) {
    if (options[option] !== undefined)
      throw new InvalidOptionError(
        `open(): \`${option}\` belongs to PostgreSQL, and this store is SQLite. Leave it out.`,
      );
  }
  if (options.with?.sync === false) {
    throw new InvalidOptionError(
      `open(): the adapter "${options.with.name}" has asynchronous transactions, which belong to PostgreSQL, and this ` +
        'store is SQLite. Use sqlite(handle) or drizzleSync(db) with it, or a store at "postgres://…".',
    );
  }
  return sqlite({ file, onError, migrate: options.migrate, like: handleOf(given, options.with) });
}

// ── PostgreSQL ──────────────────────────────────────────────────────────────────────────────────────────────────

const postgresScheme = /^(postgres|postgresql):/i;

function isPostgres(given: string | object): boolean {
  return typeof given === "string" ? postgresScheme.test(given) : isPgPool(given) || isPostgresClient(given);
}

function postgresStore<Tx, Sync extends boolean>(
  given: string | object,
  { with: adapter, direct, schema, migrate, notify, prepare }: OpenOptions<Tx, Sync>,
  onError: (error: unknown) => void,
): Store {
  if (adapter?.sync === true) {
    throw new InvalidOptionError(
      `open(): the adapter "${adapter.name}" has synchronous transactions, which belong to SQLite, and this store is ` +
        "PostgreSQL. Use the adapter of duckdive/with for your library on PostgreSQL, such as drizzle(db) or pg(pool).",
    );
  }
  if (direct !== undefined) {
    if (typeof direct !== "string" || !postgresScheme.test(direct))
      throw new InvalidOptionError(
        'open(): `direct` is no address of PostgreSQL. Use one that leads to the server itself, "postgres://…".',
      );
    checkAddress(direct);
  }
  if (schema !== undefined && typeof schema !== "string")
    throw new InvalidOptionError('open(): `schema` is no name. Use one such as "duckdive".');
  for (const [name, value] of Object.entries({ notify, prepare })) {
    if (value !== undefined && typeof value !== "boolean")
      throw new InvalidOptionError(`open(): \`${name}\` is ${String(value)}. Use true or false.`);
  }
  const database = typeof given === "string" ? checkAddress(given) : given;
  return postgres({ database, direct, schema, migrate, notify, prepare, onError });
}

/** What a driver would make of a wrong address is a puzzle, and often another server. */
function checkAddress(address: string): string {
  const example = 'Use one such as "postgres://user:password@host:5432/database".';
  if (!address.slice(address.indexOf(":")).startsWith("://"))
    throw new InvalidStoreError(
      `"${withoutSecrets(address)}" is no address of PostgreSQL: "//" is missing. ${example}`,
    );
  // The host may be a folder of sockets, named by a parameter: then nothing stands before the path.
  const each = hostsIn(address)?.addresses ?? [address];
  const urls = each.map((one) => urlOf(one.replace("@/", "@localhost/")));
  if (urls.every((url) => url !== undefined && url.hash === "")) return address;
  throw new InvalidStoreError(
    `"${withoutSecrets(address)}" is no address of PostgreSQL. ${example} In a password, write "#" as %23, "/" as %2F, ` +
      '"@" as %40, ":" as %3A and "%" as %25.',
  );
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

// ── SQLite ──────────────────────────────────────────────────────────────────────────────────────────────────────

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
  if (scheme?.toLowerCase() !== "sqlite") {
    throw new InvalidStoreError(
      `"${withoutSecrets(address)}" is no place that duckdive knows.${suggestion(address, scheme)}`,
    );
  }
  if (rest.includes("?")) {
    throw new InvalidStoreError(
      `"${address}" has parameters, and a SQLite address takes none. Leave out what follows "?".`,
    );
  }
  if (rest.replaceAll("/", "") !== "") return rest.startsWith("//") ? rest.slice(2) : rest;
  throw new InvalidStoreError(
    `"${address}" names no file. Use "sqlite:./duckdive.db", or "sqlite::memory:".`,
  );
}

const examples = {
  sqlite: '"sqlite:./duckdive.db"',
  postgres: '"postgres://user:password@host:5432/database"',
} as const;

function suggestion(address: string, scheme: string | undefined): string {
  const meant = scheme === undefined ? undefined : didYouMean(scheme.toLowerCase(), Object.keys(examples));
  if (meant !== undefined && meant !== "") {
    const example = meant.includes("postgres") ? examples.postgres : examples.sqlite;
    return `${meant.slice(0, -1)} as in ${example}?`;
  }
  if (scheme === undefined && address !== "") return ` Did you mean "sqlite:${withoutSecrets(address)}"?`;
  return ` Use ${examples.sqlite} or ${examples.postgres}.`;
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
    throw new InvalidStoreError(
      "open() was given a connection to PostgreSQL that is no pool: one connection cannot serve a queue. " +
        'Use a pool of pg, new Pool({ connectionString }), or the address itself: open("postgres://…").',
    );
  }
  throw new InvalidStoreError(
    `open() was given ${String(given)} and not a place for runs. Use ${examples.sqlite}, "postgres://…", a SQLite ` +
      "handle, a pool of pg, a postgres.js client, or a store. If it comes from an environment variable, that is not set.",
  );
}

// ── A store of somebody's own ───────────────────────────────────────────────────────────────────────────────────

/** A store of somebody's own, met by shape. */
function isStore(given: unknown): given is Store {
  const verbs = ["open", "close", "insert", "claim", "settle", "find", "list", "watch"] as const;
  return (
    typeof given === "object" &&
    given !== null &&
    verbs.every((verb) => typeof Reflect.get(given, verb) === "function")
  );
}
