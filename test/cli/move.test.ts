// Moving a queue between stores as processes: there and back, killed at random moments, and with a worker in the way.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { storeOf } from "../../src/address.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import { type Folder, folder } from "./duckdive.js";

let database: Database;
let here: Folder;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());
beforeEach(() => {
  here = folder();
  here.write(
    "jobs.ts",
    `import { appendFileSync } from "node:fs";
     import { job } from "duckdive";
     const any = { "~standard": { version: 1, vendor: "test", validate: (value: any) => ({ value }) } } as any;
     export const done = job({ name: "done", input: any, handle({ n }: any, ctx) {
       ctx.log.info("was here", { n }); appendFileSync("ledger", ctx.runId + "\\n"); return "x".repeat(n); } });
     export const fails = job({ name: "fails", retry: { attempts: 1 }, keep: { failed: "40d" }, handle() { throw new Error("boom"); } });
     export const again = job({ name: "again", retry: { attempts: 3, backoff: { kind: "fixed", base: "1h" } }, handle() { throw new Error("later"); } });`,
  );
});
afterEach(() => here.remove());

/** Runs of every state that a run can be moved in; answers how many. */
async function fill(many: number): Promise<number> {
  const add = (job: string, lines: string, ...more: string[]) =>
    here.run(["enqueue", job, "--lines", "--jobs", "jobs.ts", ...more], { input: lines });
  const inputs = (count: number) => Array.from({ length: count }, (_, n) => `{"n":${n * 30}}\n`).join("");
  await add("done", inputs(many));
  for (const job of ["fails", "again"]) await here.run(["enqueue", job, "--jobs", "jobs.ts"]);
  await here.run(["work", "jobs.ts", "--until-empty"]);
  await add("done", inputs(many), "--tag", "waits");
  await add("done", inputs(5), "--delay", "1h");
  await here.run(["enqueue", "nobody", "{}"]);
  await here.run(["pause", "--job", "fails"]);
  return 2 * many + 2 + 5 + 1;
}

/** Every run with its timeline and log, without what belongs to a store. */
async function pictures(address: string, schema?: string): Promise<unknown[]> {
  const place = address.replace("sqlite:.", `sqlite:${here.path}`);
  const store = storeOf(place, schema === undefined ? {} : { schema }, () => {});
  try {
    const { runs } = await store.list({}, { limit: 1_000 });
    return await Promise.all(
      runs.map(async ({ token: _, worker: __, ...run }) => ({ run, ...(await store.timeline(run.id)) })),
    );
  } finally {
    await store.close();
  }
}

test("there and back, every run is what it was, and a pause comes along", { timeout: 120_000 }, async () => {
  const number = await fill(6);
  const [sqlite, postgres, back] = ["sqlite:./duckdive.db", database.url, "sqlite:./back.db"];
  const before = await pictures(sqlite);
  const there = await here.run(["move", "--from", sqlite, "--to", postgres, "--to-schema", "there"]);
  expect(there.stderr).toBe("");
  expect(there.stdout).toMatch(
    new RegExp(`^${number} runs moved from sqlite:\\./duckdive\\.db to postgres://…@.*, schema there\\.\\n`),
  );
  expect(there.stdout).toMatch(/read back, checksum [0-9a-f]{16} on both sides/);
  expect(await here.json(["runs", "--store", sqlite])).toEqual([]);
  expect(await pictures(postgres, "there")).toEqual(before);
  expect((await here.run(["doctor", "--store", postgres, "--schema", "there"])).stdout).toContain(
    'Job "fails" is paused',
  );
  const moved = await here.json<object>(["move", "--from", postgres, "--from-schema", "there", "--to", back]);
  expect(moved).toMatchObject({
    moved: number,
    states: { succeeded: 6, failed: 1, scheduled: 6, ready: 6, waiting: 1 },
    left: 0,
  });
  expect(await pictures(back)).toEqual(before);
  expect(existsSync(join(here.path, "duckdive.move"))).toBe(false);
  const worked = await here.run(["work", "jobs.ts", "--until-empty", "--store", back]);
  expect(worked.stdout).toContain("6 runs succeeded");
});

test("killed again and again it loses nothing and does nothing twice", { timeout: 120_000 }, async () => {
  const number = await fill(800);
  const args = ["move", "--from", "sqlite:./duckdive.db", "--to", database.url, "--to-schema", "killed"];
  let kills = 0;
  for (let patience = 350; ; patience += 60) {
    const moving = here.start(args);
    const killing = setTimeout(() => moving.child.kill("SIGKILL"), patience);
    const { code, signal, stdout, stderr } = await moving.ended;
    clearTimeout(killing);
    if (signal === "SIGKILL") {
      kills += 1;
      continue;
    }
    expect({ code, stderr: stderr.replace("Going on with the move of duckdive.move.\n", "") }).toEqual({
      code: 0,
      stderr: "",
    });
    expect(stdout).toContain(`${number.toLocaleString("en")} runs moved`);
    break;
  }
  expect(kills).toBeGreaterThan(2);
  const there = ["--store", database.url, "--schema", "killed"];
  const states = { succeeded: 800, failed: 1, ready: 800, scheduled: 6, waiting: 1 };
  expect(await here.json(["stats", ...there])).toMatchObject({ states });
  await here.run(["work", "jobs.ts", "--until-empty", ...there]);
  expect(await here.json(["stats", ...there])).toMatchObject({ states: { succeeded: 1_600, ready: 0 } });
});

test("a worker on either side is in the way, and is named", async () => {
  const args = ["move", "--from", "sqlite:./duckdive.db", "--to", "sqlite:./other.db"];
  for (const store of ["sqlite:./duckdive.db", "sqlite:./other.db"]) {
    await here.run(["migrate"]);
    const worker = here.start(["work", "jobs.ts", "--processes", "0", "--store", store]);
    await worker.said("worker ");
    const refused = await here.run(args);
    expect(refused.stderr).toMatch(new RegExp(`process ${worker.child.pid}.*Stop it.*WORKERS_RUNNING`, "s"));
    expect(refused.code).toBe(1);
    worker.child.kill("SIGTERM");
    await worker.ended;
  }
  const worker = here.start(["work", "jobs.ts", "--processes", "0"]);
  await worker.said("worker ");
  worker.child.kill("SIGKILL");
  await worker.ended;
  expect((await here.run(args)).code).toBe(0);
});

test("what is asked for wrongly is said", async () => {
  await here.run(["migrate"]);
  const to = ["--to", "sqlite:./other.db"];
  for (const [args, message] of [
    [["move", ...to], "Give both"],
    [["move", "--from", "sqlite:./duckdive.db", "--to", "sqlite:./duckdive.db"], "are one store"],
    [["move", "--from", "sqlite:./duckdive.db", ...to, "--store", "sqlite:x.db"], "move has two stores"],
    [
      ["move", "--from", "sqlite:./duckdive.db", ...to, "--journal", "jobs.ts"],
      "cannot be read as the journal",
    ],
  ] as const) {
    const { code, stderr } = await here.run(args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  }
  const missing = await here.run(["move", "--from", "sqlite:./nowhere.db", ...to]);
  expect(missing.stderr).toContain("STORE_MISSING");
});
