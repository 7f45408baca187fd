// Durable work on the command line: what a run has on record and which runs belong to it, signals, and a retry from a step.
// Names are misspelt on purpose. cspell:ignore aproved aprove chrage replca
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Folder } from "./duckdive.js";
import { onEachStore } from "./stores.js";

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly steps: readonly { readonly name: string; readonly state: string; readonly at?: string }[];
  readonly parents: readonly { readonly id: string; readonly job: string }[];
  readonly children: readonly Child[];
  readonly childrenLeftOut: number;
}

interface Child {
  readonly id: string;
  readonly job: string;
  readonly call?: string;
  readonly state: string;
  readonly children: readonly Child[];
}

const jobs = `
  import { job, signal } from "duckdive";
  const schema = (check) => ({ "~standard": { version: 1, vendor: "test", validate: (value) => check(value)
    ? { value } : { issues: [{ message: "expected a text", path: ["by"] }] } } });
  const any = schema(() => true);
  export const approved = signal("approved", schema(({ by }) => typeof by === "string"));
  export const tile = job({ name: "tile", input: any, retry: { attempts: 1 },
    handle(n) { if (n === 3) throw new Error("tile 3 has a hole"); return n; } });
  export const sheet = job({ name: "sheet", input: any,
    async handle({ tiles }, ctx) {
      const all = await ctx.runAll("tiles", tile, Array.from({ length: tiles }, (_, n) => n), { onFailure: "collect" });
      return all.length;
    } });
  export const replica = job({ name: "replica", input: any, retry: { attempts: 1 },
    unique: { by: ({ master }) => master, while: ["ready", "scheduled", "running", "waiting"] },
    async handle({ master }, ctx) {
      await ctx.step("snapshot", () => "snapshot of " + master);
      await ctx.run("map", sheet, { tiles: 12 });
      const approval = await ctx.waitFor("approval", approved, { timeout: "7d" });
      await ctx.step("charge", () => { if (approval?.by !== "Ada") throw new TypeError("only Ada may"); },
        { retry: { attempts: 1 } });
      return approval?.by;
    } });`;

