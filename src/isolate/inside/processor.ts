// How much processor time this isolate has used, where it can be told: of a process always, of a thread where Node or the
// system knows it.
//
// Before this file comes nothing. After it come the executions.
import { readFileSync } from "node:fs";

/** Milliseconds so far; undefined: that cannot be told. */
export type ProcessorTime = () => number | undefined;

interface Usage {
  readonly user: number;
  readonly system: number;
}

export function processorTime(kind: "thread" | "process"): ProcessorTime {
  if (kind === "process") return () => milliseconds(process.cpuUsage());
  const { threadCpuUsage } = process as { threadCpuUsage?: () => Usage };
  if (threadCpuUsage !== undefined) return () => milliseconds(threadCpuUsage.call(process));
  return ofThisThread() === undefined ? () => undefined : ofThisThread;
}

function milliseconds({ user, system }: Usage): number {
  return (user + system) / 1_000;
}

/** As Linux counts it, in nanoseconds. */
function ofThisThread(): number | undefined {
  try {
    const [nanoseconds] = readFileSync("/proc/thread-self/schedstat", "utf8").split(" ");
    return Number(nanoseconds) / 1e6;
  } catch {
    return undefined;
  }
}
