// The demo as a stranger runs it, in processes of its own: once through, and killed again and again.
// cspell:ignore заметки
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { open } from "duckdive";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { caseOf, placesOf } from "../../examples/case-files/case.js";
import { caughtIn } from "../../examples/case-files/catcher.js";
import { copyChecked } from "../../examples/case-files/copy.js";
import { copyFile } from "../../examples/case-files/jobs.js";
import { vanishing } from "../../examples/case-files/sample.js";
import { type Manifest, nameFor } from "../../examples/case-files/summary.js";
import { differences } from "../../examples/case-files/verify.js";
import { walk } from "../../examples/case-files/walk.js";

const demo = fileURLToPath(new URL("../../examples/case-files/demo.mjs", import.meta.url));
let root = "";
const started: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "case-files-"));
});

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, "SIGKILL");
  }
  await rm(root, { recursive: true, force: true });
});

/** The demo in a process group of its own, so that one signal takes its worker as well. */
function startDemo(...args: string[]): ChildProcess {
  const options = { detached: true, stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"] };
  const child = spawn(process.execPath, [demo, "--out", join(root, "out"), ...args], options);
  started.push(child);
  return child;
}

async function runDemo(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = startDemo(...args);
  let output = "";
  child.stdout?.on("data", (piece) => (output += piece));
  child.stderr?.on("data", (piece) => (output += piece));
  const [code] = await once(child, "close");
  return { code, output };
}

/** Kills the demo and its worker when this many lines were seen; false when it ended before. */
async function killAfter(lines: number, ...args: string[]): Promise<boolean> {
  const child = startDemo(...args);
  const closed = once(child, "close");
  let seen = 0;
  let killed = false;
  if (child.stdout === null || child.pid === undefined) throw new Error("The demo has not started.");
  const group = -child.pid;
  createInterface({ input: child.stdout }).on("line", () => {
    seen += 1;
    if (seen !== lines) return;
    killed = true;
    process.kill(group, "SIGKILL");
  });
  await closed;
  return killed;
}

async function makeFolder(files: number): Promise<string> {
  const folder = join(root, "source");
  for (let number = 0; number < files; number += 1) {
    const below = join(folder, `part ${number % 7}`, number % 3 === 0 ? "other" : "");
    await mkdir(below, { recursive: true });
    await writeFile(join(below, `file ${number}.bin`), Buffer.alloc((number * 7919) % 90_000, `${number}.`));
  }
  await writeFile(join(folder, "large.bin"), Buffer.alloc(12_000_000, "large"));
  return folder;
}

async function readManifest(path: string): Promise<Manifest> {
  return JSON.parse(await readFile(path, "utf8"));
}

describe("the demo", () => {
  test("records the sample, reports the file that vanished, and ends well", { timeout: 60_000 }, async () => {
    const { code, output } = await runDemo();
    expect(output).toContain("Every copy has the bytes of its source");
    expect(output).toMatch(/burn after reading\.txt +23 B +- +3 +failed/);
    expect(output).toContain("16 files, 1 missing");
    expect(code).toBe(0);
    const sample = join(root, "out", "sample", "sample-case");
    const manifest = await readManifest(placesOf(caseOf(sample, join(root, "out"))).manifest);
    const failed = manifest.files.filter(({ state }) => state !== "succeeded");
    expect(failed).toMatchObject([{ path: vanishing, attempts: 3, state: "failed" }]);

    const again = await runDemo();
    expect(again.code).toBe(0);
    expect(again.output).toContain("it goes on where it was");
    expect(again.output).not.toContain("copied");
  });

  test("killed at random moments and started again copies everything, right, and once", {
    timeout: 120_000,
  }, async () => {
    const files = 120;
    const folder = await makeFolder(files);
    const given = caseOf(folder, join(root, "out"));
    const places = placesOf(given);
    let kills = 0;
    for (let round = 0; round < 7; round += 1) {
      const lines = 2 + Math.floor(Math.random() * 30);
      if (await killAfter(lines, folder)) kills += 1;
    }
    const last = await runDemo(folder);
    expect(last.output).toContain("Every copy has the bytes of its source");
    expect(last.code).toBe(0);
    expect(kills).toBeGreaterThanOrEqual(3);

    const manifest = await readManifest(places.manifest);
    expect(manifest.files).toHaveLength(files + 1);
    expect(await differences(given, manifest)).toEqual([]);
    for (const { path } of manifest.files) {
      const [source, copy] = await Promise.all(
        [folder, places.files].map((base) => readFile(join(base, path))),
      );
      expect(copy?.equals(source ?? Buffer.alloc(0)), path).toBe(true);
    }

    await using duckdive = open(places.store);
    expect(await duckdive.count({ job: copyFile })).toBe(files + 1);
    for await (const run of duckdive.list({ job: copyFile })) {
      expect(run.state).toBe("succeeded");
      // Every execution beyond the first is explained by one that was lost with its worker.
      expect(run.attempt).toBe(1 + run.crashes);
    }
    expect(await duckdive.stats()).toMatchObject({ succeeded: files + 4, failed: 0, running: 0 });
    expect(await caughtIn(places.mailbox)).toHaveLength(1);
  });

  test("refuses to keep a case inside the folder that it records", async () => {
    await mkdir(join(root, "out"));
    const { code, output } = await runDemo(root);
    expect(code).toBe(2);
    expect(output).toContain("--out");
  });

  test("answers a folder that is not there with a sentence", async () => {
    const { code, output } = await runDemo(join(root, "nothing"));
    expect(code).toBe(1);
    expect(output).toContain(`There is no folder ${join(root, "nothing")}.`);
  });

  test("answers a file in the place of a folder at once, and names the folder it is in", async () => {
    const file = join(root, "file.txt");
    await writeFile(file, "x");
    const { code, output } = await runDemo(file);
    expect(code).toBe(1);
    expect(output).toContain(`${file} is not a folder. Name the folder it is in: ${root}`);
  });
});

describe("walking a folder", () => {
  test("finds files in a fixed order, and tells of links without following them", async () => {
    const folder = join(root, "walked");
    await mkdir(join(folder, "b"), { recursive: true });
    await writeFile(join(folder, "b", "ü.txt"), "12");
    await writeFile(join(folder, "c"), "");
    await symlink("/", join(folder, "a"));
    await symlink("nowhere", join(folder, "d"));
    const entries = [];
    for await (const entry of walk(folder)) entries.push(entry);
    expect(entries).toEqual([
      { kind: "skipped", path: "a", why: "a symbolic link is not followed" },
      { kind: "file", path: "b/ü.txt", size: 2 },
      { kind: "file", path: "c", size: 0 },
      { kind: "skipped", path: "d", why: "a symbolic link is not followed" },
    ]);
  });

  test("tells of a name that is not UTF-8", async () => {
    const folder = join(root, "walked");
    await mkdir(folder);
    await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff])]), "x");
    const entries = [];
    for await (const entry of walk(folder)) entries.push(entry);
    expect(entries).toMatchObject([{ kind: "skipped", why: "its name is not UTF-8" }]);
  });
});

describe("a name for people", () => {
  test("spells out what would move the cursor or change its colour, and nothing else", () => {
    expect(nameFor("a\n\u001b[31mb\u202e")).toBe("a\\u000a\\u001b[31mb\\u202e");
    expect(nameFor("заметки 📎 ü.txt")).toBe("заметки 📎 ü.txt");
  });
});

describe("copying a file", () => {
  test("replaces a wrong copy and leaves a right one", async () => {
    const [source, target, temporary] = ["source.txt", "kept/target.txt", "part"].map((name) =>
      join(root, name),
    );
    if (source === undefined || target === undefined || temporary === undefined) throw new Error("No names.");
    await writeFile(source, "right");
    await mkdir(join(root, "kept"));
    await writeFile(target, "wrong");
    const options = { source, target, temporary, signal: new AbortController().signal, onProgress: () => {} };
    expect(await copyChecked(options)).toMatchObject({ written: true, size: 5 });
    expect(await readFile(target, "utf8")).toBe("right");
    expect(await copyChecked(options)).toMatchObject({ written: false, size: 5 });
  });
});
