// A PostgreSQL server of a test's own: made in a temporary folder, on a free port of the loopback interface, and started
// as a process whose pid is known, so that a test can kill, stop, freeze and restart it while the product is at work.
// It starts in about a second and a half and is gone with the process that started it, whatever ends that process.
//
// `shared.ts` keeps one of these for all tests of a run; `standby.ts` makes a pair of them.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { escapeIdentifier } from "pg";
import { ask } from "./ask.js";
import { type Binaries, prepareBinaries } from "./binaries.js";
import { copyCluster, makeCluster } from "./cluster.js";
import { folderOf, someUser } from "./folder.js";
import { startWatchdog, type Watchdog } from "./watchdog.js";

export type Settings = Readonly<Record<string, string | number | boolean>>;

export interface ServerOptions {
  /** Lines of postgresql.conf, over `modest`. */
  readonly settings?: Settings;
  /** The folder of another PostgreSQL's programs. By default DUCKDIVE_POSTGRES_BINARIES, or the embedded one. */
  readonly binaries?: string;
  /** Data copied from a server that is stopped, instead of an empty cluster. */
  readonly copyOf?: Server;
}

/** How a server is stopped: waiting for clients, sending them away, or leaving everything as in a crash. */
export type Manner = "smart" | "fast" | "immediate";

export interface Server {
  /** Everything the server has, removed at its end. */
  readonly folder: string;
  /** Its data directory. */
  readonly data: string;
  readonly port: number;
  readonly settings: Settings;
  /** The major version. */
  readonly version: number;
  /** The postmaster, while it lives. */
  readonly pid: number | undefined;
  /** As superuser `postgres`, in its database `postgres` if none is named. */
  url(database?: string): string;
  /** Creates a database and gives its address. */
  createDatabase(name?: string, options?: { readonly template?: string }): Promise<string>;
  /** Starts it again, on the same folder and port. Resolves when it takes connections. */
  start(): Promise<void>;
  /** Resolves when all of it has ended. Legal when it has ended already. */
  stop(manner?: Manner): Promise<void>;
  restart(manner?: Manner): Promise<void>;
  /** Sends a signal to the postmaster, and waits for its end if the signal ends it. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** What it has written to its log. */
  log(): string;
  /** Stops it and removes its folder. */
  end(): Promise<void>;
}

/** For a machine that is shared with everything else a test run does. */
const modest: Settings = {
  listen_addresses: "127.0.0.1",
  shared_buffers: "32MB",
  max_connections: 200,
  max_prepared_transactions: 50,
  huge_pages: "off",
  log_line_prefix: "%m [%p] ",
};

/** For data that nobody will miss: nothing waits for the disk, and no checkpoint comes in between. */
export const careless: Settings = {
  fsync: "off",
  full_page_writes: "off",
  checkpoint_timeout: "1h",
  max_wal_size: "8GB",
};

const signals = { smart: "SIGTERM", fast: "SIGINT", immediate: "SIGQUIT" } as const;
const endings = new Set<NodeJS.Signals>(["SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT"]);
const startTimeout = 30_000;
const portsTried = 5;

/** Makes a server and starts it. */
export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const server = await createStoppedServer(options);
  try {
    await server.start();
  } catch (error) {
    await server.end();
    throw error;
  }
  return server;
}

/** Makes a server that was never started. */
export async function createStoppedServer(options: ServerOptions): Promise<Server> {
  const user = someUser();
  const folder = folderOf(user, "postgres");
  const watchdog = startWatchdog(folder);
  try {
    const binaries = prepareBinaries(folder, user, options.binaries);
    const settings = { ...modest, unix_socket_directories: folder, ...options.settings };
    const data = join(folder, "data");
    if (options.copyOf) await copyCluster(options.copyOf.data, data, binaries);
    else await makeCluster(data, binaries);
    appendFileSync(join(data, "postgresql.conf"), linesOf(settings));
    return new Postmaster({ folder, data, binaries, settings, watchdog, port: await freePort() });
  } catch (error) {
    await watchdog.end();
    throw error;
  }
}

