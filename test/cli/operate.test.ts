// Acting on many runs, rerouting, slots, draining and the counts of workers, on each store.
// Misspelt on purpose. cspell:ignore mial
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Folder } from "./duckdive.js";
import { onEachStore } from "./stores.js";

interface Shown {
  readonly id: string;
  readonly queue: string;
  readonly state: string;
  readonly priority: number;
}

onEachStore((store) => {
  let here: Folder;
  beforeEach(() => {
    here = store.folder();
    here.write(
      "jobs.ts",
      `import { job } from "duckdive";
     const anything = { "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value }) } };
     export const mail = job({ name: "mail", queue: "letters", input: anything as any, handle() {} });
     export const fails = job({ name: "fails", retry: { attempts: 1 }, handle() { throw new TypeError("card refused"); } });`,
    );
  });
  afterEach(() => here.remove());

  const enqueue = (lines: string, ...more: string[]) =>
    here.run(["enqueue", "mail", "--lines", "--jobs", "jobs.ts", ...more], { input: lines });

  describe("many runs", () => {
    test("are changed by a text in their input, after a dry run that says how many", async () => {
      await enqueue('{"to":"ann"}\n{"to":"bob"}\n{"to":"ann"}\n');
      const change = ["change", "--text", '"ann"', "--to-queue", "bulk", "--to-priority", "3"];
      expect((await here.run([...change, "--dry-run"])).stdout).toMatch(/^Would change 2 runs:/);
      expect((await here.run(change)).stdout).toBe("2 runs changed.\n");
      const moved = await here.json<Shown[]>(["runs", "--queue", "bulk"]);
      expect(moved.map(({ priority }) => priority)).toEqual([3, 3]);
      expect((await here.run(change)).code).toBe(0);
    });

    test("start now that were to start later", async () => {
      await enqueue("1\n", "--delay", "1h");
      expect((await here.run(["change", "--state", "scheduled", "--delay", "0s"])).stdout).toBe(
        "1 run changed.\n",
      );
      expect(await here.json<Shown[]>(["runs"])).toMatchObject([{ state: "ready" }]);
    });

    test("are retried by their error, and those of another one are not", async () => {
      await here.run(["enqueue", "fails", "--jobs", "jobs.ts"]);
      await here.run(["work", "jobs.ts", "--until-empty"]);
      expect((await here.run(["retry", "--error", "RangeError"])).stderr).toContain("NOTHING_MATCHED");
      expect((await here.run(["retry", "--error", "TypeError"])).stdout).toBe("1 run retried.\n");
    });

    test.each([
      [["change", "--all"], /Change what\?/],
      [["change", "--all", "--delay", "1m", "--run-at", "2030-01-01"], /Use one/],
      [["retry", "--all", "--from", "oops"], /is no cursor/],
    ])("%j is refused", async (args, message) => {
      await enqueue("1\n");
      const { code, stderr } = await here.run([...args, "--yes"]);
      expect(stderr).toMatch(message);
      expect(code).toBe(2);
    });
  });

  describe("a job", () => {
    test("is rerouted with its waiting runs, listed, and sent back", async () => {
      await enqueue("1\n2\n");
      await here.run(["work", "jobs.ts", "--until-empty"]);
      await enqueue("3\n");
      expect((await here.run(["reroute", "mail", "bulk"])).stdout).toMatch(/1 run that waited moved\./);
      await enqueue("4\n");
      expect(await here.json<Shown[]>(["runs", "--queue", "bulk"])).toHaveLength(2);
      expect(await here.json(["reroute"])).toEqual([{ job: "mail", queue: "bulk" }]);
      const [first] = await here.json<Shown[]>(["runs", "--queue", "bulk"]);
      expect((await here.run(["explain", first?.id ?? ""])).stdout).toContain('rerouted to queue "bulk"');
      expect(await here.json(["reroute", "mail", "--back"])).toEqual({ job: "mail", queue: null, moved: 2 });
      expect((await here.run(["reroute"])).stdout).toBe("No job is rerouted.\n");
    }, 60_000);

    test("that is nearly another one is refused", async () => {
      await enqueue("1\n");
      await here.run(["work", "jobs.ts", "--until-empty"]);
      const { code, stderr } = await here.run(["reroute", "mial", "bulk"]);
      expect(stderr).toMatch(/Did you mean "mail"\?/);
      expect(code).toBe(4);
      expect((await here.run(["reroute", "mail"])).code).toBe(2);
      const both = await here.run(["reroute", "mail", "bulk", "--back"]);
      expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("both given") });
      const high = await here.run(["change", "--job", "mail", "--to-priority", "11"]);
      expect(high).toMatchObject({ code: 2, stderr: expect.stringContaining("from -10 to 10") });
    });
  });

  describe("a queue", () => {
    test("has its slots set for all workers, and its own again", async () => {
      await enqueue("1\n");
      expect((await here.run(["slots", "letters", "0"])).code).toBe(0);
      expect(await here.json(["slots"])).toEqual([{ queue: "letters", slots: 0 }]);
      const [run] = await here.json<Shown[]>(["runs"]);
      const worker = here.start(["work", "jobs.ts", "--processes", "0"]);
      await worker.said("worker ");
      expect((await here.run(["explain", run?.id ?? ""])).stdout).toMatch(/given 0 slots in all workers/);
      await here.run(["slots", "letters", "--own"]);
      await worker.said("succeeded");
      worker.child.kill("SIGTERM");
      expect((await worker.ended).code).toBe(0);
      expect((await here.run(["slots", "letters"])).code).toBe(2);
    }, 60_000);

    test("is drained: paused, with what is left in it", async () => {
      await enqueue("1\n2\n");
      const { stdout, code } = await here.run(["drain", "letters"]);
      expect(stdout).toMatch(/Nothing of queue letters runs, and it is paused\. Left in it: 2 ready runs\./);
      expect(code).toBe(0);
      expect(await here.json(["queues"])).toMatchObject([{ name: "letters", paused: true, ready: 2 }]);
    });

    test("shows how fast it went, by what workers counted", async () => {
      await enqueue("1\n2\n3\n");
      await here.run(["work", "jobs.ts", "--until-empty"]);
      const queues = await here.json<{ name: string; lastHour?: { perMinute: number } }[]>(["queues"]);
      const letters = queues.find(({ name }) => name === "letters");
      expect(letters).toMatchObject({ lastHour: { failureRate: 0 }, lastFiveMinutes: { failureRate: 0 } });
      expect(letters?.lastHour?.perMinute).toBeGreaterThan(0);
    });
  });
});
