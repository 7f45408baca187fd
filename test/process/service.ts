// Real workers in a folder of their own: one file of jobs that behave badly in every way a test may want, the program
// that works them, and what both say.
//
// Each execution is a line in a file, written in one piece before the handler does anything else, so that it is known
// also of a process that is gone the next moment. The program's log is read as JSON, in the order in which it was said.
//
// Before this file come the places. After it come the tests.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { type Duckdive, job, open, type RunRecord } from "../../src/index.js";
import { type Folder, folder, type Started } from "../cli/duckdive.js";
import type { Place } from "../violence/place.js";
import { eventually } from "../violence/processes.js";

/** What workers load; `code` says which edition of it they have loaded. */
export const jobsFile = (code = "old"): string => `
import { job } from "duckdive";
import { appendFileSync, existsSync } from "node:fs";
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const retry = { backoff: { kind: "fixed", base: "50ms", jitter: 0 } };
function note(what, ctx, more = {}) {
  const { runId: run, attempt } = ctx;
  appendFileSync("executions", JSON.stringify({ what, run, attempt, pid: process.pid, code: "${code}", ...more }) + "\\n");
}
function define(name, options, body) {
  return job({ name, retry, ...options, async handle(_input, ctx) {
    note("began", ctx);
    ctx.signal.addEventListener("abort", () => note("aborted", ctx, { why: ctx.signal.reason.why }));
    return body(ctx);
  } });
}
async function released(ctx) {
  while (!existsSync("released")) { await sleep(20); ctx.signal.throwIfAborted(); }
}
export const quick = define("quick", {}, () => sleep(50));
export const held = define("held", {}, released);
export const spins = define("spins", { crashes: 2 }, async () => { await sleep(50); while (true); });
export const exits = define("exits", { crashes: 1 }, async () => { await sleep(50); process.exit(7); });
export const throws = define("throws", { crashes: 1 }, async (ctx) => {
  setTimeout(() => { throw new Error("nobody catches this"); }, 50);
  await sleep(60_000);
});
export const rejects = define("rejects", { crashes: 1 }, async (ctx) => {
  setTimeout(() => void Promise.reject(new Error("nobody handles this")), 50);
  await sleep(60_000);
});
export const eats = define("eats", {}, async () => {
  const eaten = [];
  while (true) { eaten.push(Array.from({ length: 100_000 }, (_, number) => ({ number }))); await sleep(1); }
});
let fat;
export const grows = define("grows", {}, async () => { fat = Buffer.alloc(300_000_000, 1); });
`;

/** The names of the jobs, for those who enqueue. */
export const jobs = {
  quick: job({ name: "quick" }),
  held: job({ name: "held" }),
  spins: job({ name: "spins" }),
  exits: job({ name: "exits" }),
  throws: job({ name: "throws" }),
  rejects: job({ name: "rejects" }),
  eats: job({ name: "eats" }),
  grows: job({ name: "grows" }),
} as const;

export interface Noted {
  readonly what: "began" | "aborted";
  readonly run: string;
  readonly attempt: number;
  readonly pid: number;
  readonly code: string;
  readonly why?: string;
}

/** A line of the program's log. */
export interface Line {
  readonly event: string;
  readonly [field: string]: unknown;
}

export interface Program extends Started {
  /** Everything it has said, and its workers. */
  readonly lines: readonly Line[];
  /** Resolves with the first line of this event that is wanted; rejects when it ends without. */
  hears(event: string, wanted?: (line: Line) => boolean): Promise<Line>;
  signal(signal: NodeJS.Signals): void;
}

