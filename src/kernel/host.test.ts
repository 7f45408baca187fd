import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { processLives, thisHost } from "./host.js";

const isLinux = process.platform === "linux";

test("this process lives, and is the same host every time", () => {
  const host = thisHost();
  expect(thisHost()).toEqual(host);
  expect(host.pid).toBe(process.pid);
  expect(processLives(host.pid, host.processStart)).toBe(true);
});

test("a process that was killed does not live", async () => {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
  await once(child, "spawn");
  expect(processLives(child.pid ?? 0, undefined)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(processLives(child.pid ?? 0, undefined)).toBe(false);
});

test.skipIf(!isLinux)("a process that has the id of another one is not that other one", () => {
  expect(processLives(process.pid, "1")).toBe(false);
});

test.skipIf(!isLinux)("a zombie, dead but not collected by its parent, does not live", async () => {
  // The shell starts a process that ends at once, prints its id, and becomes a program that never collects it.
  const parent = spawn("sh", ["-c", "true & echo $!; exec sleep 60"]);
  const [output] = await once(parent.stdout, "data");
  const zombie = Number(String(output).trim());
  await expect.poll(() => processLives(zombie, undefined)).toBe(false);
  parent.kill("SIGKILL");
  await once(parent, "exit");
});
