// A worker whose runner is gone ends by itself, whenever that happens: nobody would look after it any more.
import { fork } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, expect, test } from "vitest";
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
