import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createRunner, type Runner } from "./runner.js";
import type { RunnerOptions } from "./settings.js";

function made(options: Partial<RunnerOptions> = {}): { runner: Runner; events: string[] } {
  const events: string[] = [];
  const program = { file: "never-started.mjs" };
  const runner = createRunner({ program, say: (event) => events.push(event), ...options });
  return { runner, events };
}

test("a runner that was never started stops at once, and does not start after that", async () => {
  const { runner, events } = made();
  await runner.stop();
  expect(await runner.over).toBe(0);
  await runner.start();
  await runner.restart();
  expect(events).toEqual(["over"]);
  expect(runner.health.live).toBe(false);
});

test("a stop while it opens what it needs leaves nothing open, and starts nobody", async () => {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-runner-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const before = process.listenerCount("SIGTERM");
  const { runner, events } = made({ health: { port: 0 }, watch: [folder] });
  const starting = runner.start();
  const stopping = runner.stop();
  await Promise.all([starting, stopping]);
  expect(events).not.toContain("started");
  expect(process.listenerCount("SIGTERM")).toBe(before);
  await expect(fetch(`${runner.healthUrl}/live`)).rejects.toThrow();
});

test("options that cannot be meant are refused before anything is started", () => {
  expect(() => made({ processes: 0 })).toThrow(/runner: processes/);
});
