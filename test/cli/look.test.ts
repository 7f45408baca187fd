// Looking at runs and acting on them, over a store that a worker has left behind.
// cspell:ignore mial lettres
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Folder } from "./duckdive.js";
import { onEachStore } from "./stores.js";

interface Listed {
  readonly id: string;
  readonly job: string;
  readonly state: string;
}

onEachStore((store) => {
  let here: Folder;
  let failed = "";
  beforeAll(async () => {
    here = store.folder();
    here.write(
      "jobs.ts",
      `import { job } from "duckdive";
     export const mail = job({ name: "mail", queue: "letters", handle(_input: unknown, ctx) { ctx.log.info("sent", { to: "a@example" }); } });
     export const fails = job({ name: "fails", retry: { attempts: 1 }, handle() {
       throw new Error("card refused", { cause: new TypeError("no\\u001b[31m such card") }); } });`,
    );
    await here.run(["enqueue", "mail", "--lines", "--jobs", "jobs.ts", "--tag", "bulk"], { input: "" });
    for (let n = 0; n < 3; n++) await here.run(["enqueue", "mail", "--jobs", "jobs.ts", "--tag", "bulk"]);
    failed = (await here.run(["enqueue", "fails", "--jobs", "jobs.ts"])).stdout.trim();
    await here.run(["work", "jobs.ts", "--until-empty"]);
    await here.run(["enqueue", "mail", "--jobs", "jobs.ts", "--delay", "1h", "--tag", "later"]);
  }, 60_000);
  afterAll(() => here.remove());

  describe("looking", () => {
    test("runs, newest first, by every filter", async () => {
      const all = await here.json<Listed[]>(["runs"]);
      expect(all.map(({ job }) => job)).toEqual(["mail", "fails", "mail", "mail", "mail"]);
      const found = async (...args: string[]) => (await here.json<Listed[]>(["runs", ...args])).length;
      expect(await found("--job", "mail", "--job", "fails")).toBe(5);
      expect(await found("--state", "failed,scheduled")).toBe(2);
      expect(await found("--queue", "letters")).toBe(4);
      expect(await found("--tag", "later")).toBe(1);
      expect(await found("--reason", "error")).toBe(1);
      expect(await found("--since", "1h")).toBe(5);
      expect(await found("--until", "1h")).toBe(0);
      expect(await found("--limit", "2")).toBe(2);
    });

    test("all of them as JSON Lines", async () => {
      const { stdout } = await here.run(["runs", "--all", "--json"]);
      expect(
        stdout
          .trim()
          .split("\n")
          .map((line): Listed => JSON.parse(line)),
      ).toHaveLength(5);
    });

    test("a table without colour on a pipe, and with it when that is forced", async () => {
      const { stdout } = await here.run(["runs"]);
      expect(stdout.split("\n")[0]).toMatch(/^id +state +job +queue +try +asked$/);
      expect(stdout).toContain("Error: card refused");
      expect(stdout).not.toContain("\u001b");
      const { stdout: forced } = await here.run(["runs"], { env: { FORCE_COLOR: "1" } });
      expect(forced).toContain("\u001b[31m✗ failed");
      const { stdout: none } = await here.run(["runs"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } });
      expect(none).not.toContain("\u001b");
    });

    test("nothing matches: an unknown job is named, with the one that was meant", async () => {
      const { stdout, code } = await here.run(["runs", "--job", "mial"]);
      expect(stdout).toMatch(/No run matches\. No job "mial" is known here\. Did you mean "mail"\?/);
      expect(code).toBe(0);
    });

    test("everything about a run, and nothing that a terminal would obey", async () => {
      const { stdout } = await here.run(["show", failed]);
      expect(stdout).toMatch(/^fails {2}failed {2}[0-9a-f-]{36}\nIt failed for good/);
      for (const part of [
        "Timeline",
        "attempt 1 failed on worker",
        "Error: card refused",
        "caused by TypeError: no\\u001b[31m such card",
        "jobs.ts:4",
      ])
        expect(stdout).toContain(part);
      expect(stdout).not.toContain("\u001b");
      const [sent] = await here.json<Listed[]>(["runs", "--job", "mail", "--state", "succeeded"]);
      expect((await here.run(["show", sent?.id ?? ""])).stdout).toMatch(
        /Log\n.* info {2}sent {"to":"a@example"}/,
      );
    });

    test("the beginning of an id is enough when it is the only one", async () => {
      expect((await here.run(["explain", failed.slice(0, 23)])).stdout).toMatch(/^It failed for good/);
      const { code, stderr } = await here.run(["explain", failed.slice(0, 8)]);
      expect(stderr).toMatch(/Several runs begin with.*AMBIGUOUS_ID/s);
      expect(code).toBe(1);
      expect((await here.run(["show", "00000000-0000-4000-8000-000000000000"])).stderr).toContain(
        "RUN_NOT_FOUND",
      );
    });

    test("queues, workers, stats", async () => {
      expect((await here.run(["queues"])).stdout).toMatch(/^letters +0 +0 +1 +0/m);
      expect((await here.run(["workers"])).stdout).toMatch(/No worker is running/);
      expect(await here.json(["stats"])).toMatchObject({
        states: { succeeded: 3, failed: 1, scheduled: 1 },
        lastHour: [
          { name: "mail", succeeded: 3 },
          { name: "fails", failed: 1, failureRate: 1 },
        ],
      });
      expect((await here.run(["stats"])).stdout).toMatch(/succeeded +3/);
    });

    test("--watch tells changes on a pipe until it is enough", async () => {
      const watching = here.start(["runs", "--watch", "--job", "later"]);
      await here.run(["enqueue", "later"]);
      await watching.said(/[0-9a-f-]{36} waiting later/);
      watching.child.kill("SIGINT");
      expect((await watching.ended).code).toBe(0);
      await here.run(["delete", "--job", "later"]);
    });

    test("the reader has gone: the answer is over", async () => {
      const { child, ended } = here.start(["runs", "--all"]);
      child.stdout?.destroy();
      expect((await ended).code).toBe(0);
    });

    test("doctor: an error when runs wait and nobody works, with the remedy", async () => {
      const { code, stdout } = await here.run(["doctor"]);
      expect(stdout).toMatch(
        new RegExp(`^ok +store ${store.shown.source}, (the default|from DATABASE_URL)$`, "m"),
      );
      expect(stdout).toMatch(/^error +1 run to be done, and no worker is running\. Start one/m);
      expect(stdout).toMatch(/^warn +1 run failed for good/m);
      expect(code).toBe(1);
      expect(await here.json(["doctor"])).toMatchObject({ errors: 1, warnings: 1 });
    });
  });

  describe("acting", () => {
    test("a dry run shows which, and does nothing", async () => {
      const { stdout, code } = await here.run(["retry", "--state", "failed", "--dry-run"]);
      expect(stdout).toMatch(/Would retry 1 run:\n.*\n.*failed +fails/);
      expect(code).toBe(0);
      expect(await here.json(["runs", "--state", "failed"])).toHaveLength(1);
    });

    test("retry, cancel and delete, by id and by filter", async () => {
      expect((await here.run(["retry", failed])).stdout).toBe("1 run retried.\n");
      expect((await here.run(["cancel", failed, "--because", "not needed"])).stdout).toBe(
        "1 run cancelled.\n",
      );
      expect(await here.json(["show", failed])).toMatchObject({ state: "cancelled", reason: "not needed" });
      expect((await here.run(["delete", "--job", "fails"])).stdout).toBe("1 run deleted.\n");
      expect(await here.json(["runs", "--job", "fails"])).toEqual([]);
    });

    test("what cannot be done is said, and ends with 1", async () => {
      const [sent] = await here.json<Listed[]>(["runs", "--job", "mail", "--state", "succeeded"]);
      const { code, stderr } = await here.run(["retry", sent?.id ?? ""]);
      expect(stderr).toMatch(/is succeeded: what can be retried is failed, cancelled\..*NOTHING_MATCHED/s);
      expect(code).toBe(1);
      expect((await here.run(["cancel", "--job", "nobody"])).code).toBe(1);
    });

    test("many runs need a yes where nobody can be asked", async () => {
      await here.run(["enqueue", "many", "--lines"], { input: "1\n".repeat(11) });
      const { code, stderr } = await here.run(["delete", "--job", "many"]);
      expect(stderr).toMatch(/This will delete 11 runs\. Nobody can be asked here: say --yes/);
      expect(code).toBe(2);
      expect((await here.run(["delete", "--job", "many", "--yes"])).stdout).toBe("11 runs deleted.\n");
    });

    test("which runs has to be said", async () => {
      expect((await here.run(["delete"])).stderr).toMatch(/Which runs\?/);
      expect((await here.run(["delete", failed, "--job", "mail"])).stderr).toMatch(/Use one of them/);
    });

    test("pause and resume, a queue and a job, with what was meant", async () => {
      expect((await here.run(["pause", "lettres"])).stderr).toMatch(
        /Did you mean "letters"\?.*UNKNOWN_QUEUE/s,
      );
      expect((await here.run(["pause", "letters"])).stdout).toMatch(/Undo: duckdive resume letters/);
      expect((await here.run(["queues"])).stdout).toMatch(/^letters.*paused$/m);
      expect((await here.run(["resume", "--queue", "letters"])).code).toBe(0);
      expect((await here.run(["pause", "--job", "mail"])).code).toBe(0);
      expect((await here.run(["doctor"])).stdout).toMatch(
        /Job "mail" is paused\. Resume it: duckdive resume --job mail/,
      );
      expect((await here.run(["resume", "--job", "mail"])).code).toBe(0);
      expect((await here.run(["resume", "--job", "nobody"])).code).toBe(4);
    });

    test("prune says what it removed", async () => {
      expect((await here.run(["prune"])).stdout).toBe("Nothing is past its keeping.\n");
    });
  });
});
