// Who this process is, for others on the same machine.
//
// A pid means something only inside one boot and one process namespace, and the system gives it out again. So a worker
// is known by three things: where its pid counts, its pid, and when the process that has the pid began. With them a
// neighbour can tell in microseconds, without a heartbeat, whether it is alive.
//
// Before this file comes nothing. After it come the worker, which registers itself so, and the stores, which look.

import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface HostProcess {
  /** The machine, its boot, and the process namespace where they can be known. */
  readonly host: string;
  readonly pid: number;
  /** When the process began, in the system's own unit; undefined where that cannot be read. */
  readonly processStart: string | undefined;
}

/** Describes this process. */
export function thisHost(): HostProcess {
  return { host: hostIdentity(), pid: process.pid, processStart: processStart(process.pid) };
}

/** True when the process described still runs. Only to be asked about the same `host` as `thisHost().host`. */
export function isAlive(other: Pick<HostProcess, "pid" | "processStart">): boolean {
  try {
    process.kill(other.pid, 0);
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  const start = processStart(other.pid);
  return start === undefined || other.processStart === undefined || start === other.processStart;
}

function hostIdentity(): string {
  const parts = [hostname(), fileText("/proc/sys/kernel/random/boot_id"), linkText("/proc/self/ns/pid")];
  return parts.filter((part) => part !== undefined).join("/");
}

/** Field 22 of /proc/<pid>/stat; the second field is a name in brackets that may hold anything. A zombie has none. */
function processStart(pid: number): string | undefined {
  const stat = fileText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? "ended" : fields[19];
}

function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

function linkText(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
