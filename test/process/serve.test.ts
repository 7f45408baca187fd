// `duckdive serve` as processes: the API beside workers, in one tree that survives the death of each part and ends in order.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { processLives } from "../../src/kernel/index.js";
import { folder } from "../cli/duckdive.js";
import { eventually } from "../violence/processes.js";
import { listen } from "../web/listening.js";
import { ask, token } from "../web/server.js";
import { listenTo, type Program, patience } from "./service.js";

const jobsFile = `
import { job, signal } from "duckdive";
const withText = (name) => ({ "~standard": { version: 1, vendor: "test", validate: (value) =>
  typeof value?.[name] === "string" ? { value } : { issues: [{ message: "no text", path: [name] }] } } });
export const mail = job({ name: "mail", input: withText("to"), handle: ({ to }) => ({ to, pid: process.pid }) });
export const approved = signal("approved", withText("by"));
`;

/** A program in a folder of its own, which has the token of the tests unless others are named. */
function serving(args: readonly string[] = [], env: NodeJS.ProcessEnv = { DUCKDIVE_TOKEN: token }): Program {
  const here = folder();
  here.write("jobs.ts", jobsFile);
  const started = here.start(
    ["serve", "jobs.ts", "--port", "0", "--processes", "1", "--log", "json", ...args],
    {
      env,
    },
  );
  const program = listenTo(started);
  onTestFinished(async () => {
    program.signal("SIGKILL");
    await program.ended;
    await here.remove();
  });
  return program;
}

async function ready(program: Program): Promise<{ api: string; pid: number }> {
  const { url, pid } = await program.hears("serving");
  return { api: `${String(url)}/api`, pid: Number(pid) };
}

test("it answers, runs what is asked for in another process, and ends with its streams", async () => {
  const program = serving();
  const served = await ready(program);
  expect((await fetch(`${served.api}/runs`)).status).toBe(401);
  const wrong = await ask(served, "POST", "/runs", { job: "mail", input: { to: 7 } });
  expect([wrong.status, wrong.body.code]).toEqual([422, "INVALID_INPUT"]);
  const { body } = await ask(served, "POST", "/runs", { job: "mail", input: { to: "Ada" } });
  const outcome = await ask(served, "GET", `/runs/${body.id}/outcome?wait=30`);
  expect(outcome.body).toMatchObject({ state: "succeeded", output: { to: "Ada", pid: expect.any(Number) } });
  expect(outcome.body).not.toMatchObject({ output: { pid: served.pid } });
  const badly = await ask(served, "POST", `/runs/${body.id}/signal`, {
    name: "approved",
    payload: { by: 7 },
  });
  expect(badly.body.code).toBe("INVALID_INPUT");
  const ear = await listen(served);
  await ear.until(({ event }) => event === "ready");
  program.signal("SIGTERM");
  expect(await ear.next()).toBeUndefined();
  expect((await program.ended).code).toBe(0);
});

test("the part that serves is started again where it was when it dies, and the workers go on", async () => {
  const program = serving();
  const before = await ready(program);
  const worker = await program.hears("ready");
  process.kill(before.pid, "SIGKILL");
  const again = await program.hears("serving", ({ pid }) => pid !== before.pid);
  expect(`${String(again.url)}/api`).toBe(before.api);
  const { body } = await ask(before, "POST", "/runs", { job: "mail", input: { to: "Ada" } });
  const outcome = await ask(before, "GET", `/runs/${body.id}/outcome?wait=30`);
  expect(outcome.body).toMatchObject({ output: { pid: worker.pid } });
  program.signal("SIGTERM");
  expect((await program.ended).code).toBe(0);
});

test("without a token it is for this machine only, and says so", async () => {
  const program = serving([], {});
  const { api } = await ready(program);
  expect((await fetch(`${api}/jobs`)).status).toBe(200);
  const elsewhere = serving(["--host", "0.0.0.0"], {});
  const { code, stderr } = await elsewhere.ended;
  expect(code).toBe(2);
  expect(stderr).toMatch(/DUCKDIVE_TOKEN=\$\(openssl rand -hex 32\) duckdive serve/);
});

test("a port that is taken is told at once, and nothing is started", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => void other.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const program = serving(["--port", String(port)]);
  const { code, stderr } = await program.ended;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/WEB_PORT/)]);
  expect(program.lines).toEqual([]);
});

test("with no workers beside it, it serves in one process, and what it records waits", async () => {
  const program = serving(["--processes", "0"]);
  const served = await ready(program);
  expect(served.pid).toBe(program.child.pid);
  const { body } = await ask(served, "POST", "/runs", { job: "mail", input: { to: "Ada" } });
  expect((await ask(served, "GET", `/runs/${body.id}`)).body).toMatchObject({ state: "ready" });
  program.signal("SIGTERM");
  expect((await program.ended).code).toBe(0);
});

test("killed, it leaves nothing behind that serves or works", async () => {
  const program = serving();
  const served = await ready(program);
  const { pid } = await program.hears("ready");
  program.signal("SIGKILL");
  await program.ended;
  for (const left of [served.pid, Number(pid)])
    await eventually(async () => !processLives(left, undefined), patience);
  await expect(fetch(`${served.api}/jobs`)).rejects.toThrow();
});

test("no token is in what it says", async () => {
  const program = serving(["--token", token]);
  const served = await ready(program);
  await ask(served, "GET", "/queues");
  program.signal("SIGTERM");
  const { stdout, stderr } = await program.ended;
  expect(stdout + stderr).not.toContain(token);
});