onEachStore((store) => {
  let here: Folder;
  let id = "";
  const work = () => here.run(["work", "jobs.ts", "--until-empty", "--log", "quiet"]);
  const shown = (run: string) => here.json<Shown>(["show", run]);
  beforeAll(async () => {
    here = store.folder();
    here.write("jobs.ts", jobs);
    id = (await here.run(["enqueue", "replica", '{"master":"db-1"}', "--jobs", "jobs.ts"])).stdout.trim();
    await work();
  }, 60_000);
  afterAll(() => here.remove());

  describe("a run that waits", () => {
    test("shows its steps, with what it waits for and until when", async () => {
      const { stdout } = await here.run(["show", id]);
      const [, steps = ""] = /\nSteps\n(.*?)\n\n/s.exec(stdout) ?? [];
      expect(steps.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
        "name kind state when after",
        expect.stringMatching(/^snapshot step done .*\+[\d.]+m?s "snapshot of db-1"$/),
        expect.stringMatching(/^map child done .*\+[\d.]+m?s 12$/),
        expect.stringMatching(/^approval signal pending .* for signal approved, at most in 6d 23h/),
      ]);
    });

    test("shows the runs below it as a tree: many of one call summed up, and the failed ones named", async () => {
      const { stdout } = await here.run(["show", id]);
      const [, tree = ""] = /\nRuns below it\n(.*?)\n\n/s.exec(stdout) ?? [];
      expect(tree.split("\n")).toEqual([
        expect.stringMatching(/^└─ succeeded {2}[0-9a-f-]{36} {2}map \(sheet\) {2}in [\d.]+m?s/),
        "   └─ tile: 11 succeeded, 1 failed",
        expect.stringMatching(/^ {6}└─ failed {2}[0-9a-f-]{36} {2}tile {2}Error: tile 3 has a hole$/),
      ]);
      const { children, childrenLeftOut } = await shown(id);
      expect(children).toMatchObject([{ job: "sheet", call: "map", state: "succeeded" }]);
      expect(children[0]?.children).toHaveLength(12);
      const failed = children[0]?.children.filter(({ state }) => state === "failed");
      expect(failed).toMatchObject([{ job: "tile", error: { name: "Error", message: "tile 3 has a hole" } }]);
      expect(JSON.stringify(children)).not.toContain("remark");
      expect(childrenLeftOut).toBe(0);
    });

    test("has children that are listed by it", async () => {
      const { children } = await shown(id);
      const parent = children[0]?.id ?? "";
      const failed = await here.json<Child[]>(["runs", "--parent", parent, "--state", "failed"]);
      expect(failed).toMatchObject([{ job: "tile", error: { message: "tile 3 has a hole" } }]);
      const { stderr, code } = await here.run(["runs", "--parent", parent.slice(0, 8)]);
      expect(stderr).toMatch(/Use the whole id/);
      expect(code).toBe(2);
    });

    test("is above its children: each shows whose it is, up to the first", async () => {
      const { children } = await shown(id);
      const sheet = children[0];
      const [tile] = sheet?.children ?? [];
      expect((await shown(tile?.id ?? "")).parents.map((run) => run.id)).toEqual([sheet?.id, id]);
      expect((await here.run(["show", tile?.id ?? ""])).stdout).toMatch(
        /^below +sheet [0-9a-f-]{36} \(succeeded\), below replica [0-9a-f-]{36} \(waiting\)$/m,
      );
      const { stdout } = await here.run(["show", sheet?.id ?? ""]);
      expect(stdout).toMatch(/^tiles +children +done .* 11 succeeded, 1 failed$/m);
      expect(stdout).toMatch(/^└─ tiles: 11 succeeded, 1 failed$/m);
    });

    test("says which signal it waits for, and how to send it", async () => {
      const { stdout } = await here.run(["explain", id]);
      expect(stdout).toMatch(/^It waits for signal "approved", in "approval", at the longest in 6d 23h/);
      expect(stdout).toContain(`duckdive signal ${id} approved JSON`);
      expect((await here.run(["runs", "--job", "replica"])).stdout).toMatch(/ for approval$/m);
    });
  });

  describe("signal", () => {
    test("is refused where its name, its payload or its run cannot be right, and nothing is sent", async () => {
      const refused: [args: string[], code: number, said: RegExp][] = [
        [[], 2, /For whom, and which signal\?/],
        [[id], 2, /For whom, and which signal\?/],
        [[id, "approved", "1", "--key", "a"], 2, /--job and --key go together/],
        [["one", "two", "3", "--job", "replica", "--key", "a"], 2, /A run and a key were both given/],
        [[id, "aproved"], 4, /does not wait for "aproved"\. Did you mean "approved"\?.*UNKNOWN_SIGNAL/s],
        [
          [id, "aprove", "--jobs", "jobs.ts"],
          4,
          /No signal in jobs\.ts is called "aprove"\. Did you mean "approved"/,
        ],
        [[id, "approved", "{", "--jobs", "jobs.ts"], 4, /not JSON/],
        [[id, "approved", '{"by":7}', "--jobs", "jobs.ts"], 4, /\$\.by.*Nothing was sent.*INVALID_INPUT/s],
        [["00000000-0000-4000-8000-000000000000", "approved"], 1, /RUN_NOT_FOUND/],
        [["--job", "replca", "--key", "db-1", "approved"], 4, /Did you mean "replica"/],
        [
          ["--job", "tile", "--key", "a", "approved", '{"by":"Ada"}', "--jobs", "jobs.ts"],
          2,
          /has no unique key that is a text/,
        ],
      ];
      for (const [args, code, said] of refused) {
        const ended = await here.run(["signal", ...args]);
        expect(ended.stderr, args.join(" ")).toMatch(said);
        expect(ended.code, args.join(" ")).toBe(code);
      }
      expect((await shown(id)).steps.at(-1)).toMatchObject({ name: "approval", state: "pending" });
    }, 90_000);

    test("reaches the run that waits, whether its definition is at hand or not", async () => {
      const { stdout, stderr, code } = await here.run([
        "signal",
        id.slice(0, 23),
        "approved",
        '{"by":"Bob"}',
      ]);
      expect([stdout, code]).toEqual([`Signal approved sent to run ${id}.\n`, 0]);
      expect(stderr).toContain("is checked by the handler");
      await work();
      expect(await shown(id)).toMatchObject({ state: "failed", error: { code: "STEP_FAILED" } });
    });

    test("to a run that has ended is heard by nobody, and says so", async () => {
      const { stderr, code } = await here.run(["signal", id, "approved", '{"by":"Ada"}']);
      expect(stderr).toMatch(/has ended.*SIGNAL_UNHEARD/s);
      expect(code).toBe(1);
    });

    test("to a key goes to the run that has it, or is kept for the next", async () => {
      const to = [
        "signal",
        "--job",
        "replica",
        "--key",
        "db-2",
        "approved",
        '{"by":"Ada"}',
        "--jobs",
        "jobs.ts",
      ];
      expect((await here.run(to)).stdout).toMatch(/^No run has the key .*db-2.* now\..*kept.*30 days/);
      const other = (
        await here.run(["enqueue", "replica", '{"master":"db-2"}', "--jobs", "jobs.ts"])
      ).stdout.trim();
      await work();
      expect(await shown(other)).toMatchObject({ state: "succeeded", output: "Ada" });
      await here.run(["enqueue", "replica", '{"master":"db-3"}', "--jobs", "jobs.ts"]);
      const unchecked = ["signal", "--job", "replica", "--key", "db-3", "approved", '{"by":"Ada"}'];
      const sent = ["--id", "0192d3c4-0000-7000-8000-000000000001"];
      expect(await here.json([...unchecked, ...sent])).toEqual({
        id: "0192d3c4-0000-7000-8000-000000000001",
        name: "approved",
        job: "replica",
        key: 'replica "db-3"',
        kept: false,
        checked: false,
      });
    });
  });

  describe("retry --from", () => {
    test("a step that is not on record is refused with the one that was meant", async () => {
      const { stderr, code } = await here.run(["retry", id, "--from", "chrage"]);
      expect(stderr).toMatch(
        /Did you mean "charge"\?.*"snapshot", "map", "approval", "charge".*UNKNOWN_STEP/s,
      );
      expect(code).toBe(4);
    });

    test("a dry run says what would be forgotten, and forgets nothing", async () => {
      const { stdout } = await here.run(["retry", id, "--from", "approval", "--dry-run"]);
      expect(stdout).toBe(`Would retry ${id}, and forget 2 steps: approval, charge\n`);
      expect((await shown(id)).steps).toHaveLength(4);
    });

    test("does again what came after that step, and keeps the rest", async () => {
      const { stdout, code } = await here.run(["retry", id, "--from", "approval"]);
      expect([stdout, code]).toEqual(['1 run retried from "approval" on, 2 steps forgotten.\n', 0]);
      await here.run(["signal", id, "approved", '{"by":"Ada"}']);
      await work();
      const { children, steps, ...run } = await shown(id);
      expect(run).toMatchObject({ state: "succeeded", output: "Ada" });
      expect(steps.map(({ name }) => name)).toEqual(["snapshot", "map", "approval", "charge"]);
      expect(children).toHaveLength(1);
      const again = await here.run(["retry", id, "--from", "approval"]);
      expect(again.stderr).toMatch(/is succeeded: only one that has failed.*NOT_RETRYABLE/s);
      expect(again.code).toBe(1);
    });
  });
});
