// A PgBouncer of a test's own, in front of one database: transaction mode by default, where two statements of one client
// may meet two servers, so that nothing a session keeps may be relied on. It is not part of any npm package: where the
// machine has none, or one too old for what a test is about, there is nothing to start and the test says that it is skipped.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "./ask.js";
import { folderOf, someUser, type User } from "./folder.js";
import { freePort, type Settings } from "./server.js";
import { startWatchdog } from "./watchdog.js";

export interface Bouncer {
  /** The database, by way of PgBouncer. */
  readonly url: string;
  /** As it is told by itself, such as 1.18. */
  readonly version: string;
  /** What it has written to its log. */
  log(): string;
  /** Stops it and removes its folder. */
  end(): Promise<void>;
}

export interface BouncerOptions {
  /**
   * How many prepared statements of the protocol it follows from server to server, which it can since 1.21. By default
   * none: a client that prepares statements meets servers that do not know them.
   */
  readonly preparedStatements?: number;
  /** Lines of pgbouncer.ini, over these. */
  readonly settings?: Settings;
}

/** The version of the PgBouncer on this machine, if there is one. */
export const bouncerVersion: string | undefined = findVersion();

/** Whether the PgBouncer on this machine follows prepared statements of the protocol. */
export const bouncerKnowsPreparedStatements = bouncerVersion !== undefined && isSince121(bouncerVersion);

/** Starts one in front of a database; resolves with nothing where there is none that can do what is asked. */
export async function startBouncer(
  database: string,
  options: BouncerOptions = {},
): Promise<Bouncer | undefined> {
  const { preparedStatements = 0, settings = {} } = options;
  if (bouncerVersion === undefined || (preparedStatements > 0 && !bouncerKnowsPreparedStatements))
    return undefined;
  const user = someUser();
  const folder = folderOf(user, "pgbouncer");
  const watchdog = startWatchdog(folder);
  const url = new URL(database);
  const target = new URL(database);
  url.port = String(await freePort());
  const prepared: Settings = bouncerKnowsPreparedStatements
    ? { max_prepared_statements: preparedStatements }
    : {};
  writeFileSync(
    join(folder, "pgbouncer.ini"),
    configuration(folder, url, target, { ...prepared, ...settings }),
  );
  const bouncer = run(folder, user);
  if (bouncer.pid !== undefined) watchdog.watch([bouncer.pid]);
  const log = (): string => readFileSync(join(folder, "log"), "utf8");
  const end = async (): Promise<void> => {
    await kill(bouncer);
    watchdog.watch([]);
    await watchdog.end();
  };
  try {
    await isReady(url.href, bouncer, log);
  } catch (error) {
    await end();
    throw error;
  }
  return { url: url.href, version: bouncerVersion, log, end };
}

function run(folder: string, user: User): ChildProcess {
  const log = openSync(join(folder, "log"), "a");
  const given = [join(folder, "pgbouncer.ini")];
  const bouncer = spawn("pgbouncer", given, {
    cwd: folder,
    env: environment(),
    stdio: ["ignore", log, log],
    ...user,
  });
  closeSync(log);
  bouncer.unref();
  return bouncer;
}

async function kill(bouncer: ChildProcess): Promise<void> {
  if (bouncer.pid === undefined || bouncer.exitCode !== null || bouncer.signalCode !== null) return;
  const gone = once(bouncer, "exit");
  bouncer.ref();
  bouncer.kill("SIGKILL");
  await gone;
}

/** Whoever comes is the owner of the database: names and passwords are not what is tested. */
function configuration(folder: string, url: URL, target: URL, settings: Settings): string {
  const { hostname, port, username, pathname } = target;
  const name = pathname.slice(1);
  const all: Settings = {
    listen_addr: "127.0.0.1",
    listen_port: url.port,
    unix_socket_dir: folder,
    auth_type: "any",
    pool_mode: "transaction",
    max_client_conn: 500,
    default_pool_size: 20,
    ...settings,
  };
  const lines = Object.entries(all).map(([key, value]) => `${key} = ${value}`);
  const route = `${name} = host=${hostname} port=${port} dbname=${name} user=${username}`;
  return `[databases]\n${route}\n[pgbouncer]\n${lines.join("\n")}\n`;
}

async function isReady(url: string, bouncer: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await ask(url, "select 1");
      return;
    } catch (cause) {
      const isGone = bouncer.exitCode !== null || bouncer.signalCode !== null;
      if (isGone || tries > 200) throw new Error(`PgBouncer did not start. Its log:\n${log()}`, { cause });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Debian puts it where only administrators look. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
}

function findVersion(): string | undefined {
  const { stdout } = spawnSync("pgbouncer", ["--version"], { encoding: "utf8", env: environment() });
  return /PgBouncer (\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

function isSince121(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 1 || minor >= 21;
}
