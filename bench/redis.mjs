// The Redis that is measured: one of the benchmark's own, started for the first workload that asks for it and gone with this
// process. It keeps what it is told as its documentation advises where data matter: every write is appended to a file, which is
// synced once a second. So an add that was answered survives a crash of the process, and the last second of them not a power cut.
//
// npm has no Redis: it is the machine's `redis-server`, and who has none does without those peers.
//
// Before this file come the peers that work on it. After it come the parts of the tests' PostgreSQL: folder, port, watchdog.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { createJiti } from "jiti";

const jiti = createJiti(import.meta.url);

/** @typedef {{ pid: number | undefined, port: number, url: string }} Redis */

/** @type {Promise<Redis> | undefined} */
let starting;

/** What to do where there is no Redis. */
export function redisMissing() {
  const { error } = spawnSync("redis-server", ["--version"], { stdio: "ignore" });
  return error === undefined
    ? undefined
    : "there is no redis-server on this machine: apt-get install redis-server, or what your system has instead";
}

export function redis() {
  starting ??= start();
  return starting;
}

/** @returns {Promise<Redis>} */
async function start() {
  /** @type {typeof import("../test/postgres/folder.ts")} */
  const { folderOf, someUser } = await jiti.import("../test/postgres/folder.ts");
  /** @type {typeof import("../test/postgres/watchdog.ts")} */
  const { startWatchdog } = await jiti.import("../test/postgres/watchdog.ts");
  /** @type {typeof import("../test/postgres/server.ts")} */
  const { freePort } = await jiti.import("../test/postgres/server.ts");
  const user = someUser();
  const folder = folderOf(user, "redis");
  const watchdog = startWatchdog(folder);
  const port = await freePort();
  const settings = {
    port,
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    appendonly: "yes",
    appendfsync: "everysec",
  };
  const given = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  const process = spawn("redis-server", given, { ...user, stdio: "ignore" });
  await once(process, "spawn");
  watchdog.watch([process.pid ?? 0]);
  process.unref();
  for (
    let tries = 0;
    !(await commandOf(port, "PING").then(
      () => true,
      () => false,
    ));
    tries += 1
  ) {
    if (tries > 100) throw new Error("redis-server did not start.");
    await wait(50);
  }
  const version = /redis_version:(\S+)/.exec(await commandOf(port, "INFO server"))?.[1];
  console.error(`Redis ${version}, appendonly, appendfsync everysec`);
  return { pid: process.pid, port, url: `redis://127.0.0.1:${port}` };
}

/**
 * Lets a workload use an empty Redis, which is emptied again.
 * @template T
 * @param {(url: string, name: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withRedis(use) {
  const { port, url } = await redis();
  await commandOf(port, "FLUSHALL");
  try {
    return await use(url, "");
  } finally {
    await commandOf(port, "FLUSHALL");
  }
}

/** How many commands it has executed since it was started, those inside of scripts with them. */
export async function commandsDone() {
  const { port } = await redis();
  return Number(/total_commands_processed:(\d+)/.exec(await commandOf(port, "INFO stats"))?.[1]);
}

/**
 * Sends one command and gives the answer as Redis wrote it.
 * @param {number} port
 * @param {string} command
 * @returns {Promise<string>}
 */
async function commandOf(port, command) {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (data) => {
    text += data;
    const length = /^\$(\d+)\r\n/.exec(text);
    const all = length === null ? 1 : length[0].length + Number(length[1]) + 2;
    if (text.length >= all && text.endsWith("\r\n")) socket.end();
  });
  socket.write(`${command}\r\n`);
  await once(socket, "close");
  return text;
}
