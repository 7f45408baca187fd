// PostgreSQL as the field runs it: three machines, each with an etcd, a Patroni and a PostgreSQL, on a network of their own.
// A commit is answered when a second machine has it. Patroni keeps one of them the leader, by a lease in etcd that
// the leader has to renew: whoever loses it steps down, and another one is chosen.
//
// All of it is Debian's: Patroni needs pg_rewind and pg_basebackup, which the PostgreSQL that the tests bring along has not.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "../postgres/ask.js";
import { folderOf, someUser } from "../postgres/folder.js";
import { startWatchdog } from "../postgres/watchdog.js";
import { hasNetworks, type Machine, makeNetwork, type Network } from "./network.js";

export interface Node extends Machine {
  /** As superuser, on this node alone. */
  url(database?: string): string;
  /** Kills its PostgreSQL and its Patroni; etcd stays, as on a machine of its own. */
  kill(): Promise<void>;
  /** Starts its Patroni again. */
  start(): void;
}

export interface Cluster {
  readonly nodes: readonly Node[];
  /** All of them in one address. */
  url(database: string, user: string): string;
  /** The node that holds the lease and takes writes, other than this one. Waits until there is one. */
  leader(other?: Node): Promise<Node>;
  /** Resolves when there is a leader, the others follow it, and a commit waits for one of them. */
  isWhole(): Promise<void>;
  /** Asks the leader to hand over to whoever has all that it has. */
  switchOver(leader: Node): Promise<void>;
  /** What everything on it has written. */
  log(): string;
  end(): Promise<void>;
}

const programs = binariesWith("pg_rewind");

/** Why there can be no cluster here; undefined: there can. */
export const missing: string | undefined = whatIsMissing();

function whatIsMissing(): string | undefined {
  if (spawnSync("patroni", ["--version"]).status !== 0) return "Patroni is not installed";
  if (spawnSync("etcd", ["--version"]).status !== 0) return "etcd is not installed";
  if (programs === undefined) return "PostgreSQL's pg_rewind is not installed";
  return hasNetworks ? undefined : "this user may not make network namespaces";
}

function binariesWith(program: string): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root)
    ? readdirSync(root).sort((one, other) => Number(other) - Number(one))
    : [];
  return versions.map((version) => join(root, version, "bin")).find((at) => existsSync(join(at, program)));
}

const port = 5432;

/** The shortest lease that Patroni's documentation allows, in seconds. */
const lease = 20;

export async function startCluster(): Promise<Cluster> {
  const user = someUser();
  const folder = folderOf(user, "cluster");
  const network = makeNetwork(3);
  // Patroni's PostgreSQL is no child of ours, and outlives a Patroni that is killed.
  const postmasters = `for file in '${folder}'/node?/postmaster.pid; do kill -QUIT "$(head -n 1 "$file")"; done`;
  const watchdog = startWatchdog(folder, `${postmasters}; ${network.removal}`);
  const living = new Set<ChildProcess>();

  function run(machine: Machine, command: readonly string[], name: string): ChildProcess {
    const [program = "", ...given] = [...machine.on(user), ...command];
    const log = openSync(join(folder, `${name}.log`), "a");
    const env = { PATH: process.env.PATH, LC_ALL: "C", ETCD_UNSUPPORTED_ARCH: process.arch };
    const child = spawn(program, given, { cwd: folder, env, stdio: ["ignore", log, log] });
    closeSync(log);
    child.unref();
    living.add(child);
    const tell = (): void => watchdog.watch(pidsOf(living));
    child.once("exit", () => {
      living.delete(child);
      tell();
    });
    tell();
    return child;
  }

  const nodes = network.machines.map((machine, index) =>
    nodeOn(machine, {
      folder,
      name: `node${index + 1}`,
      network,
      run: (command, name) => run(machine, command, name),
    }),
  );
  const cluster = clusterOf(nodes, folder, async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    for (const child of living) child.kill("SIGKILL");
    await watchdog.end();
  });
  try {
    for (const node of nodes) node.start();
    await cluster.isWhole();
    return cluster;
  } catch (cause) {
    const log = cluster.log();
    await cluster.end();
    throw new Error(`The cluster did not come up. Its logs:\n${log}`, { cause });
  }
}

function pidsOf(children: ReadonlySet<ChildProcess>): number[] {
  return [...children].flatMap(({ pid }) => pid ?? []);
}

interface NodeParts {
  readonly folder: string;
  readonly name: string;
  readonly network: Network;
  run(command: readonly string[], name: string): ChildProcess;
}

function nodeOn(machine: Machine, { folder, name, network, run }: NodeParts): Node {
  run(etcd(machine, folder, name, network), `${name}-etcd`);
  const configuration = join(folder, `${name}.json`);
  const data = join(folder, name);
  // JSON is YAML as well.
  writeFileSync(configuration, JSON.stringify(configurationOf(machine, data, name, network)));
  let patroni: ChildProcess | undefined;
  return {
    ...machine,
    url: (database = "postgres") => `postgres://postgres@${machine.address}:${port}/${database}`,
    async kill() {
      if (patroni === undefined) return;
      const gone =
        patroni.exitCode === null && patroni.signalCode === null ? once(patroni, "exit") : undefined;
      patroni.ref();
      patroni.kill("SIGKILL");
      const postmaster = postmasterOf(data);
      if (postmaster !== undefined) process.kill(postmaster, "SIGKILL");
      await gone;
      patroni = undefined;
    },
    start() {
      patroni = run(["patroni", configuration], name);
    },
  };
}

