// A RabbitMQ of a test's own: a node in a temporary folder, with its own name, ports, cookie and name service, started as a
// process whose pid is known, so that a test can stop, kill and restart it. It is part of no npm package: where the machine has
// none there is nothing to start, and the tests say that they are skipped. It takes some ten seconds to start.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { folderOf, someUser } from "../postgres/folder.js";
import { freePort } from "../postgres/server.js";
import { startWatchdog, type Watchdog } from "../postgres/watchdog.js";

export interface Broker {
  readonly port: number;
  readonly url: string;
  /** Starts it again, on the same folder and ports. Resolves when it takes connections. */
  start(): Promise<void>;
  /** Ends it without a word, as a crash would. */
  kill(): Promise<void>;
  /** What it has written. */
  log(): string;
  /** Stops it and removes its folder. */
  end(): Promise<void>;
}

/** The program itself. The one on the PATH of Debian is a script around it, for the machine's own node. */
const programs = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server"];
const program = programs.find((path) => existsSync(path));
export const hasRabbit = program !== undefined;

const startTimeout = 90_000;

export async function startBroker(): Promise<Broker> {
  if (program === undefined) throw new Error("There is no RabbitMQ on this machine.");
  const user = someUser();
  const folder = folderOf(user, "rabbitmq");
  const watchdog = startWatchdog(folder);
  const node = await newNode(folder, program, user);
  const broker = new Node(node, watchdog);
  try {
    await broker.start();
  } catch (error) {
    await broker.end();
    throw error;
  }
  return broker;
}

interface Place {
  readonly folder: string;
  readonly program: string;
  readonly port: number;
  readonly names: number;
  readonly options: { uid?: number; gid?: number; cwd: string; env: NodeJS.ProcessEnv };
}

async function newNode(folder: string, path: string, user: { uid?: number; gid?: number }): Promise<Place> {
  const [port, names, distribution] = [await freePort(), await freePort(), await freePort()];
  const files = { HOME: folder, conf: join(folder, "rabbitmq.conf"), plugins: join(folder, "plugins") };
  writeFileSync(files.conf, "vm_memory_high_watermark.relative = 0.6\ndisk_free_limit.absolute = 1MB\n");
  writeFileSync(files.plugins, "[].");
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    LC_ALL: "C.UTF-8",
    ERL_EPMD_PORT: String(names),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `test-${randomBytes(4).toString("hex")}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "logs"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_CONFIG_FILE: files.conf,
    RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
    RABBITMQ_ENABLED_PLUGINS_FILE: files.plugins,
    // In the foreground without a shell of its own in between: the pid is the broker's.
    RUNNING_UNDER_SYSTEMD: "true",
  };
  return { folder, program: path, port, names, options: { ...user, cwd: folder, env } };
}

class Node implements Broker {
  readonly port: number;
  readonly url: string;
  readonly #place: Place;
  readonly #watchdog: Watchdog;
  #names: ChildProcess | undefined;
  #process: ChildProcess | undefined;

  constructor(place: Place, watchdog: Watchdog) {
    this.#place = place;
    this.#watchdog = watchdog;
    this.port = place.port;
    this.url = `amqp://guest:guest@127.0.0.1:${place.port}?heartbeat=5`;
  }

  async start(): Promise<void> {
    const { names, program, port } = this.#place;
    this.#names ??= this.#spawn("epmd", ["-port", String(names), "-address", "127.0.0.1"]);
    await answering(names, this.#names, "", startTimeout);
    this.#process = this.#spawn(program, []);
    this.#watch();
    await answering(port, this.#process, "AMQP\0\0\x09\x01", startTimeout).catch((cause: unknown) => {
      throw new Error(`RabbitMQ did not start. It wrote:\n${this.log()}`, { cause });
    });
  }

  #spawn(command: string, given: string[]): ChildProcess {
    const log = openSync(join(this.#place.folder, "log"), "a");
    const child = spawn(command, given, { ...this.#place.options, stdio: ["ignore", log, log] });
    closeSync(log);
    child.on("error", () => {});
    child.unref();
    return child;
  }

  #watch(): void {
    const pids = [this.#names, this.#process].flatMap((child) =>
      child?.pid === undefined || child.exitCode !== null || child.signalCode !== null ? [] : [child.pid],
    );
    this.#watchdog.watch(pids);
  }

  async kill(): Promise<void> {
    const broker = this.#process;
    this.#process = undefined;
    if (broker?.pid === undefined || broker.exitCode !== null || broker.signalCode !== null) return;
    const gone = once(broker, "exit");
    broker.ref();
    broker.kill("SIGKILL");
    await gone;
    this.#watch();
  }

  log(): string {
    return readFileSync(join(this.#place.folder, "log"), "utf8");
  }

  async end(): Promise<void> {
    await this.kill();
    if (this.#names?.exitCode === null) {
      const gone = once(this.#names, "exit");
      this.#names.ref();
      this.#names.kill("SIGKILL");
      await gone;
    }
    this.#watchdog.watch([]);
    await this.#watchdog.end();
  }
}

/** Resolves when a port takes connections, and answers these bytes, if there are any. */
async function answering(port: number, child: ChildProcess, hello: string, most: number): Promise<void> {
  const end = performance.now() + most;
  while (!(await answers(port, hello))) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > end)
      throw new Error(`Nothing answers on port ${port}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function answers(port: number, hello: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(2_000, () => end(false));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
    socket.once("connect", () => (hello === "" ? end(true) : socket.write(Buffer.from(hello, "latin1"))));
    socket.once("data", () => end(true));
  });
}
