// Isolated jobs of the command line: loaded as the worker loads them, shown as any other run, and gone with their worker,
// however that goes.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { open, type RunRecord } from "../../src/index.js";
import { type Folder, folder } from "../cli/duckdive.js";
import { eventually } from "../violence/processes.js";

const patience = 30_000;

const jobsFile = `
import { job } from "duckdive";
import { appendFileSync } from "node:fs";
type Kind = "thread" | "process";
const note = (what: string): void => appendFileSync("noted", \`\${what} \${process.pid}\\n\`);
const of = (kind: Kind) => [
  job({ name: \`where-\${kind}\`, isolate: kind, handle: () => ({ pid: process.pid }) }),
  job({ name: \`spins-\${kind}\`, isolate: kind, async handle() { note("spins"); for (;;); } }),
  job({ name: \`sleeps-\${kind}\`, isolate: kind, async handle() { note("sleeps"); await new Promise((resolve) => setTimeout(resolve, 60_000)); } }),
  job({ name: \`blocks-\${kind}\`, isolate: kind, retry: { attempts: 1 }, timeout: "1s", handle: function blocking() { for (;;); } }),
];
export const threads = of("thread");
export const processes = of("process");
`;

let here: Folder;
beforeEach(() => {
  here = folder();
  here.write("jobs.ts", jobsFile);
});
afterEach(() => here.remove());

/** What executions have said: a word and the process that they were in. */
function noted(): { readonly what: string; readonly pid: number }[] {
  try {
    const lines = readFileSync(join(here.path, "noted"), "utf8").split("\n");
    return lines
      .filter((line) => line !== "")
      .map((line) => {
        const [what = "", pid] = line.split(" ");
        return { what, pid: Number(pid) };
      });
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function ended(id: string): Promise<RunRecord> {
  const duckdive = open(`sqlite:${join(here.path, "duckdive.db")}`);
  try {
    await eventually(
      async () => ["succeeded", "failed"].includes((await duckdive.get(id))?.state ?? ""),
      patience,
    );
    const run = await duckdive.get(id);
    if (run === undefined) throw new Error(`no run ${id}`);
    return run;
  } finally {
    await duckdive.close();
  }
}

async function enqueue(job: string): Promise<string> {
  const { id } = await here.json<{ id: string }>(["enqueue", job]);
  return id;
}

test("TypeScript loads in isolates as it does in a worker", { timeout: 90_000 }, async () => {
  const worker = here.start(["work", "jobs.ts", "--processes", "1", "--log", "json"]);
  for (const kind of ["thread", "process"]) {
    const { state, output } = await ended(await enqueue(`where-${kind}`));
    expect({ state, output }).toEqual({ state: "succeeded", output: { pid: expect.any(Number) } });
  }
  worker.child.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
});

test("show has the stack of what held the event loop of an isolate", { timeout: 90_000 }, async () => {
  const worker = here.start(["work", "jobs.ts", "--processes", "0"]);
  for (const kind of ["thread", "process"]) {
    const id = await enqueue(`blocks-${kind}`);
    expect(await ended(id)).toMatchObject({ state: "failed", reason: "timeout", crashes: 0 });
    const { stdout } = await here.run(["show", id]);
    expect(stdout).toContain(`blocked the event loop of its ${kind}`);
    expect(stdout).toMatch(/blocking .*jobs\.ts:\d+/);
  }
  worker.child.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
});

test.each(["sleeps", "spins"])(
  "one that %s in a process is gone when its worker was killed",
  { timeout: 90_000 },
  async (job) => {
    const worker = here.start(["work", "jobs.ts", "--processes", "0"]);
    await enqueue(`${job}-process`);
    await eventually(async () => noted().length === 1, patience);
    const pid = noted()[0]?.pid ?? 0;
    expect(isAlive(pid) && pid !== worker.child.pid).toBe(true);
    worker.child.kill("SIGKILL");
    await eventually(async () => !isAlive(pid), patience);
    // Its output is held by whatever of it is left, an idle isolate too.
    await worker.ended;
  },
);

test("a signal to the whole group leaves to the worker what becomes of its isolates", {
  timeout: 90_000,
}, async () => {
  const worker = here.start(["work", "jobs.ts", "--processes", "0", "--drain", "0s"]);
  const id = await enqueue("sleeps-process");
  await eventually(async () => noted().length === 1, patience);
  process.kill(noted()[0]?.pid ?? 0, "SIGTERM");
  worker.child.kill("SIGTERM");
  expect((await worker.ended).code).toBe(0);
  const duckdive = open(`sqlite:${join(here.path, "duckdive.db")}`);
  expect(await duckdive.get(id)).toMatchObject({ state: "ready", attempt: 0, crashes: 0 });
  await duckdive.close();
});