function linesOf(settings: Settings): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'`,
  );
  return `\n${lines.join("\n")}\n`;
}

/** Below the range that outgoing connections use, so that it is still free when the server is started again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(15_000, 32_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

interface Parts {
  readonly folder: string;
  readonly data: string;
  readonly settings: Settings;
  readonly binaries: Binaries;
  readonly watchdog: Watchdog;
  readonly port: number;
}

class Postmaster implements Server {
  readonly folder: string;
  readonly data: string;
  readonly settings: Settings;
  readonly version: number;
  port: number;
  readonly #parts: Parts;
  #process: ChildProcess | undefined;
  #hasStarted = false;

  constructor(parts: Parts) {
    this.folder = parts.folder;
    this.data = parts.data;
    this.settings = parts.settings;
    this.version = parts.binaries.version;
    this.port = parts.port;
    this.#parts = parts;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  url(database = "postgres"): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${encodeURIComponent(database)}`;
  }

  async createDatabase(
    name = `test_${randomBytes(6).toString("hex")}`,
    { template = "template1" }: { readonly template?: string } = {},
  ): Promise<string> {
    const [database, source] = [escapeIdentifier(name), escapeIdentifier(template)];
    await ask(this.url(), `create database ${database} template ${source}`);
    return this.url(name);
  }

  async start(): Promise<void> {
    if (this.#process) return;
    const end = performance.now() + startTimeout;
    for (let tried = 1; ; tried++) {
      const complaint = await this.#attempt(end);
      if (complaint === undefined) break;
      // Processes of a killed postmaster end when they notice, and hold the shared memory until then.
      const isLeaving = /shared memory block .* is still in use|lock file .* already exists/.test(complaint);
      const isTaken = !this.#hasStarted && /could not bind/.test(complaint) && tried < portsTried;
      if (isTaken) this.port = await freePort();
      else if (!isLeaving || performance.now() > end) {
        throw new Error(`PostgreSQL did not start. Its log:\n${complaint}`);
      } else await pause(50);
    }
    this.#hasStarted = true;
  }

  /** Resolves with nothing when the server takes connections, or with its log when it ended instead. */
  async #attempt(end: number): Promise<string | undefined> {
    const before = this.log().length;
    const postmaster = this.#spawn();
    for (let wait = 5; this.#process === postmaster; wait = Math.min(wait * 1.5, 50)) {
      if (await answers(this.url())) return undefined;
      if (performance.now() > end) {
        await this.kill("SIGKILL");
        break;
      }
      await pause(wait);
    }
    return this.log().slice(before);
  }

  #spawn(): ChildProcess {
    const { folder, options } = this.#parts.binaries;
    const log = openSync(join(this.folder, "log"), "a");
    const given = ["-D", this.data, "-p", String(this.port)];
    const postmaster = spawn(join(folder, "postgres"), given, { ...options, stdio: ["ignore", log, log] });
    closeSync(log);
    const left = (): void => {
      this.#process = undefined;
      this.#parts.watchdog.watch([]);
    };
    postmaster.once("error", left);
    postmaster.once("exit", left);
    this.#process = postmaster;
    this.#parts.watchdog.watch(postmaster.pid === undefined ? [] : [postmaster.pid]);
    postmaster.unref();
    return postmaster;
  }

  async stop(manner: Manner = "fast"): Promise<void> {
    await this.kill(signals[manner]);
  }

  async restart(manner: Manner = "fast"): Promise<void> {
    await this.stop(manner);
    await this.start();
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const postmaster = this.#process;
    if (!postmaster) return;
    const gone = once(postmaster, "exit");
    postmaster.kill(signal);
    if (!endings.has(signal)) return;
    postmaster.ref();
    await gone;
  }

  log(): string {
    try {
      return readFileSync(join(this.folder, "log"), "utf8");
    } catch {
      return "";
    }
  }

  async end(): Promise<void> {
    await this.kill("SIGCONT");
    await this.stop("immediate");
    await this.#parts.watchdog.end();
  }
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Whether a client can connect. */
function answers(url: string): Promise<boolean> {
  return ask(url, "select 1").then(
    () => true,
    () => false,
  );
}
