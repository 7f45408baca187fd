// What every verb is given: a way to ask the database, and what to do when it is away.
//
// Each verb is one statement, and a statement is a transaction: no connection is ever held between two of them, so a
// pooler in transaction mode does as well, and a worker that stops can hold nothing. A statement that may be repeated
// is: when a connection breaks, for as long as a caller can be asked to wait; when two transactions met, at once; when a
// partition of history is missing, after it was made.
import { createHash } from "node:crypto";
import { type Clock, systemClock } from "../../kernel/index.js";
import type { Database, Row, Text } from "./driver.js";
import {
  isConflict,
  isConnectionTrouble,
  isNamedStatementTrouble,
  isPartitionMissing,
  isReadOnly,
  lockTimeout,
  standbyError,
  stateOf,
  translate,
} from "./errors.js";
import { statements } from "./statements.js";

/** How long a call is repeated while the database is away, in milliseconds. */
const patience = 10_000;
const firstPause = 50;
const longestPause = 1_000;
const conflictsBorne = 10;

export type Values = Readonly<Record<string, Text | number | undefined>>;

export interface Session {
  /** The database in words, without its password. */
  readonly where: string;
  readonly clock: Clock;
  /** The store's time, as far as it is known here: milliseconds since 1970. */
  readonly time: () => number;
  /** The time for a statement: null lets the database's own clock decide, as it does everywhere but in tests. */
  readonly now: () => Text;
  readonly database: () => Promise<Database>;
  /** Runs a statement that does no harm when it is run twice; the second time with other values, if there are any. */
  ask(statement: string, values?: Values, again?: Values): Promise<Row[]>;
  /** The same with many values, in one transaction. */
  askForAll(statement: string, values: readonly Values[], again: readonly Values[]): Promise<Row[]>;
  /** The same where a lock may have to be waited for, as long as the statement says: once, and then it is told. */
  askPatiently(statement: string, values: readonly Values[], again: readonly Values[]): Promise<Row[]>;
  /** Runs a statement once; only what surely did not happen is repeated. */
  askOnce(statement: string, values?: Values): Promise<Row[]>;
  /** A statement in the words of this schema, with its values in order. */
  compile(statement: string, values: Values): { text: string; values: Text[]; name: string | undefined };
}

interface Compiled {
  readonly text: string;
  readonly names: readonly string[];
  readonly key: string;
}

// A quoted text, a cast, or a name with its colon.
const parameter = /'(?:[^']|'')*'|::|:([A-Za-z_]\w*)/g;

/** The text of a statement or a migration for a schema of another name. */
export function inSchema(text: string, schema: string): string {
  if (schema === "duckdive") return text;
  return text.replaceAll("duckdive.", `"${schema}".`).replaceAll("'duckdive'", `'${schema}'`);
}

function compileFor(schema: string): (statement: string) => Compiled {
  const known = new Map<string, Compiled>();
  return (statement) => {
    const before = known.get(statement);
    if (before !== undefined) return before;
    const names: string[] = [];
    const text = inSchema(statement, schema).replace(parameter, (found, name?: string) => {
      if (name === undefined) return found;
      const place = names.indexOf(name);
      if (place >= 0) return `$${place + 1}`;
      names.push(name);
      return `$${names.length}`;
    });
    const key = `duckdive_${createHash("sha1").update(text).digest("hex").slice(0, 16)}`;
    const compiled = { text, names, key };
    known.set(statement, compiled);
    return compiled;
  };
}

