// The one writer: everything that changes the database in this process goes through here, many changes a commit.
//
// A durable commit costs a sync of the disk, whatever is in it. So the verbs hand over operations, and all that were
// handed over by the end of a turn of the event loop run inside one BEGIN IMMEDIATE … COMMIT: inserts, claims,
// settlements and notes share the sync, and each caller hears of its own only after the commit. When one of them
// fails the group is rolled back and each runs alone, so that only the guilty one is refused; operations are therefore
// pure functions of the database, and what they tell the listeners is collected and dropped with the transaction.
//
// A group stops taking more after some fifteen milliseconds, so that the process gets its turn. While somebody else
// has the lock the operations gather and wait, and the process goes on.

import { Findings } from "../findings.js";
import { patiently } from "./connection.js";
import type { Connection, Sql } from "./driver.js";
import { isBusy, StoreClosedError, translate } from "./errors.js";

/** What a writing verb works with: the database inside of the transaction, and what to tell the listeners. */
export interface Transaction {
  readonly sql: Sql;
  readonly found: Findings;
}

export type Operation<T> = (transaction: Transaction) => T;

interface Pending {
  run(transaction: Transaction): void;
  resolve(): void;
  reject(error: unknown): void;
}

/** How long one group may keep the process, in milliseconds. */
const longestGroup = 15;

export class Writer {
  readonly #connection: Connection;
  readonly #file: string;
  readonly #onCommit: (found: Findings) => void;
  #waiting: Pending[] = [];
  #isBusy = false;
  #isClosed = false;
  #whenIdle: (() => void)[] = [];

  constructor(connection: Connection, file: string, onCommit: (found: Findings) => void) {
    this.#connection = connection;
    this.#file = file;
    this.#onCommit = onCommit;
  }

  /** Runs the operation in the next commit; resolves after it. */
  submit<T>(operation: Operation<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#isClosed) {
        reject(closedError(this.#file));
        return;
      }
      let result: T;
      this.#waiting.push({
        run: (transaction) => {
          result = operation(transaction);
        },
        resolve: () => resolve(result),
        reject,
      });
      if (!this.#isBusy) this.#schedule();
    });
  }

  /** Refuses what comes from now on; resolves when everything before it is done. */
  close(): Promise<void> {
    this.#isClosed = true;
    if (!this.#isBusy) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    this.#isBusy = true;
    setImmediate(() => void this.#writeNext());
  }

  async #writeNext(): Promise<void> {
    try {
      if (!this.#tryGroup()) await patiently(this.#file, () => this.#beginGroup());
    } catch (error) {
      // Nothing was begun: nobody can write now, so everybody who waits hears it.
      const all = this.#waiting;
      this.#waiting = [];
      for (const pending of all) pending.reject(translate(error, this.#file));
    }
    if (this.#waiting.length > 0) this.#schedule();
    else this.#rest();
  }

  /** The usual case, without a promise in between; false when somebody else has the lock. */
  #tryGroup(): boolean {
    try {
      this.#beginGroup();
      return true;
    } catch (error) {
      if (isBusy(error)) return false;
      throw error;
    }
  }

  /** Throws only when the transaction cannot begin. */
  #beginGroup(): void {
    this.#begin();
    this.#writeGroup();
  }

  /**
   * As text, not as a prepared statement: one that found the lock taken is left unfinished by libsql, and until it is run
   * again nothing that this connection reads is ever let go of, so that it goes on seeing what was there then.
   */
  #begin(): void {
    this.#connection.exec("begin immediate");
  }

  #writeGroup(): void {
    const group: Pending[] = [];
    const found = new Findings();
    const transaction: Transaction = { sql: this.#connection, found };
    const deadline = performance.now() + longestGroup;
    const waiting = this.#waiting;
    try {
      for (const pending of waiting) {
        group.push(pending);
        pending.run(transaction);
        if (performance.now() > deadline) break;
      }
      this.#connection.run("commit");
    } catch (error) {
      this.#rollback();
      this.#waiting = waiting.slice(group.length);
      this.#writeEachAlone(group, error);
      return;
    }
    this.#waiting = group.length === waiting.length ? [] : waiting.slice(group.length);
    this.#onCommit(found);
    for (const pending of group) pending.resolve();
  }

  #writeEachAlone(group: readonly Pending[], error: unknown): void {
    if (group.length === 1) {
      group[0]?.reject(translate(error, this.#file));
      return;
    }
    for (const pending of group) {
      const found = new Findings();
      try {
        this.#begin();
        pending.run({ sql: this.#connection, found });
        this.#connection.run("commit");
      } catch (reason) {
        this.#rollback();
        if (isBusy(reason)) this.#waiting.push(pending);
        else pending.reject(translate(reason, this.#file));
        continue;
      }
      this.#onCommit(found);
      pending.resolve();
    }
  }

  /** After some errors SQLite has rolled back by itself, and says so when asked again. */
  #rollback(): void {
    try {
      this.#connection.run("rollback");
    } catch {
      return;
    }
  }

  #rest(): void {
    this.#isBusy = false;
    const released = this.#whenIdle;
    this.#whenIdle = [];
    for (const release of released) release();
  }
}

export function closedError(file: string): StoreClosedError {
  return new StoreClosedError(`The store ${file} was closed. Open another one, or close it later.`);
}
