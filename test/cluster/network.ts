// Machines for a cluster on one computer: network namespaces, each with an address of its own, joined by a bridge that the
// test is on as well. A cable can be pulled: then nothing arrives any more and nobody is told, as when a machine loses
// its network, and whoever lives on that machine still reaches what else is there. Needs root.
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";

export interface Machine {
  readonly name: string;
  readonly address: string;
  /** What a command has to begin with to run on it, as this user. */
  on(user: { readonly uid?: number; readonly gid?: number }): readonly string[];
  /** Nothing comes in or goes out any more. */
  pull(): void;
  plug(): void;
}

export interface Network {
  readonly machines: readonly Machine[];
  /** A shell command that takes all of it away, for whoever cleans up after a test that was killed. */
  readonly removal: string;
}

/** Whether this user may make networks here. */
export const hasNetworks = process.platform === "linux" && mayMakeNetworks();

function mayMakeNetworks(): boolean {
  const name = `duckdive-try-${process.pid}`;
  if (spawnSync("nsenter", ["--version"]).status !== 0) return false;
  if (spawnSync("ip", ["netns", "add", name]).status !== 0) return false;
  const hasBridges = spawnSync("ip", ["-n", name, "link", "add", "bridge", "type", "bridge"]).status === 0;
  ip("netns", "del", name);
  return hasBridges;
}

/** Joins some machines. */
export function makeNetwork(count: number): Network {
  // Names of interfaces have fifteen letters at most.
  const bridge = `dd${randomBytes(4).toString("hex")}`;
  // Of the range that is set aside for tests of networks.
  const range = `198.${18 + randomInt(2)}.${randomInt(256)}`;
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const removal = [
    ...numbers.map((number) => `ip netns del ${bridge}-${number}`),
    `ip link del ${bridge}`,
  ].join("; ");
  try {
    ip("link", "add", bridge, "type", "bridge");
    ip("address", "add", `${range}.254/24`, "dev", bridge);
    ip("link", "set", bridge, "up");
    const machines = numbers.map((number) => addMachine(bridge, number, `${range}.${number}`));
    return { machines, removal };
  } catch (error) {
    spawnSync("sh", ["-c", removal]);
    throw error;
  }
}

function addMachine(bridge: string, number: number, address: string): Machine {
  const name = `${bridge}-${number}`;
  const cable = `${bridge}n${number}`;
  ip("netns", "add", name);
  ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name);
  ip("link", "set", cable, "master", bridge, "up");
  ip("-n", name, "address", "add", `${address}/24`, "dev", "eth0");
  ip("-n", name, "link", "set", "lo", "up");
  ip("-n", name, "link", "set", "eth0", "up");
  return {
    name,
    address,
    on({ uid, gid }) {
      const user = uid === undefined ? [] : [`--setuid=${uid}`, `--setgid=${gid ?? uid}`];
      return ["nsenter", `--net=/run/netns/${name}`, ...user, "--"];
    },
    // Taken from the bridge, and not switched off: the machine's own end must not notice either.
    pull: () => ip("link", "set", cable, "nomaster"),
    plug: () => ip("link", "set", cable, "master", bridge),
  };
}

function ip(...given: string[]): void {
  execFileSync("ip", given, { stdio: ["ignore", "ignore", "pipe"] });
}
