// What every verb is given: a way to read, a way to write, and the clock.
//
// Verbs are functions over a session, one file for each kind of them; none knows how the file was opened, who else
// writes in the same commit, or who hears of it.
import type { Clock } from "../../kernel/index.js";
import type { Sql } from "./driver.js";
import type { Operation } from "./writer.js";

export interface Session {
  readonly clock: Clock;
  /** Runs the operation in the next commit; resolves after it. */
  write<T>(operation: Operation<T>): Promise<T>;
  /** Reads what is committed. */
  read<T>(query: (sql: Sql) => T): Promise<T>;
}

/** A list as a parameter: statements read it with json_each. */
export function listing(values: readonly (string | number)[]): string {
  return JSON.stringify(values);
}

/** Lists in slices, so that one operation does not keep the process for long. */
export function* slices<T>(values: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < values.length; start += size) yield values.slice(start, start + size);
}
