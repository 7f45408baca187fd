// Resque's own format: names of keys, the payload of a job, the record of a failure, as its workers and its web page read them.
//
// Before this file comes the namespace. After it come the intake, the outbox and the failures.
import { hostname } from "node:os";
import type { StoredError } from "../job/index.js";

/** A job as Resque has it. */
export interface ResqueJob {
  /** The name of its Ruby class. */
  readonly class: string;
  readonly args: readonly unknown[];
  /** Its queue, where the payload says so itself. */
  readonly queue?: string;
}

export interface Keys {
  readonly queues: string;
  readonly failed: string;
  readonly failedCount: string;
  queue(name: string): string;
  /** What was taken from a queue, and is not recorded yet. */
  taken(name: string): string;
  /** That something was done for a run. */
  marker(what: "pushed" | "failed", runId: string): string;
}

export function keysOf(namespace: string): Keys {
  const key = (...parts: string[]): string => [namespace, ...parts].join(":");
  return {
    queues: key("queues"),
    failed: key("failed"),
    failedCount: key("stat", "failed"),
    queue: (name) => key("queue", name),
    taken: (name) => key("duckdive", "taken", name),
    marker: (what, runId) => key("duckdive", what, runId),
  };
}

/** Reads a payload; undefined: it is none. */
export function jobOf(payload: string): ResqueJob | undefined {
  try {
    const value: unknown = JSON.parse(payload);
    if (typeof value !== "object" || value === null || !("class" in value)) return undefined;
    const args = "args" in value ? value.args : [];
    if (typeof value.class !== "string") return undefined;
    // Resque takes what is no list for the only argument.
    const list = Array.isArray(args) ? args : args === null ? [] : [args];
    const isSaid = "queue" in value && typeof value.queue === "string";
    return { class: value.class, args: list, ...(isSaid ? { queue: String(value.queue) } : {}) };
  } catch {
    return undefined;
  }
}

/** A failure, as Resque::Failure::Redis writes it. */
export function failure(
  queue: string,
  payload: unknown,
  error: Pick<StoredError, "name" | "message" | "stack">,
  at: number,
): string {
  return JSON.stringify({
    failed_at: `${new Date(at).toISOString().slice(0, 19).replace("T", " ").replaceAll("-", "/")} UTC`,
    payload,
    exception: error.name,
    error: error.message,
    backtrace: (error.stack ?? "")
      .split("\n")
      .slice(1)
      .map((line) => line.trim()),
    worker: `${hostname()}:${process.pid}:${queue}`,
    queue,
  });
}

// ── The payload, kept in the meta of its run, for the day on which it fails ─────────────────────────────────────────

const longestPart = 4_000;
const mostParts = 40;
const names = { queue: "resque.queue", payload: "resque.payload" };

/** Meta has short texts only, so a longer payload is kept in parts; one that is longer than all of them is not kept. */
export function metaOf(queue: string, job: ResqueJob): Record<string, string> {
  const meta: Record<string, string> = { [names.queue]: queue };
  const text = ascii(JSON.stringify({ class: job.class, args: job.args }));
  const kept =
    text.length <= longestPart * mostParts ? text : ascii(JSON.stringify({ class: job.class, args: [] }));
  for (let part = 0; part * longestPart < kept.length; part += 1)
    meta[partName(part)] = kept.slice(part * longestPart, (part + 1) * longestPart);
  return meta;
}

/** What a run came from; undefined: it came from elsewhere. */
export function originOf(
  meta: Readonly<Record<string, string>>,
): { queue: string; job: ResqueJob } | undefined {
  const queue = meta[names.queue];
  let text = "";
  for (let part = 0; meta[partName(part)] !== undefined; part += 1) text += meta[partName(part)];
  const job = jobOf(text);
  return queue === undefined || job === undefined ? undefined : { queue, job };
}

function partName(part: number): string {
  return part === 0 ? names.payload : `${names.payload}.${part}`;
}

/** The same JSON in ASCII: parts are cut anywhere, and half a character cannot be stored. */
function ascii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
