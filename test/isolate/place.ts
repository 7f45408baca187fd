// A worker of isolated jobs over a database in a folder of its own, gone when the test is over.
//
// Before this file come the jobs. After it come the tests.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Duckdive, type OpenOptions, open } from "../../src/index.js";
import type { RunEvents } from "../../src/run/index.js";

export interface Place {
  readonly folder: string;
  readonly duckdive: Duckdive;
  readonly worker: ReturnType<Duckdive["work"]>;
  /** Events by their names, as they were heard. */
  readonly heard: (keyof RunEvents)[];
  /** What handlers have written into a file of the folder, a JSON value a line. */
  noted(name: string): unknown[];
  /** What a run has said, message by message. */
  said(run: string): Promise<string[]>;
}

const names = [
  "started",
  "succeeded",
  "retrying",
  "failed",
  "handedBack",
  "abandoned",
  "leaked",
  "progress",
] as const;

/** @throws InvalidOptionError for jobs that cannot be isolated */
export async function work(jobs: OpenOptions["jobs"], options: OpenOptions = {}): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-isolates-"));
  const duckdive = open(`sqlite:${join(folder, "jobs.db")}`, {
    ...options,
    ...(jobs === undefined ? {} : { jobs }),
    log: silent,
  });
  onTestFinished(async () => {
    await duckdive.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const heard: (keyof RunEvents)[] = [];
  for (const name of names) duckdive.on(name, () => heard.push(name));
  const worker = duckdive.work();
  await worker.ready;
  return {
    folder,
    duckdive,
    worker,
    heard,
    noted(name) {
      const file = join(folder, name);
      if (!existsSync(file)) return [];
      const lines = readFileSync(file, "utf8").split("\n");
      return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
    },
    async said(run) {
      const { logs } = await duckdive.timeline(run);
      return logs.map(({ message }) => message);
    },
  };
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
