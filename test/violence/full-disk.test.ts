// A full disk, a real one: a small tmpfs. What was acknowledged stays, what was not says STORE_FULL, and when there is
// room again all goes on.
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { type Duckdive, job, open } from "../../src/index.js";
import { ownFolder } from "./processes.js";

/** Mounts a file system of 3 MB; undefined when this user may not. */
function smallDisk(): string | undefined {
  const folder = join(ownFolder(), "disk");
  mkdirSync(folder);
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]);
  if (mounted.status !== 0) return undefined;
  onTestFinished(() => {
    spawnSync("umount", ["--lazy", folder]);
  });
  return folder;
}

const note = job({ name: "note", input: z.object({ text: z.string() }), handle() {} });

test("an enqueue on a full disk is refused by name, loses nothing before it, and works again when there is room", async (context) => {
  const disk = smallDisk();
  if (disk === undefined) {
    context.skip("only root may mount a small disk");
    return;
  }
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(1_500_000));
  await using duckdive = open(`sqlite:${join(disk, "jobs.db")}`, { jobs: [note] });
  const text = "x".repeat(20_000);
  const acknowledged: string[] = [];
  let refusal: unknown;
  for (let n = 0; n < 500 && refusal === undefined; n++) {
    try {
      acknowledged.push((await duckdive.enqueue(note, { text })).id);
    } catch (error) {
      refusal = error;
    }
  }
  expect(refusal).toMatchObject({ code: "STORE_FULL" });
  expect(acknowledged.length).toBeGreaterThan(10);
  const stored = new Set<string>();
  for await (const { id } of duckdive.list()) stored.add(id);
  expect(stored).toEqual(new Set(acknowledged));

  rmSync(ballast);
  acknowledged.push((await duckdive.enqueue(note, { text })).id);
  await using worker = duckdive.work();
  await worker.ready;
  const outcomes = await Promise.all(
    acknowledged.map((id) => duckdive.run(note, id).outcome({ timeout: "10s" })),
  );
  expect(outcomes.every(({ state }) => state === "succeeded")).toBe(true);
});

test("a run that ends while the disk is full is recorded when there is room, and costs no attempt", async (context) => {
  const disk = smallDisk();
  if (disk === undefined) {
    context.skip("only root may mount a small disk");
    return;
  }
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const hold = job({ name: "hold", handle: () => released.then(() => "x".repeat(10_000)) });
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  await using duckdive = open(`sqlite:${join(disk, "jobs.db")}`, { jobs: [hold], log: silent });
  const began = heard(duckdive, "started");
  const run = await duckdive.enqueue(hold);
  await using worker = duckdive.work();
  await worker.ready;
  await began;
  const ballast = join(disk, "ballast");
  fill(ballast);
  const trouble = heard(duckdive, "error");
  release();
  expect((await trouble).error).toMatchObject({ code: "STORE_FULL" });
  expect(await run.get()).toMatchObject({ state: "running" });
  rmSync(ballast);
  expect(await run.result({ timeout: "10s" })).toHaveLength(10_000);
  expect(await run.get()).toMatchObject({ state: "succeeded", attempt: 1 });
});

/** Writes until there is no room for a byte more. */
function fill(path: string): void {
  const descriptor = openSync(path, "w");
  try {
    for (let size = 65_536; size >= 1; size = size >> 1) while (written(descriptor, size));
  } finally {
    closeSync(descriptor);
  }
}

function written(descriptor: number, size: number): boolean {
  try {
    return writeSync(descriptor, Buffer.alloc(size)) === size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}

/** The first event of a name. */
function heard<Name extends "started" | "error">(
  duckdive: Duckdive,
  name: Name,
): Promise<Parameters<Parameters<typeof duckdive.on<Name>>[1]>[0]> {
  return new Promise((resolve) => {
    const forget = duckdive.on(name, (about) => {
      forget();
      resolve(about);
    });
  });
}
