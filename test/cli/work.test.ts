// A worker in a process that nobody looks after: what it runs, what it says, and how it ends: by a signal, by two, by a crash, unheard.
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Folder, root } from "./duckdive.js";
import { onEachStore } from "./stores.js";

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly attempt: number;
  readonly crashes: number;
  readonly output?: unknown;
  readonly error?: { readonly stack?: string };
  readonly timeline: { readonly kind: string }[];
}

const jobs = `
import { job } from "duckdive";
const until = (signal: AbortSignal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
export const quick = job({ name: "quick", handle: () => "done" });
export const hangs = job({ name: "hangs", async handle(_input: unknown, ctx) { ctx.log.info("begun"); await until(ctx.signal); } });
export const deaf = job({ name: "deaf", async handle(_input: unknown, ctx) { ctx.log.info("begun"); await new Promise(() => {}); } });
export const throws = job({ name: "throws", retry: { attempts: 1 },
  handle() { throw new Error("boom"); } });
export const crashes = job({ name: "crashes", async handle(_input: unknown, ctx) {
  ctx.log.info("begun"); setTimeout(() => { throw new Error("nobody catches this"); }, 1); await new Promise(() => {}); } });
export const rejects = job({ name: "rejects", handle() { void Promise.reject(new Error("nobody handles this")); } });
export const chatty = job({ name: "chatty", handle() { console.log("a line"); return "said"; } });
`;

