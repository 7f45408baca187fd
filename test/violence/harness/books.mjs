// The application's side of the database: a store of the product, an adapter, and two tables of the application's own.
//
// `booked` holds the effects of handlers, `ordered` what was written beside an enqueue, in one transaction with it. If
// either disagrees with the runs, a promise was broken. Workers and enqueuers open the same books.
//
// Before this file comes an address. After it come the jobs and the enqueuers.
import { setTimeout as wait } from "node:timers/promises";
import { monotonic } from "./ledger.mjs";

/** @typedef {import("../../../src/store/contract.js").Store} Store */

/**
 * @typedef {object} Books
 * @property {Store} store
 * @property {any} adapter
 * @property {(tx: any, run: string, what: string, token: number) => unknown} book writes an effect; answers its name
 * @property {(tx: any, run: string) => unknown} order
 * @property {(work: (tx: any) => unknown, commits: boolean) => Promise<void>} transact in a transaction of our own
 * @property {() => Promise<void>} close
 */

export const tables = [
  "create table if not exists booked (run text not null, what text not null, token bigint not null, at double precision not null)",
  "create table if not exists ordered (run text not null)",
];

/** On purpose: so that a transaction is rolled back by an error, as applications do it. */
class GivenUp extends Error {}

/**
 * @param {string} address
 * @param {{ connections?: number }} [options]
 * @returns {Promise<Books>}
 */
export function bookIn(address, { connections = 8 } = {}) {
  return address.startsWith("sqlite:") ? inSqlite(address.slice(7)) : inPostgres(address, connections);
}

/** A handle is one connection, so its transactions end within a turn of the event loop. @param {string} file */
async function inSqlite(file) {
  const [{ default: Database }, adapters, stores] = await Promise.all([
    import("libsql"),
    import("duckdive/with/sqlite"),
    import("duckdive/sqlite"),
  ]);
  const handle = new Database(file, { timeout: 5_000 });
  handle.exec("pragma journal_mode = wal");
  return {
    store: /** @type {any} */ (stores.sqlite({ file, like: handle, onError() {} })),
    adapter: adapters.sqlite(handle),
    /** @param {any} tx @param {string} run @param {string} what @param {number} token */
    book(tx, run, what, token) {
      tx.prepare("insert into booked (run, what, token, at) values (?, ?, ?, ?)").run(
        run,
        what,
        token,
        monotonic(),
      );
      return what;
    },
    /** @param {any} tx @param {string} run */
    order: (tx, run) => void tx.prepare("insert into ordered (run) values (?)").run(run),
    /** @param {(tx: any) => unknown} work @param {boolean} commits */
    async transact(work, commits) {
      handle.exec("begin immediate");
      try {
        work(handle);
        handle.exec(commits ? "commit" : "rollback");
      } catch (error) {
        if (handle.inTransaction) handle.exec("rollback");
        throw error;
      }
    },
    close: async () => void handle.close(),
  };
}

/** @param {string} address @param {number} connections */
async function inPostgres(address, connections) {
  const [{ default: driver }, adapters, stores] = await Promise.all([
    import("pg"),
    import("duckdive/with/pg"),
    import("duckdive/postgres"),
  ]);
  const pool = new driver.Pool({ connectionString: address, max: connections });
  pool.on("error", () => {});
  const adapter = adapters.pg(pool);
  return {
    store: /** @type {any} */ (stores.postgres({ database: address, onError() {} })),
    adapter,
    /** @param {any} tx @param {string} run @param {string} what @param {number} token */
    async book(tx, run, what, token) {
      await wait(Math.random() * 3);
      const values = [run, what, token, monotonic()];
      await tx.query("insert into booked (run, what, token, at) values ($1, $2, $3, $4)", values);
      await wait(Math.random() * 3);
      return what;
    },
    /** @param {any} tx @param {string} run */
    order: (tx, run) => tx.query("insert into ordered (run) values ($1)", [run]),
    /** @param {(tx: any) => unknown} work @param {boolean} commits */
    async transact(work, commits) {
      await adapter
        .transaction?.(async (tx) => {
          await work(tx);
          // Others commit meanwhile, and what is written here becomes visible long after it got its place.
          await wait(Math.random() ** 3 * 400);
          if (!commits) throw new GivenUp("rolled back on purpose");
        })
        .catch((/** @type {unknown} */ error) => {
          if (!(error instanceof GivenUp)) throw error;
        });
    },
    close: () => pool.end(),
  };
}
