// Where the runs are: a SQLite file or a private PostgreSQL, on a small disk where that can be had.
//
// PostgreSQL is reached through a proxy that can be cut and silenced; the harness itself goes past it. Node 20 does not
// read TypeScript, so jiti loads the servers that the tests of the PostgreSQL store use.
import { join } from "node:path";
import { createJiti } from "jiti";
import { tables } from "./books.mjs";

/**
 * @typedef {object} Place
 * @property {string} address for workers and enqueuers
 * @property {string} direct for the harness
 * @property {import("../../postgres/server.js").Server} [server]
 * @property {import("../../postgres/proxy.js").Proxy} [proxy]
 * @property {(text: string) => Promise<Record<string, any>[]>} query a statement of our own
 * @property {() => Promise<{ rule: string, what: string }[]>} brokenRules of the tables of the store
 * @property {() => Promise<void>} end
 */

/** Between two checkpoints, so that the log fits the small disk. */
const settings = { max_wal_size: "96MB", min_wal_size: "32MB", shared_buffers: "32MB" };

/**
 * @param {"sqlite" | "postgres"} store
 * @param {string} folder
 * @returns {Promise<Place>}
 */
export async function openPlace(store, folder) {
  const place = store === "sqlite" ? await sqlitePlace(folder) : await postgresPlace(folder);
  for (const table of tables) await place.query(table);
  return place;
}

/** @param {string} folder @returns {Promise<Place>} */
async function sqlitePlace(folder) {
  const { default: Database } = await import("libsql");
  const file = join(folder, "jobs.db");
  const address = `sqlite:${file}`;
  return {
    address,
    direct: address,
    async query(text) {
      const handle = new Database(file, { timeout: 10_000 });
      try {
        const statement = handle.prepare(text);
        if (statement.reader) return /** @type {any} */ (statement.all());
        statement.run();
        return [];
      } finally {
        handle.close();
      }
    },
    brokenRules: async () => {
      const handle = new Database(file, { readonly: true });
      try {
        const rows = /** @type {any[]} */ (handle.prepare("pragma integrity_check").all());
        return rows.flatMap(({ integrity_check: what }) =>
          what === "ok" ? [] : [{ rule: "the file is damaged", what }],
        );
      } finally {
        handle.close();
      }
    },
    async end() {},
  };
}

/** @param {string} folder @returns {Promise<Place>} */
async function postgresPlace(folder) {
  const jiti = createJiti(import.meta.url);
  /** @type {typeof import("../../postgres/server.js")} */
  const { startServer } = await jiti.import("../../postgres/server.ts");
  /** @type {typeof import("../../postgres/proxy.js")} */
  const { startProxy } = await jiti.import("../../postgres/proxy.ts");
  /** @type {typeof import("../../postgres/ask.js")} */
  const { ask } = await jiti.import("../../postgres/ask.ts");
  /** @type {typeof import("../../postgres/invariants.js")} */
  const { brokenRules } = await jiti.import("../../postgres/invariants.ts");
  const server = await within(folder, () => startServer({ settings }));
  await ask(server.url(), "create role app login");
  await ask(server.url(), "create database app owner app");
  const own = new URL(server.url("app"));
  own.username = "app";
  const direct = own.href;
  const proxy = await startProxy(server.port);
  return {
    address: proxy.through(direct),
    direct,
    server,
    proxy,
    query: (text) => ask(direct, text),
    brokenRules: async () => [...(await brokenRules(server.url("app")))],
    async end() {
      await proxy.stop();
      await server.end();
    },
  };
}

/** Temporary folders are made in this one meanwhile. @template T @param {string} folder @param {() => Promise<T>} make */
async function within(folder, make) {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = folder;
  try {
    return await make();
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  }
}
