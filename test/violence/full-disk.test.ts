// A full disk, a real one: a small tmpfs. What was acknowledged stays, what was not says STORE_FULL, and when there is
// room again all goes on.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { job, open } from "../../src/index.js";
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
