// Recording runs from a shell: with the definition and without it, one and many, and waiting for the result.
// cspell:ignore duoble
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Folder } from "./duckdive.js";
import { onEachStore } from "./stores.js";

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly queue: string;
  readonly input: unknown;
  readonly output: unknown;
  readonly attempt: number;
  readonly tags: string[];
  readonly meta: Record<string, string>;
  readonly priority: number;
  readonly waiting?: { reason: string };
}

onEachStore((store) => {
  let here: Folder;
  beforeEach(() => {
    here = store.folder();
    here.write(
      "jobs.ts",
      `import { job } from "duckdive";
     const positive = { "~standard": { version: 1, vendor: "test", validate: (value: any) =>
       typeof value?.n === "number" && value.n > 0 ? { value } : { issues: [{ message: "n has to be positive", path: ["n"] }] } } };
     export const double = job({ name: "double", queue: "sums", input: positive as any, handle: ({ n }: any) => ({ sum: 2 * n }) });
     export const fails = job({ name: "fails", handle(_input: unknown, ctx) { return ctx.fail("declined", { by: "bank" }); } });`,
    );
  });
  afterEach(() => here.remove());

  describe("with the definition at hand", () => {
    test("the input is checked now, and the id is the whole answer", async () => {
      const { code, stdout, stderr } = await here.run(["enqueue", "double", '{"n":4}', "--jobs", "jobs.ts"]);
      expect(stdout).toMatch(/^[0-9a-f-]{36}\n$/);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const run = await here.json<Shown>(["show", stdout.trim()]);
      expect(run).toMatchObject({ state: "ready", queue: "sums", input: { n: 4 } });
    });

    test("what is said about the request travels with the run", async () => {
      const id = "11111111-1111-4111-8111-111111111111";
      const args = [
        "--tag",
        "a",
        "--tag",
        "b",
        "--meta",
        "tenant=acme=1",
        "--priority",
        "-3",
        "--delay",
        "1h",
        "--id",
        id,
      ];
      const ask = ["enqueue", "double", '{"n":4}', "--jobs", "jobs.ts", ...args];
      expect(await here.json(ask)).toMatchObject({ id, created: true, checked: true });
      expect(await here.json(ask)).toMatchObject({ id, created: false });
      const run = await here.json<Shown>(["show", id]);
      expect(run).toMatchObject({
        state: "scheduled",
        tags: ["a", "b"],
        meta: { tenant: "acme=1" },
        priority: -3,
      });
    });

    test("the configuration of the folder is the definition", async () => {
      here.write(
        "duckdive.config.ts",
        `import { config } from "duckdive"; import { double } from "./jobs.ts";
       export default config({ store: "sqlite:./other.db", jobs: [double] });`,
      );
      expect((await here.run(["enqueue", "double", '{"n":0}'])).stderr).toMatch(/n has to be positive/);
      expect((await here.run(["enqueue", "double", '{"n":1}'])).code).toBe(0);
      expect((await here.run(["enqueue", "double", '{"n":1}', "--queue", "x"])).code).toBe(2);
      expect(await here.json(["runs", "--store", "sqlite:other.db"])).toHaveLength(1);
    });

    test("JSON from standard input", async () => {
      const { stdout } = await here.run(["enqueue", "double", "-", "--jobs", "jobs.ts"], {
        input: ' {"n": 9}\n',
      });
      expect(await here.json<Shown>(["show", stdout.trim()])).toMatchObject({ input: { n: 9 } });
    });
  });

  describe("without the definition", () => {
    test("the run waits unchecked, until a worker that knows the job has judged it", async () => {
      const good = (await here.run(["enqueue", "double", '{"n":4}'])).stdout.trim();
      const bad = (await here.run(["enqueue", "double", '{"n":-4}'])).stdout.trim();
      expect(await here.json<Shown>(["show", good])).toMatchObject({
        state: "waiting",
        waiting: { reason: "preparation" },
      });
      expect((await here.run(["explain", good])).stdout).toMatch(/recorded without its definition/);
      expect((await here.run(["work", "jobs.ts", "--until-empty"])).code).toBe(0);
      expect(await here.json<Shown>(["show", good])).toMatchObject({
        state: "succeeded",
        queue: "sums",
        output: { sum: 8 },
      });
      expect(await here.json<Shown>(["show", bad])).toMatchObject({ state: "failed", attempt: 0 });
    });

    test("a name that no worker ever had is recorded, and said to be unknown", async () => {
      await here.run(["enqueue", "double", '{"n":4}', "--jobs", "jobs.ts"]);
      await here.run(["work", "jobs.ts", "--until-empty"]);
      const { code, stderr } = await here.run(["enqueue", "duoble", "{}"]);
      expect(stderr).toMatch(/No worker here has had a job "duoble"\. Did you mean "double"\?/);
      expect(code).toBe(0);
    });

    test("a priority would be lost, and is refused", async () => {
      const { code, stderr } = await here.run(["enqueue", "double", "{}", "--priority", "5"]);
      expect(stderr).toMatch(/--priority needs the definition.*--jobs FILE/);
      expect(code).toBe(2);
    });
  });

  describe("--lines", () => {
    const lines = (from: number, to: number): string =>
      Array.from({ length: to - from + 1 }, (_, place) => `{"n":${from + place}}\n`).join("");

    test("records a run for each line, empty ones left out", async () => {
      const { stdout, code } = await here.run(["enqueue", "double", "--lines", "--jobs", "jobs.ts"], {
        input: `${lines(1, 2_500)}\n\n`,
      });
      expect(stdout).toMatch(/^2,500 runs of double recorded in/);
      expect(code).toBe(0);
      expect(await here.json(["stats"])).toMatchObject({ states: { ready: 2_500 } });
    });

    test("says ids by line as JSON Lines", async () => {
      const { stdout } = await here.run(["enqueue", "double", "--lines", "--json"], {
        input: '{"n":1}\n\n{"n":2}',
      });
      const said = stdout
        .trim()
        .split("\n")
        .map((line): { line: number } => JSON.parse(line));
      expect(said.map(({ line }) => line)).toEqual([1, 3]);
    });

    test("stops at a line that is no JSON, and says from where to go on", async () => {
      const { code, stderr } = await here.run(["enqueue", "double", "--lines"], {
        input: `${lines(1, 1_200)}{oops\n{"n":1}`,
      });
      expect(stderr).toMatch(/1,000 runs of lines 1 to 1,000 recorded.*tail -n \+1001/);
      expect(stderr).toMatch(/Line 1,201 is not JSON/);
      expect(code).toBe(4);
      expect(await here.json(["stats"])).toMatchObject({ states: { waiting: 1_000 } });
    });

    test("stops at a line that the job does not take, and says which", async () => {
      const { code, stderr } = await here.run(["enqueue", "double", "--lines", "--jobs", "jobs.ts"], {
        input: '{"n":1}\n{"n":-1}\n',
      });
      expect(stderr).toMatch(/Line 2 is refused:/);
      expect(stderr).toMatch(/Nothing was recorded/);
      expect(code).toBe(4);
    });
  });

  describe("--wait", () => {
    test("prints the output and ends with 0, or the failure and ends with 1", async () => {
      const worker = here.start(["work", "jobs.ts"]);
      await worker.said("worker ");
      const done = await here.run(["enqueue", "double", '{"n":21}', "--wait", "--jobs", "jobs.ts"]);
      expect(JSON.parse(done.stdout)).toEqual({ sum: 42 });
      expect(done.code).toBe(0);
      const failed = await here.run(["enqueue", "fails", "--wait"]);
      expect(failed.stderr).toMatch(/failed: .*declined.*See: duckdive show/s);
      expect(failed).toMatchObject({ code: 1, stdout: "" });
      const asJson = await here.run(["enqueue", "fails", "--wait", "--json"]);
      expect(JSON.parse(asJson.stdout)).toMatchObject({
        state: "failed",
        error: { code: "declined", data: { by: "bank" } },
      });
      worker.child.kill("SIGTERM");
      expect((await worker.ended).code).toBe(0);
    });

    test("ends with 1 when the time is over, and the run goes on", async () => {
      const { code, stderr } = await here.run(["enqueue", "double", "{}", "--wait", "--timeout", "50ms"]);
      expect(stderr).toMatch(/has not ended within 50ms.*RESULT_TIMEOUT/s);
      expect(code).toBe(1);
    });
  });
});
