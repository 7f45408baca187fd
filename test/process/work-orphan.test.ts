// A worker whose runner is gone ends by itself, whenever that happens: nobody would look after it any more.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attendedBy } from "../../src/runner/index.js";
import { type Folder, folder, main } from "../cli/duckdive.js";

let here: Folder;
beforeEach(() => {
  here = folder();
  here.write(
    "jobs.ts",
    'import { job } from "duckdive"; export const now = job({ name: "now", handle() {} });',
  );
});
afterEach(() => here.remove());

test("a worker whose runner was killed before it could listen stops as soon as it has begun", {
  timeout: 60_000,
}, async () => {
  const child = fork(main, ["work", "jobs.ts", "--drain", "1s"], {
    cwd: here.path,
    env: { PATH: process.env.PATH, JITI_FS_CACHE: "false", [attendedBy]: String(process.pid) },
    execArgv: [],
    stdio: ["ignore", "ignore", "ignore", "ipc", "pipe"],
  });
  const ended = once(child, "exit");
  child.disconnect();
  const isOver = await Promise.race([
    ended.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(resolve, 20_000, false)),
  ]);
  child.kill("SIGKILL");
  await ended;
  expect(isOver).toBe(true);
});

describe("a worker whose event loop stands still", () => {
  const still = fileURLToPath(new URL("runner/still.mjs", import.meta.url));

  test("is ended by its watchdog when its runner is gone, since it would never notice", async () => {
    const gone = fork(still, ["0", "60000"], { execArgv: [] });
    expect(await once(gone, "exit")).toEqual([null, "SIGKILL"]);
  });

  test("is left to its runner while that is there", async () => {
    const attended = fork(still, [String(process.pid), "2000"], { execArgv: [] });
    expect(await once(attended, "exit")).toEqual([0, null]);
  });
});
