// A Redis of a test's own: in a temporary folder, on a free port of the loopback interface, started as a process whose pid is
// known. It is part of no npm package: where the machine has none, the tests say that they are skipped.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { folderOf, someUser } from "../postgres/folder.js";
import { freePort } from "../postgres/server.js";
import { startWatchdog } from "../postgres/watchdog.js";

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** A client, closed with the server. */
  client(): Redis;
  /** Starts it again, with what it had on disk: every write. */
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Stops it and removes its folder. */
  end(): Promise<void>;
}

export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

export async function startRedis(): Promise<RedisServer> {
  const user = someUser();
  const folder = folderOf(user, "redis");
  const watchdog = startWatchdog(folder);
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const clients = new Set<Redis>();
  let server: ChildProcess | undefined;

  function client(): Redis {
    const made = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    made.on("error", () => {});
    clients.add(made);
    return made;
  }

  async function start(): Promise<void> {
    const log = openSync(join(folder, "log"), "a");
    const given = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder];
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    server = spawn("redis-server", [...given, ...durable], {
      ...user,
      cwd: folder,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    server.unref();
    watchdog.watch(server.pid === undefined ? [] : [server.pid]);
    const probe = new Redis(url, { retryStrategy: (times) => (times > 300 ? null : 20) });
    probe.on("error", () => {});
    try {
      // It waits until the server has loaded what it had.
      await probe.ping();
    } catch (cause) {
      throw new Error(`Redis did not start. Its log:\n${readFileSync(join(folder, "log"), "utf8")}`, {
        cause,
      });
    } finally {
      probe.disconnect();
    }
  }

  async function kill(): Promise<void> {
    const killed = server;
    server = undefined;
    if (killed?.pid === undefined || killed.exitCode !== null || killed.signalCode !== null) return;
    const gone = once(killed, "exit");
    killed.ref();
    killed.kill("SIGKILL");
    await gone;
    watchdog.watch([]);
  }

  await start();
  return {
    port,
    url,
    client,
    start,
    kill,
    async end() {
      for (const one of clients) one.disconnect();
      await kill();
      await watchdog.end();
    },
  };
}
