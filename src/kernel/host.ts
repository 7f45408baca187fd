// Where this process runs, and whether another process there still lives.
//
// A process id means something only on one machine, in one boot, in one process namespace: the three make up the
// host's name here. On that host a process that is gone is known to be gone at once, and one that lives is never
// called dead, however late its heartbeat or however far the clock jumped. Ids are used again, so the time the
// process began goes with the id; and a zombie, dead but not yet collected by its parent, counts as dead.
//
// Before this file comes nothing. After it come the worker, which registers itself so, and stores, which look for the dead.
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

export interface Host {
  /** Machine, boot and process namespace in one text. */
  readonly host: string;
  readonly pid: number;
  /** In clock ticks since the boot, where the system tells it. */
  readonly processStart: string | undefined;
}

/** This process, as a worker's row names it. */
export function thisHost(): Host {
  const parts = [hostname(), readText("/proc/sys/kernel/random/boot_id"), readLink("/proc/self/ns/pid")];
  return {
    host: parts.filter((part) => part !== undefined).join("/"),
    pid: process.pid,
    processStart: processStat(process.pid)?.start,
  };
}

/** Whether the process that had this id and began then is still there. To be asked only about this host. */
export function processLives(pid: number, processStart: string | undefined): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false;
  }
  const stat = processStat(pid);
  if (stat === undefined) return true;
  if (stat.state === "Z" || stat.state === "X") return false;
  return processStart === undefined || stat.start === processStart;
}

/** State and start of a process. Its name, in parentheses, may hold spaces and parentheses itself: read from the last one. */
function processStat(pid: number): { state: string; start: string } | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  const start = fields[19];
  return state === undefined || start === undefined ? undefined : { state, start };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
