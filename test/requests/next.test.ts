// A real application of Next, built and served: what a route wants after its response is recorded by `after`, and worked there.
//
// Next is installed in a folder of its own: npm ci --prefix test/requests/next. Where it is not, this is skipped.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { open } from "duckdive";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const application = fileURLToPath(new URL("next", import.meta.url));
const next = join(application, "node_modules/next/dist/bin/next");

/** As npm would put it there; what it depends on is found further up. */
function installDuckdive(): void {
  const place = join(application, "node_modules/duckdive");
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  for (const part of ["package.json", "dist"])
    cpSync(join(root, part), join(place, part), { recursive: true });
}

/** Resolves with the address that it says it serves. */
async function served(env: NodeJS.ProcessEnv): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [next, "start", "-p", "0", "-H", "127.0.0.1"], {
    cwd: application,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    await gone;
  });
  if (child.stdout === null) throw new Error("no pipe");
  let url: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    url = /Local:\s+(http\S+)/.exec(line)?.[1] ?? url;
    if (url !== undefined && line.includes("Ready")) break;
  }
  child.stdout.resume();
  return url ?? "";
}

test.skipIf(!existsSync(next))("a route of Next", { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-next-"));
  const file = join(folder, "shop.db");
  const env = { ...process.env, SHOP: file, NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" as const };
  installDuckdive();
  await promisify(execFile)(process.execPath, [next, "build"], { cwd: application, env });
  const duckdive = open(`sqlite:${file}`);
  onTestFinished(async () => {
    await duckdive.close();
    rmSync(folder, { recursive: true });
  });
  const url = await served(env);
  const response = await fetch(`${url}/orders`, { method: "POST", headers: { "x-request-id": "r-77" } });
  const { id, recorded } = (await response.json()) as { id: string; recorded: boolean };
  expect(recorded).toBe(false);
  await expect
    .poll(async () => (await duckdive.get(id))?.state, { timeout: 30_000, interval: 50 })
    .toBe("succeeded");
  expect(await duckdive.get(id)).toMatchObject({ output: "r-77", meta: { requestId: "r-77" } });
});
