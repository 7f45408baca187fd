// The loss window, for real: a server that dies by SIGKILL after its response is out and before anything is recorded.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { open } from "duckdive";
import { expect, onTestFinished, test } from "vitest";

const program = fileURLToPath(new URL("crashing.mjs", import.meta.url));

async function answeredAndKilled(file: string, how: string): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [program, file, how], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const died = once(child, "exit");
  if (child.stdout === null) throw new Error("no pipe");
  const [port] = await once(createInterface({ input: child.stdout }), "line");
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const id = await response.text();
  expect(response.status).toBe(200);
  expect(await died).toEqual([null, "SIGKILL"]);
  return id;
}

test("what was held is lost, and what stands in the request's transaction is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-crash-"));
  const file = join(folder, "app.db");
  const duckdive = open(`sqlite:${file}`);
  onTestFinished(async () => {
    await duckdive.close();
    rmSync(folder, { recursive: true });
  });
  const held = await answeredAndKilled(file, "held");
  const kept = await answeredAndKilled(file, "tx");
  expect(await duckdive.get(held)).toBeUndefined();
  expect(await duckdive.get(kept)).toMatchObject({ state: "ready" });
});
