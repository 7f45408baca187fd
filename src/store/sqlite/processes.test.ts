// Several processes on one file, for real: they share its lock, they are killed in the middle of writing, and what was
// acknowledged is there afterwards. The children run `dist/`, what users get.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newId, thisHost } from "../../kernel/index.js";
import type { NewRun } from "../contract.js";
import { type SqliteStore, sqlite } from "./index.js";

const door = new URL("../../../dist/store/sqlite/index.js", import.meta.url).href;
const kernel = new URL("../../../dist/kernel/index.js", import.meta.url).href;

let folder: string;
let file: string;
let store: SqliteStore;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "duckdive-processes-"));
  file = join(folder, "jobs.db");
  store = sqlite({ file });
  await store.open();
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await store.close();
  rmSync(folder, { recursive: true });
});

/** Starts a process with a store on the file, which prints JSON lines. */
function child(body: string): { process: ChildProcess; lines: AsyncIterable<string> } {
  const script = `
    import { sqlite } from ${JSON.stringify(door)};
    import { newId, thisHost } from ${JSON.stringify(kernel)};
    const store = sqlite({ file: ${JSON.stringify(file)} });
    const run = () => ({ id: newId(), job: "copy", version: 1, queue: "default", priority: 0, input: "{}" });
    const say = (value) => process.stdout.write(JSON.stringify(value) + "\\n");
    ${body}`;
  const started = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(started);
  return { process: started, lines: createInterface({ input: started.stdout }) };
}

async function said(lines: AsyncIterable<string>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const line of lines) values.push(JSON.parse(line));
  return values;
}

function run(): NewRun {
  return { id: newId(), job: "copy", version: 1, queue: "default", priority: 0, input: "{}" };
}

describe("several processes on one file", () => {
  test("open it, migrate it and record into it at once without an error or a lost row", async () => {
    await store.close();
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    const writers = Array.from({ length: 4 }, () =>
      child(`
        await Promise.all(Array.from({ length: 200 }, () => store.insert([run()])));
        say("done");
        await store.close();
      `),
    );
    expect(await Promise.all(writers.map((writer) => said(writer.lines)))).toEqual([
      ["done"],
      ["done"],
      ["done"],
      ["done"],
    ]);
    store = sqlite({ file });
    expect(await store.count({})).toBe(800);
  });

  test("claim every run once between them", async () => {
    await store.insert(Array.from({ length: 2_000 }, run));
    const workers = ["one", "other"].map((id) =>
      child(`
        const abilities = [{ job: "copy", version: 1 }];
        await store.register({ id: "${id}", ...thisHost(), abilities, queues: { "*": 20 } });
        const seen = [];
        for (;;) {
          const claimed = await store.claim({ worker: "${id}", queues: { "*": 20 }, abilities });
          if (claimed.length === 0) break;
          seen.push(...claimed.map((each) => each.run));
          await store.settle(claimed.map((each) => ({ ...each, state: "succeeded" })));
        }
        say(seen);
        await store.close();
      `),
    );
    const [[one = []] = [], [other = []] = []] = (await Promise.all(
      workers.map((worker) => said(worker.lines)),
    )) as string[][][];
    expect(one.length + other.length).toBe(2_000);
    expect(new Set([...one, ...other]).size).toBe(2_000);
    expect((await store.countByState()).succeeded).toBe(2_000);
  });
});

describe("a process that is killed", () => {
  test("in the middle of writing loses nothing that it was told was recorded", async () => {
    const writer = child(`
      for (;;) {
        const wanted = Array.from({ length: 20 }, run);
        await Promise.all(wanted.map((each) => store.insert([each])));
        say(wanted.map((each) => each.id));
      }
    `);
    const acknowledged: string[] = [];
    for await (const line of writer.lines) {
      acknowledged.push(...(JSON.parse(line) as string[]));
      if (acknowledged.length >= 1_000) writer.process.kill("SIGKILL");
    }
    const found = await store.find(acknowledged);
    expect(found.filter((each) => each === undefined)).toEqual([]);
    expect((await store.doctor()).notes.filter((note) => note.level === "error")).toEqual([]);
    await store.insert([run()]);
  });

  test("is found dead at once, and what it held goes back with its loss recorded", async () => {
    const wanted = run();
    await store.insert([wanted]);
    const worker = child(`
      const abilities = [{ job: "copy", version: 1 }];
      await store.register({ id: "doomed", ...thisHost(), abilities, queues: { "*": 1 } });
      say(await store.claim({ worker: "doomed", queues: { "*": 1 }, abilities }));
      setInterval(() => {}, 1000);
    `);
    const claimed = await new Promise<string>((resolve) => {
      worker.process.stdout?.once("data", (data) => resolve(String(data)));
    });
    const [zombie] = JSON.parse(claimed);
    expect(await store.findLost()).toEqual([]);
    worker.process.kill("SIGKILL");
    await once(worker.process, "exit");
    expect(await store.findLost()).toEqual([{ worker: "doomed", cause: "its process is gone" }]);
    expect(await store.rescue([{ worker: "doomed" }])).toEqual([
      { run: wanted.id, job: "copy", attempt: 1, worker: "doomed" },
    ]);
    expect(await store.findLost()).toEqual([]);
    expect(await store.settle([{ ...zombie, state: "succeeded" }])).toEqual([{ taken: false }]);
    const { events } = await store.timeline(wanted.id);
    expect(events).toMatchObject([{ kind: "lost", attempt: 1, worker: "doomed", token: zombie.token }]);
    expect(await store.find([wanted.id])).toMatchObject([{ state: "ready", attempt: 1, crashes: 1 }]);
  });

  test("that lives is not called dead, however late its heartbeat", async () => {
    await store.register({ id: "me", ...thisHost(), abilities: [], queues: {} });
    expect(await store.findLost()).toEqual([]);
  });
});

describe("a change made by another process", () => {
  test("is heard of", async () => {
    const heard = new Promise((resolve) => {
      store.watch((change) => change.origin === "elsewhere" && resolve(change));
    });
    const writer = child("await store.insert([run()]); await store.close();");
    expect(await heard).toMatchObject({ origin: "elsewhere", claimable: true });
    await said(writer.lines);
  });
});