/** Patroni starts it as a process that is not its child. */
function postmasterOf(data: string): number | undefined {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined;
  }
}

function etcd({ address }: Machine, folder: string, name: string, { machines }: Network): string[] {
  const members = machines.map((one, index) => `node${index + 1}=http://${one.address}:2380`);
  return [
    "etcd",
    ...["--name", name, "--data-dir", join(folder, `${name}-etcd`)],
    ...[
      "--listen-peer-urls",
      `http://${address}:2380`,
      "--initial-advertise-peer-urls",
      `http://${address}:2380`,
    ],
    ...[
      "--listen-client-urls",
      `http://${address}:2379`,
      "--advertise-client-urls",
      `http://${address}:2379`,
    ],
    ...["--initial-cluster", members.join(","), "--initial-cluster-state", "new"],
    // Two cores do all of this at once.
    ...["--heartbeat-interval", "200", "--election-timeout", "2000"],
  ];
}

function configurationOf({ address }: Machine, data: string, name: string, { machines }: Network): object {
  const trusted = [
    "local all all trust",
    "host all all 0.0.0.0/0 trust",
    "host replication all 0.0.0.0/0 trust",
  ];
  return {
    scope: "duckdive",
    name,
    restapi: { listen: `${address}:8008`, connect_address: `${address}:8008` },
    etcd3: { hosts: machines.map((machine) => `${machine.address}:2379`) },
    bootstrap: {
      dcs: {
        ttl: lease,
        loop_wait: 1,
        retry_timeout: 3,
        synchronous_mode: true,
        postgresql: { use_pg_rewind: true, use_slots: true, parameters: { max_connections: 100 } },
      },
      initdb: [{ encoding: "UTF8" }, { locale: "C" }, { auth: "trust" }],
    },
    postgresql: {
      listen: `${address}:${port}`,
      connect_address: `${address}:${port}`,
      bin_dir: programs,
      data_dir: data,
      pgpass: `${data}.pgpass`,
      pg_hba: trusted,
      basebackup: [{ checkpoint: "fast" }],
      authentication: { superuser: { username: "postgres" }, replication: { username: "postgres" } },
      parameters: {
        unix_socket_directories: "",
        shared_buffers: "32MB",
        wal_keep_size: "256MB",
        // One that steps down waits so long for those that follow it, also when it cannot reach them.
        wal_sender_timeout: "5s",
        huge_pages: "off",
        timezone: "UTC",
      },
    },
  };
}

interface Member {
  readonly role: string;
  readonly state: string;
}

function clusterOf(nodes: readonly Node[], folder: string, end: () => Promise<void>): Cluster {
  const until = async <T>(look: () => Promise<T | undefined>, what: string): Promise<T> => {
    const deadline = performance.now() + 90_000;
    for (;;) {
      const found = await look().catch(() => undefined);
      if (found !== undefined) return found;
      if (performance.now() > deadline) throw new Error(`${what} did not come to hold. The logs:\n${log()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const log = (): string =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".log") && !name.includes("etcd"))
      .map(
        (name) => `${name}:\n${readFileSync(join(folder, name), "utf8").split("\n").slice(-60).join("\n")}`,
      )
      .join("\n");

  async function leader(other?: Node): Promise<Node> {
    const led = async (node: Node): Promise<Node> => {
      if (node === other) throw new Error("It is the other one that is looked for.");
      const { status } = await fetch(`http://${node.address}:8008/primary`, {
        signal: AbortSignal.timeout(2_000),
      });
      if (status !== 200) throw new Error("It does not hold the lease.");
      return node;
    };
    return until(() => Promise.any(nodes.map(led)), "A leader");
  }

  return {
    nodes,
    url(database, user) {
      const hosts = nodes.map(({ address }) => `${address}:${port}`).join(",");
      return `postgresql://${user}@${hosts}/${database}`;
    },
    leader,
    async isWhole() {
      await until(async () => {
        const led = await leader();
        const response = await fetch(`http://${led.address}:8008/cluster`, {
          signal: AbortSignal.timeout(2_000),
        });
        const { members } = (await response.json()) as { members: Member[] };
        const roles = members
          .filter(({ state }) => /^(running|streaming)$/.test(state))
          .map(({ role }) => role);
        const fed = await ask(led.url(), "select pid from pg_stat_replication where sync_state = 'sync'");
        return roles.length === nodes.length && roles.includes("sync_standby") && fed.length > 0
          ? true
          : undefined;
      }, "A whole cluster");
    },
    async switchOver(led) {
      const response = await fetch(`http://${led.address}:8008/switchover`, {
        method: "POST",
        body: JSON.stringify({ leader: `node${nodes.indexOf(led) + 1}` }),
      });
      if (!response.ok) throw new Error(`Patroni refused the switchover: ${await response.text()}`);
    },
    log,
    end,
  };
}