onEachStore((store) => {
  let here: Folder;
  beforeEach(() => {
    here = store.folder();
    here.write("jobs.ts", jobs);
  });
  afterEach(() => here.remove());

  async function enqueue(name: string): Promise<string> {
    const { stdout, stderr } = await here.run(["enqueue", name, "--jobs", "jobs.ts"]);
    if (stdout === "") throw new Error(stderr);
    return stdout.trim();
  }
  const show = (id: string): Promise<Shown> => here.json<Shown>(["show", id]);

  describe("what it runs", () => {
    test("the jobs of a file, until nothing is left", async () => {
      const id = await enqueue("quick");
      const { code, stdout, stderr } = await here.run(["work", "jobs.ts", "--until-empty"]);
      expect(stdout).toMatch(
        new RegExp(`worker [0-9a-f-]{36} on ${store.shown.source}; jobs: .*quick.*; queues: \\*=10`),
      );
      expect(stdout).toContain(`✓ quick ${id} succeeded in`);
      expect(stdout).toMatch(/stopped: 1 run succeeded\n$/);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(await show(id)).toMatchObject({ state: "succeeded", output: "done" });
    });

    test("JavaScript of both kinds, lists, and default exports", async () => {
      here.write(
        "one.mjs",
        `import { job } from "duckdive"; export default job({ name: "one", handle() {} });`,
      );
      here.write(
        "two.cjs",
        `const { job } = require("duckdive"); module.exports = { jobs: [job({ name: "two", handle() {} })] };`,
      );
      here.write(
        "three.js",
        `const { job } = require("duckdive"); exports.three = job({ name: "three", handle() {} });`,
      );
      const { stdout, code, stderr } = await here.run([
        "work",
        "one.mjs",
        "two.cjs",
        "three.js",
        "--until-empty",
      ]);
      expect(stderr).toBe("");
      expect(stdout).toMatch(/jobs: one, two, three;/);
      expect(code).toBe(0);
    });

    test("a contract in one file and its handler in another", async () => {
      here.write(
        "contract.ts",
        `import { job } from "duckdive"; export const split = job({ name: "split" });`,
      );
      here.write(
        "handler.ts",
        `import { split } from "./contract.ts"; export const handled = split.handle(() => {});`,
      );
      const { stdout } = await here.run(["work", "contract.ts", "handler.ts", "--until-empty"]);
      expect(stdout).toMatch(/jobs: split;/);
    });

    test("the configuration, with its store, queues and log", async () => {
      here.write(
        "duckdive.config.ts",
        `import { config } from "duckdive"; import { quick } from "./jobs.ts";
       export default config({ store: "sqlite:./configured.db", jobs: [quick], queues: { "*": 3 } });`,
      );
      await here.run(["enqueue", "quick"]);
      const { stdout, code } = await here.run(["work", "--until-empty"]);
      expect(stdout).toMatch(/on sqlite:\.\/configured\.db; jobs: quick; queues: \*=3/);
      expect(stdout).toMatch(/1 run succeeded/);
      expect(code).toBe(0);
      const other = await here.run([
        "work",
        "--until-empty",
        "--queues",
        "mail=2",
        "--concurrency",
        "4",
        "--store",
        "sqlite:o.db",
      ]);
      expect(other.stdout).toMatch(/on sqlite:o\.db; jobs: quick; queues: mail=2, \*=4/);
    });

    test("with an installed package: the files and the command line share one instance of it", async () => {
      mkdirSync(join(here.path, "node_modules"));
      symlinkSync(root, join(here.path, "node_modules/duckdive"), "dir");
      here.write(
        "shared.ts",
        `import { createRequire } from "node:module";
       import * as imported from "duckdive";
       import { sqlite } from "duckdive/sqlite";
       const required = createRequire(import.meta.url)("duckdive");
       export const same = imported.job({ name: "same", handle: () => [required.job === imported.job, typeof sqlite] });`,
      );
      const id = (await here.run(["enqueue", "same", "--jobs", "shared.ts"])).stdout.trim();
      await here.run(["work", "shared.ts", "--until-empty"]);
      expect(await show(id)).toMatchObject({ state: "succeeded", output: [true, "function"] });
    });

    test("errors are shown where they stand in the file as it was written", async () => {
      const id = await enqueue("throws");
      const { stdout, code } = await here.run(["work", "jobs.ts", "--until-empty"]);
      expect(stdout).toContain(`✗ throws ${id} failed for good (error): Error: boom`);
      expect((await show(id)).error?.stack).toMatch(/jobs\.ts:8:\d+/);
      expect(code).toBe(0);
    });
  });

  describe("what it says", () => {
    test("an event a line as JSON", async () => {
      const id = await enqueue("quick");
      const { stdout } = await here.run(["work", "jobs.ts", "--until-empty", "--log", "json"]);
      const events = stdout
        .trim()
        .split("\n")
        .map((line): { event: string } => JSON.parse(line));
      expect(events.map(({ event }) => event)).toEqual(["working", "succeeded", "stopped"]);
      expect(events[1]).toMatchObject({ run: id, job: "quick", attempt: 1, level: "info" });
    });

    test("nothing but trouble when it is to be quiet", async () => {
      await enqueue("quick");
      expect((await here.run(["work", "jobs.ts", "--until-empty", "--log", "quiet"])).stdout).toBe("");
      await enqueue("throws");
      expect((await here.run(["work", "jobs.ts", "--until-empty", "--log", "quiet"])).stdout).toMatch(
        /^\S+ ✗ throws .*boom\n$/,
      );
    });
  });

  describe("how it ends", () => {
    test.each(["SIGTERM", "SIGINT"] as const)(
      "%s: it waits, then hands back without losing the attempt",
      async (signal) => {
        const id = await enqueue("hangs");
        const worker = here.start(["work", "jobs.ts", "--processes", "0", "--drain", "200ms"]);
        await worker.said("begun");
        worker.child.kill(signal);
        const { code, stdout } = await worker.ended;
        expect(stdout).toContain(`${signal}: stopping, waiting up to 200ms for 1 run (hangs ${id})`);
        expect(stdout).toMatch(/stopped: 1 run handed back\n$/);
        expect(code).toBe(0);
        expect(await show(id)).toMatchObject({ state: "ready", attempt: 0, crashes: 0 });
      },
    );

    test("a second signal hands back at once", async () => {
      const id = await enqueue("hangs");
      const worker = here.start(["work", "jobs.ts", "--processes", "0", "--drain", "1h"]);
      await worker.said("begun");
      worker.child.kill("SIGTERM");
      await worker.said("stopping");
      worker.child.kill("SIGTERM");
      const { code, stdout } = await worker.ended;
      expect(stdout).toContain("SIGTERM again: handing back 1 run now");
      expect(code).toBe(0);
      expect(await show(id)).toMatchObject({ state: "ready", attempt: 0 });
    });

    test("a handler that hears nothing does not keep the process alive", async () => {
      const id = await enqueue("deaf");
      const worker = here.start(["work", "jobs.ts", "--processes", "0", "--drain", "50ms"]);
      await worker.said("begun");
      worker.child.kill("SIGTERM");
      expect((await worker.ended).code).toBe(0);
      expect(await show(id)).toMatchObject({ state: "ready", attempt: 0 });
    });

    test("cancelling what runs says that it was asked to end, and is not told as done", async () => {
      const id = await enqueue("deaf");
      const worker = here.start(["work", "jobs.ts", "--processes", "0", "--drain", "50ms"]);
      await worker.said("begun");
      const asked = "1 run still running: asked to end";
      expect((await here.run(["cancel", id])).stderr).toContain(asked);
      const again = await here.run(["cancel", "--job", "deaf"]);
      expect(again.stdout).toBe("0 runs cancelled.\n");
      expect(again.stderr).toContain(asked);
      expect(await show(id)).toMatchObject({ state: "running" });
    });

    test("nothing is running: it stops at once", async () => {
      const worker = here.start(["work", "jobs.ts", "--processes", "0"]);
      await worker.said("worker ");
      worker.child.kill("SIGINT");
      const { code, stdout } = await worker.ended;
      expect(stdout).toContain("SIGINT: stopping, nothing is running");
      expect(code).toBe(0);
      expect(await here.json(["workers"])).toEqual([]);
    });

    test("an error that nobody catches: it says what was running, counts the attempt as lost, and ends with 70", async () => {
      const id = await enqueue("crashes");
      const { code, stdout, stderr } = await here.run(["work", "jobs.ts", "--processes", "0"]);
      expect(stdout).toContain(`an error was thrown and not caught; running then: crashes ${id}`);
      expect(stderr).toMatch(/Error: nobody catches this\n\s+at .*jobs\.ts:/);
      expect(code).toBe(70);
      const run = await show(id);
      expect(run).toMatchObject({ state: "ready", attempt: 1, crashes: 1 });
      expect(run.timeline.map(({ kind }) => kind)).toEqual(["lost"]);
      expect(await here.json(["workers"])).toEqual([]);
    });

    test("a rejection that nobody handles ends it with 70; what could end has ended", async () => {
      const id = await enqueue("rejects");
      const { code, stderr } = await here.run(["work", "jobs.ts", "--processes", "0"]);
      expect(stderr).toContain("nobody handles this");
      expect(code).toBe(70);
      expect((await show(id)).state).toBe("succeeded");
    });

    test("nor does what a file keeps open, after any command", async () => {
      here.write("open.ts", `setInterval(() => {}, 1_000); export * from "./jobs.ts";`);
      const id = (await here.run(["enqueue", "quick", "--jobs", "open.ts"])).stdout.trim();
      expect((await here.run(["work", "open.ts", "--until-empty"])).code).toBe(0);
      expect((await show(id)).state).toBe("succeeded");
    });

    test("a crash while it would have ended is a crash", async () => {
      await enqueue("rejects");
      expect((await here.run(["work", "jobs.ts", "--until-empty"])).code).toBe(70);
    });

    test("standard output is closed: it goes on unheard", async () => {
      const worker = here.start(["work", "jobs.ts", "--processes", "0"]);
      await worker.said("worker ");
      worker.child.stdout?.destroy();
      for (const [name, output] of [
        ["chatty", "said"],
        ["quick", "done"],
      ] as const) {
        const asked = ["enqueue", name, "--jobs", "jobs.ts", "--wait", "--timeout", "25s"];
        const { stdout, stderr } = await here.run(asked);
        expect(stdout.trim(), stderr).toBe(JSON.stringify(output));
      }
      worker.child.kill("SIGTERM");
      expect((await worker.ended).code).toBe(0);
    });
  });
});
