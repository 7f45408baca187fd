// Which database it is: behind what the application holds open, or at an address, for which `pg` is loaded.
//
// Before this file come the driver, and the hosts of an address. After it come the session, which knows what to do when a
// connection breaks, and the lookout, which holds one connection of its own.
import { Socket } from "node:net";
import { InvalidOptionError } from "../../kernel/index.js";
import { type Database, isPgPool, isPostgresClient, overPg, overPostgresJs, type PgPool } from "./driver.js";
import { PostgresDriverMissingError } from "./errors.js";
import { hostsIn, overHosts, type Server } from "./hosts.js";

/** How long a connection may take to be made, in milliseconds. */
const connectPatience = 10_000;
/** A connection on which nothing has come for so long is tried by the system, in milliseconds. */
const keepAliveAfter = 10_000;

/** The database at an address, or behind what the application holds. Connects to nothing yet. */
export async function databaseOf(
  given: string | object,
  onError: (error: unknown) => void,
): Promise<Database> {
  if (isPostgresClient(given)) return overPostgresJs(given);
  if (isPgPool(given)) return overPg(given, false, onError);
  if (typeof given !== "string") {
    throw new InvalidOptionError(
      "The postgres store was given what is neither an address, a pg.Pool nor a postgres.js client.",
    );
  }
  const { Pool } = await loadPg();
  const hosts = hostsIn(given);
  if (hosts !== undefined) return overHosts(hosts, (address) => oneOfMany(Pool, address, onError));
  return overPg(new Pool(settingsOf(given)), true, onError);
}

type PoolClass = new (options: object) => PgPool;

function settingsOf(address: string): object {
  return {
    connectionString: address,
    application_name: "duckdive",
    max: 10,
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfter,
    connectionTimeoutMillis: connectPatience,
  };
}

/** One of several servers: its sockets are known, because those of a server that is gone are never closed by it. */
function oneOfMany(Pool: PoolClass, address: string, onError: (error: unknown) => void): Server {
  const sockets = new Set<Socket>();
  let isCut = false;
  function open(): Socket {
    const socket = new Socket();
    sockets.add(socket);
    // Whoever waited for a free connection is told at once that none comes.
    if (isCut) process.nextTick(() => socket.destroy());
    return socket.once("close", () => sockets.delete(socket));
  }
  const settings = { ...settingsOf(address), stream: open };
  const report = (error: unknown): void => {
    if (!isCut) onError(error);
  };
  const pool = overPg(new Pool(settings), true, report);
  const lasting = overPg(new Pool({ ...settings, max: 1 }), true, report);
  return {
    ...pool,
    lastingLine: () => lasting.lastingLine(),
    async close() {
      await Promise.all([pool.close(), lasting.close()]);
    },
    // The pools are left as they are: one that is ended lets those wait who wait for a connection.
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function loadPg(): Promise<{ Pool: PoolClass }> {
  try {
    const loaded: { default?: { Pool: PoolClass } } = await import("pg");
    if (loaded.default?.Pool !== undefined) return loaded.default;
  } catch (cause) {
    throw new PostgresDriverMissingError(
      "A PostgreSQL address needs the package `pg`, and it cannot be loaded. Install it (npm install pg), or pass a " +
        "postgres.js client instead of the address.",
      { cause },
    );
  }
  throw new PostgresDriverMissingError(
    "The package `pg` was loaded, and has no Pool. Install version 8 of it.",
  );
}