export function createSession(options: {
  readonly where: string;
  readonly schema: string;
  readonly clock: Clock;
  readonly prepare: boolean;
  /** How far the database's clock is ahead of ours, in milliseconds. */
  readonly ahead: () => number;
  readonly database: () => Promise<Database>;
  /** Whether the server is known for a standby: then a refused write is not repeated. */
  readonly isStandby: () => boolean;
  /** The database is away, which may be the beginning of a failover. */
  readonly onAway: () => void;
  /** The database was away, and answered again. */
  readonly onReturn: () => void;
}): Session {
  const { where, clock, database } = options;
  const compileStatement = compileFor(options.schema);
  let isPrepared = options.prepare;

  function compile(
    statement: string,
    values: Values,
  ): { text: string; values: Text[]; name: string | undefined } {
    const { text, names, key } = compileStatement(statement);
    const bound = names.map((name) => {
      const value = values[name];
      if (value === undefined && !(name in values))
        throw new TypeError(`The statement needs a value for :${name}.`);
      return value === undefined || value === null ? null : String(value);
    });
    return { text, values: bound, name: isPrepared ? key : undefined };
  }

  /** Performs it until it is done, told whether it may have been done before; undone for good when it throws. */
  async function attempt(
    perform: (isAgain: boolean) => Promise<Row[]>,
    mayRepeat: boolean,
    waitsOnce = false,
  ): Promise<Row[]> {
    let isAgain = false;
    const deadline = performance.now() + patience;
    let pause = firstPause;
    for (let conflicts = 0; ; ) {
      try {
        const rows = await perform(isAgain);
        if (pause > firstPause) options.onReturn();
        return rows;
      } catch (error) {
        if (isNamedStatementTrouble(error) && ++conflicts <= conflictsBorne) {
          // Others that were under way with a name meet the same, when names are given up already.
          isPrepared = false;
        } else if (isPartitionMissing(error)) {
          await ask(statements.extendHistory, { now: now() });
          if (++conflicts > conflictsBorne) throw translate(error, where);
        } else if (
          isConflict(error) &&
          !(waitsOnce && stateOf(error) === lockTimeout) &&
          ++conflicts <= conflictsBorne
        ) {
          await rest(Math.random() * 5 * conflicts);
        } else if (isReadOnly(error) && options.isStandby()) {
          throw standbyError(error, where);
        } else if (mayRepeat && isConnectionTrouble(error) && performance.now() + pause < deadline) {
          options.onAway();
          isAgain = true;
          await rest(pause * (0.5 + Math.random() / 2));
          pause = Math.min(pause * 2, longestPause);
        } else {
          throw translate(error, where);
        }
      }
    }
  }

  const query = async (statement: string, values: Values): Promise<Row[]> =>
    (await database()).query(compile(statement, values));

  const ask = (statement: string, values: Values = {}, again: Values = values): Promise<Row[]> =>
    attempt((isAgain) => query(statement, isAgain ? again : values), true);

  async function inOneTransaction(statement: string, all: readonly Values[]): Promise<Row[]> {
    const line = await (await database()).line();
    const rows: Row[] = [];
    try {
      await line.query(compile("begin", {}));
      for (const values of all) rows.push(...(await line.query(compile(statement, values))));
      await line.query(compile("commit", {}));
    } catch (error) {
      // Thrown away with whatever transaction is open on it.
      line.release(true);
      throw error;
    }
    line.release();
    return rows;
  }

  const now = (): Text => (clock === systemClock ? null : String(clock.now()));

  return {
    where,
    clock,
    time: () => Math.floor(clock.now() + options.ahead()),
    now,
    database,
    compile,
    ask,
    askForAll: (statement, values, again) =>
      attempt((isAgain) => inOneTransaction(statement, isAgain ? again : values), true),
    askPatiently: (statement, values, again) =>
      attempt(
        (isAgain) => {
          const all = isAgain ? again : values;
          const [only, ...others] = all;
          return only === undefined || others.length > 0
            ? inOneTransaction(statement, all)
            : query(statement, only);
        },
        true,
        true,
      ),
    askOnce: (statement, values = {}) => attempt(() => query(statement, values), false),
  };
}

export function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Lists in slices, so that one transaction does not hold its locks for long. */
export function* slices<T>(values: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < values.length; start += size) yield values.slice(start, start + size);
}
