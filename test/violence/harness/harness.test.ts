// A short form of `npm run violence`, as the command itself: on both stores, under a fixed seed, no promise is broken.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("main.mjs", import.meta.url));

test.each([
  ["sqlite", "4"],
  ["postgres", "4"],
])("fifteen seconds of violence on %s break no promise", { timeout: 240_000 }, async (store, seed) => {
  const child = spawn(process.execPath, [main, "--store", store, "--seconds", "15", "--seed", seed], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    output += data.toString();
  });
  const [code] = await once(child, "close");
  expect(output).toMatch(/^violations 0$/m);
  expect(code).toBe(0);
});

test("a fault that does not exist is refused before anything begins", async () => {
  const child = spawn(process.execPath, [main, "--faults", "kill-all"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const [code] = await once(child, "close");
  expect(said).toMatch(/There is no fault "kill-all"/);
  expect(code).toBe(2);
});
