// What tests of trouble with a database share: a server of their own, somebody who asks for work all the time, and what
// is measured.
import { readFileSync } from "node:fs";
import { onTestFinished } from "vitest";
import { type Duckdive, job } from "../../src/index.js";
import { newId } from "../../src/kernel/index.js";
import type { Store } from "../../src/store/contract.js";
import { ask } from "../postgres/ask.js";
import { databaseOn } from "../postgres/database.js";
import type { Server } from "../postgres/server.js";
import type { Child } from "./processes.js";

export const now = job({ name: "now" });
export const copy = job({ name: "copy" });
/** Takes longer than a look for the dead, or a rescue. */
export const slow = job({ name: "slow", queue: "slow" });
export const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** An empty database on this server, dropped when the test is over. */
export async function ownDatabase(server: Server): Promise<{ url: string; superuserUrl: string }> {
  const database = await databaseOn(server.url());
  onTestFinished(() => database.drop().catch(() => {}));
  return database;
}

export interface Requester {
  /** Ids that were acknowledged. */
  readonly acknowledged: string[];
  /** The codes of errors it met. */
  readonly refused: string[];
  /** Resolves when the request under way is answered. */
  stop(): Promise<void>;
}

/** Asks for one run after another; what is refused it asks for again, under the same id, until it is acknowledged. */
export function requesting(duckdive: Duckdive, what: typeof now | typeof copy = now): Requester {
  const acknowledged: string[] = [];
  const refused: string[] = [];
  let isStopped = false;
  async function request(id: string): Promise<void> {
    for (;;) {
      try {
        await duckdive.enqueue(what, undefined, { id });
        acknowledged.push(id);
        return;
      } catch (error) {
        refused.push(codeOf(error));
        if (isStopped) return;
        await turn();
      }
    }
  }
  async function requestAll(): Promise<void> {
    while (!isStopped) {
      await request(newId());
      await turn();
    }
  }
  const over = requestAll();
  return {
    acknowledged,
    refused,
    async stop() {
      isStopped = true;
      await over;
    },
  };
}

/** A moment between two requests, so that a machine that is shared has time for the rest. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}

export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** Ends every connection of duckdive to this database; answers how many there were. */
export async function terminateAll(url: string, which = ""): Promise<number> {
  const rows = await ask(
    url,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() ${which}`,
  );
  return rows.length;
}

/** As if the worker ran on another machine: its process id means nothing here. */
export async function moveElsewhere(url: string, worker: string): Promise<void> {
  await ask(url, "update duckdive.worker set host = 'elsewhere' where id = $1", [worker]);
}

/** What a process said of errors that nobody caught. */
export function unhandled(child: Child): unknown[] {
  return child.said.filter((value) => "unhandled" in value);
}

/** The lines of its log, of the worse levels. */
export function logged(child: Child): Record<string, unknown>[] {
  return child.said.filter((value) => "logged" in value && value.level !== "info");
}

/** Seconds of processor time that a process has used; undefined where the system does not tell. */
export function processorTime(child: Child): number | undefined {
  try {
    const stat = readFileSync(`/proc/${child.process.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return undefined;
  }
}

/** A figure for people and for the record. */
export function publish(name: string, value: number, unit = "ms"): void {
  console.info(JSON.stringify({ name, value: Number(value.toFixed(1)), unit }));
}

/** The time by which processes of one machine compare what they saw. */
export function wallClock(): number {
  return performance.timeOrigin + performance.now();
}

/** Every execution that was told of, by run. */
export function executionsOf(children: readonly Child[]): Map<string, number> {
  const executions = new Map<string, number>();
  for (const child of children) {
    for (const { began } of child.said) {
      if (typeof began === "string") executions.set(began, (executions.get(began) ?? 0) + 1);
    }
  }
  return executions;
}

/** Every execution that is in the file of a worker, by run. */
export function executionsIn(file: string): Map<string, number> {
  const executions = new Map<string, number>();
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const [run = ""] = line.split(" ");
    executions.set(run, (executions.get(run) ?? 0) + 1);
  }
  return executions;
}

/** Runs that were executed more often than their record explains. */
export async function unexplained(store: Store, executions: ReadonlyMap<string, number>): Promise<string[]> {
  const found: string[] = [];
  for (const [run, count] of executions) {
    if (count === 1) continue;
    const { events } = await store.timeline(run);
    const explained = events.filter(({ kind }) => kind === "lost" || kind === "handedBack").length;
    if (count > explained + 1) found.push(`${run}: ${count} times, ${JSON.stringify(events)}`);
  }
  return found;
}
