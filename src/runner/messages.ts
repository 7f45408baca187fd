// Reading what a worker's process has sent, which may be anything.
//
// The application shares that process: it may send messages of its own over the channel, and write whatever it likes to
// the pipe. What is not a message of the protocol is nobody's; it is never an error, and nothing of it is believed.
//
// Before this file comes the protocol. After it comes the child, which obeys what is left.
import type { Blocked, FromPipe, FromWorker, NamedRun, Status } from "./protocol.js";

type Fields = Readonly<Record<string, unknown>>;

/** A message that came over the channel; undefined: it is none of the protocol. */
export function readMessage(value: unknown): FromWorker | undefined {
  if (!isFields(value)) return undefined;
  const { type, worker, status, why, runs } = value;
  if (type === "ready" && isText(worker)) return { type, worker };
  if (type === "recycle" && isText(why)) return { type, why };
  if (type === "rescued" && isText(worker) && isNumber(runs)) return { type, worker, runs };
  return type === "status" && isStatus(status) ? { type, status } : undefined;
}

/** A line that came over the pipe; undefined: it is none of the protocol. */
export function readLine(line: string): FromPipe | undefined {
  const value = parse(line);
  if (!isFields(value)) return undefined;
  const { type, why, cause, run } = value;
  if (type === "leaving" && (why === "stopped" || why === "empty")) return { type, why };
  if (type === "dying" && isText(cause)) return { type, cause, ...(isNamedRun(run) ? { run } : {}) };
  if (type !== "blocked" && type !== "unblocked") return undefined;
  const blocked = readBlocked(value);
  return blocked === undefined ? undefined : { type, ...blocked };
}

function readBlocked({ milliseconds, run, stack }: Fields): Blocked | undefined {
  if (!isNumber(milliseconds)) return undefined;
  return { milliseconds, ...(isNamedRun(run) ? { run } : {}), ...(isText(stack) ? { stack } : {}) };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const states: readonly unknown[] = ["starting", "working", "quiet", "stopping"];

function isStatus(value: unknown): value is Status {
  if (!isFields(value)) return false;
  const { state, running, leaked, ended, memory, delay } = value;
  const times = [value.lastFetch, value.lastSettle, value.lastBeat, value.fetchingFor];
  return (
    states.includes(state) &&
    [ended, memory, delay].every(isNumber) &&
    times.every((time) => time === undefined || isNumber(time)) &&
    Array.isArray(running) &&
    running.every(
      (run) =>
        isNamedRun(run) && "queue" in run && isText(run.queue) && "since" in run && isNumber(run.since),
    ) &&
    Array.isArray(leaked) &&
    leaked.every(isNamedRun)
  );
}

function isNamedRun(value: unknown): value is NamedRun {
  return (
    isFields(value) &&
    isText(value.run) &&
    isText(value.job) &&
    isNumber(value.token) &&
    isNumber(value.attempt)
  );
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