export interface Service {
  readonly address: string;
  readonly folder: Folder;
  readonly duckdive: Duckdive;
  /** Starts `duckdive work` with two processes, unless others are named. */
  work(args?: readonly string[], env?: NodeJS.ProcessEnv): Program;
  /** Enqueues so many of a job, and answers their ids. */
  enqueue(name: keyof typeof jobs, count?: number): Promise<string[]>;
  /** The runs as they are now. */
  runs(ids: readonly string[]): Promise<RunRecord[]>;
  /** The executions that have begun, or were told to stop. */
  noted(what: Noted["what"], runs?: readonly string[]): Noted[];
  /** Resolves when so many executions of these runs have begun. */
  begun(runs: readonly string[], count: number): Promise<Noted[]>;
  /** Lets go of whatever is held. */
  release(): void;
  /** Resolves when all of these runs have succeeded. */
  succeeded(runs: readonly string[]): Promise<void>;
}

/** How long a test waits for something that takes moments where nobody else works. */
export const patience = 30_000;

/** @param through the address that the workers are given, when they are not to reach the store directly */
export function serviceAt(place: Place, through = place.address): Service {
  const here = folder({ DUCKDIVE_STORE: through });
  here.write("jobs.ts", jobsFile());
  const duckdive = open(place.address);
  const programs: Program[] = [];
  const file = join(here.path, "executions");

  onTestFinished(async () => {
    here.write("released", "");
    for (const { child } of programs) child.kill("SIGTERM");
    await Promise.all(programs.map(({ ended }) => ended));
    await duckdive.close();
    await here.remove();
  });

  function noted(what: Noted["what"], runs?: readonly string[]): Noted[] {
    if (!existsSync(file)) return [];
    const all = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Noted);
    return all.filter((one) => one.what === what && (runs === undefined || runs.includes(one.run)));
  }

  return {
    address: place.address,
    folder: here,
    duckdive,
    noted,
    runs: async (ids) => (await duckdive.list({ id: ids }, { limit: 1_000 })).runs,
    work(args = [], env = {}) {
      const started = here.start(
        ["work", "jobs.ts", "--log", "json", "--processes", "2", "--drain", "5s", ...args],
        { env },
      );
      const program = listenTo(started);
      programs.push(program);
      return program;
    },
    async enqueue(name, count = 1) {
      const runs = await duckdive.enqueueMany(Array.from({ length: count }, () => jobs[name].with()));
      return runs.map(({ id }) => id);
    },
    async begun(runs, count) {
      await eventually(async () => noted("began", runs).length >= count, patience);
      return noted("began", runs);
    },
    release: () => void here.write("released", ""),
    succeeded: (runs) =>
      eventually(
        async () => (await duckdive.count({ id: runs, state: "succeeded" })) === runs.length,
        patience,
      ),
  };
}

/** Reads what a program says, as JSON. */
export function listenTo(started: Started): Program {
  const lines: Line[] = [];
  const listeners = new Set<() => void>();
  let isOver = false;
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  if (started.child.stdout === null) throw new TypeError("its output is a pipe");
  createInterface({ input: started.child.stdout }).on("line", (text) => {
    if (text.startsWith("{")) lines.push(JSON.parse(text));
    tell();
  });
  void started.ended.then(() => {
    isOver = true;
    tell();
  });
  return {
    ...started,
    lines,
    signal: (signal) => void started.child.kill(signal),
    hears: (event, wanted = () => true) =>
      new Promise((resolve, reject) => {
        function look(): void {
          const found = lines.find((line) => line.event === event && wanted(line));
          if (found === undefined && !isOver) return;
          listeners.delete(look);
          if (found !== undefined) resolve(found);
          else reject(new Error(`It ended without saying ${event}:\n${JSON.stringify(lines.slice(-20))}`));
        }
        listeners.add(look);
        look();
      }),
  };
}

/** Resolves when so many workers are there, and each is as it should be. */
export async function workersAre(
  { duckdive }: Service,
  count: number,
  wanted: (worker: Awaited<ReturnType<Duckdive["workers"]>>[number]) => boolean = () => true,
): Promise<Awaited<ReturnType<Duckdive["workers"]>>> {
  let workers: Awaited<ReturnType<Duckdive["workers"]>> = [];
  await eventually(async () => {
    workers = await duckdive.workers();
    return workers.length === count && workers.every(wanted);
  }, patience);
  return workers;
}
