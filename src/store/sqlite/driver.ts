// The three drivers, made one: `node:sqlite`, `libsql`, and whatever an application hands in that looks like them.
//
// Our statements are written with `:name`, so that a database shell can run them. Binding by name is slow in one
// driver and impossible by position in another, so each statement is compiled once to `?` and a list of names, and
// rows come back as arrays: measured, that is the fastest way through each of them. Statements are kept by their text.
//
// Before this file come the drivers. After it comes the connection, and through it everything that speaks SQL.
import { createRequire } from "node:module";
import { SqliteDriverMissingError } from "./errors.js";

export type Value = string | number | null;
/** The values of a statement by name. All of its names must be there; undefined is null. */
export type Values = Readonly<Record<string, Value | undefined>>;

/** What can run a statement: our own connection, or the application's handle inside of its transaction. */
export interface Sql {
  /** Runs it and answers how many rows it changed. */
  run(sql: string, values?: Values): number;
  /** The rows, each as an array of its columns. `Row` is believed: it must fit the statement. */
  all<Row extends readonly Value[]>(sql: string, values?: Values): Row[];
  get<Row extends readonly Value[]>(sql: string, values?: Values): Row | undefined;
}

export interface Connection extends Sql {
  readonly driver: string;
  /** Runs text that may hold several statements. */
  exec(sql: string): void;
  close(): void;
}

/** A prepared statement as node:sqlite, better-sqlite3 and libsql have it. */
interface RawStatement {
  run(...values: unknown[]): { changes: number | bigint };
  all(...values: unknown[]): unknown[];
  /** better-sqlite3 and libsql: rows as arrays. */
  raw?(enabled: boolean): unknown;
  /** node:sqlite, in its newer versions: the same. */
  setReturnArrays?(enabled: boolean): void;
}

/** A database as node:sqlite, better-sqlite3 and libsql have it. */
export interface RawDatabase {
  prepare(sql: string): RawStatement;
}

interface OwnDatabase extends RawDatabase {
  exec(sql: string): unknown;
  close(): void;
}

interface Prepared {
  readonly names: readonly string[];
  run(values: Value[]): number;
  all(values: Value[]): Value[][];
}

// A quoted text, or a name with its colon. Our statements use no other quoting.
const parameter = /'(?:[^']|'')*'|:([A-Za-z_]\w*)/g;

function prepare(database: RawDatabase, sql: string): Prepared {
  const names: string[] = [];
  const positional = sql.replace(parameter, (found, name?: string) => {
    if (name === undefined) return found;
    names.push(name);
    return "?";
  });
  const statement = database.prepare(positional);
  return statement.raw === undefined ? likeNode(statement, names) : likeBetter(statement, names);
}

/** node:sqlite takes its values one by one, and gives rows as arrays since 22.16. */
function likeNode(statement: RawStatement, names: readonly string[]): Prepared {
  statement.setReturnArrays?.(true);
  const asArrays = statement.setReturnArrays !== undefined;
  return {
    names,
    run: (values) => Number(statement.run(...values).changes),
    all(values) {
      const rows = statement.all(...values);
      return asArrays ? (rows as Value[][]) : rows.map((row) => Object.values(row as Record<string, Value>));
    },
  };
}

/** better-sqlite3 and libsql take an array of values, and refuse to be asked for arrays by statements without rows. */
function likeBetter(statement: RawStatement, names: readonly string[]): Prepared {
  let isRaw = false;
  return {
    names,
    run: (values) => Number(statement.run(values).changes),
    all(values) {
      if (!isRaw) statement.raw?.(true);
      isRaw = true;
      return statement.all(values) as Value[][];
    },
  };
}

function bind(statement: Prepared, values: Values): Value[] {
  const { names } = statement;
  const bound = new Array<Value>(names.length);
  for (let index = 0; index < names.length; index++) {
    const name = names[index] ?? "";
    const value = values[name];
    if (value === undefined && !(name in values))
      throw new TypeError(`The statement needs a value for :${name}.`);
    bound[index] = value ?? null;
  }
  return bound;
}

/** The statements of a database, each prepared at its first use. */
export function sqlOf(database: RawDatabase): Sql {
  const cache = new Map<string, Prepared>();
  const none: Values = {};
  function prepared(sql: string): Prepared {
    let statement = cache.get(sql);
    if (statement === undefined) {
      statement = prepare(database, sql);
      cache.set(sql, statement);
    }
    return statement;
  }
  function all<Row extends readonly Value[]>(sql: string, values: Values = none): Row[] {
    const statement = prepared(sql);
    const rows: readonly (readonly Value[])[] = statement.all(bind(statement, values));
    return rows as Row[];
  }
  function get<Row extends readonly Value[]>(sql: string, values?: Values): Row | undefined {
    const [first] = all<Row>(sql, values);
    return first;
  }
  function run(sql: string, values: Values = none): number {
    const statement = prepared(sql);
    return statement.run(bind(statement, values));
  }
  return { run, all, get };
}

/** A connection of our own; with `like`, opened by the library that this handle of the application is of. */
export function connect(file: string, like?: object): Connection {
  const { driver, database } = openLike(file, like) ?? openDatabase(file);
  return {
    ...sqlOf(database),
    driver,
    exec: (sql) => void database.exec(sql),
    close: () => database.close(),
  };
}

const require = createRequire(import.meta.url);

function openDatabase(file: string): { driver: string; database: OwnDatabase } {
  if (runtimeHasSqlite()) {
    const { DatabaseSync } = require("node:sqlite") as { DatabaseSync: new (path: string) => OwnDatabase };
    return { driver: "node:sqlite", database: new DatabaseSync(file) };
  }
  const Database = loadLibsql();
  return { driver: "libsql", database: new Database(file) };
}

/**
 * Two copies of SQLite in one process undo each other's locks on a file, since the system keeps them by process: a
 * file that the application has open itself is opened by the application's own copy.
 */
function openLike(
  file: string,
  like: object | undefined,
): { driver: string; database: OwnDatabase } | undefined {
  // A plain object around a handle says nothing of its library.
  if (like === undefined || like.constructor === Object) return undefined;
  const Library = like.constructor as new (path: string) => OwnDatabase;
  return { driver: `the application's own ${Library.name}`, database: new Library(file) };
}

/** node:sqlite came with 22.5 behind a flag, which fell with 22.13 and 23.4. */
function runtimeHasSqlite(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > 23 || (major === 23 && minor >= 4) || (major === 22 && minor >= 13);
}

function loadLibsql(): new (file: string) => OwnDatabase {
  try {
    return require("libsql") as new (
      file: string,
    ) => OwnDatabase;
  } catch (cause) {
    throw new SqliteDriverMissingError(
      `Node.js ${process.versions.node} has no SQLite of its own, and the package "libsql" cannot be loaded. ` +
        "Install it (`npm install libsql`; it is an optional dependency, so --omit=optional leaves it out), " +
        "or use Node.js 22.13 or newer.",
      { cause },
    );
  }
}
