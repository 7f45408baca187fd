// The health of a runner, asked over HTTP.
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { fakes, runnerHere } from "./runner/fakes.js";

async function ask(url: string, path: string): Promise<{ code: number; body: Record<string, unknown> }> {
  const response = await fetch(`${url}${path}`);
  const body: unknown = await response.json();
  return { code: response.status, body: { ...(body as object) } };
}

test("it is live at once, ready when the workers are, and tells of each process", async () => {
  const workers = await fakes();
  const program = workers.program({ isReady: false });
  const { runner, log } = runnerHere({ program, processes: 1, health: { port: 0 } });
  const started = runner.start();
  await log.says("health");
  const url = runner.healthUrl ?? "";
  const only = await workers.number(1);
  expect((await ask(url, "/live")).code).toBe(200);
  expect(await ask(url, "/ready")).toMatchObject({ code: 503, body: { ready: false } });
  only.does({ do: "ready" });
  await started;
  expect(await ask(url, "/ready")).toEqual({ code: 200, body: { ready: true, problems: [] } });
  const { code, body } = await ask(url, "/");
  expect(code).toBe(200);
  expect(body.processes).toMatchObject([
    {
      pid: only.pid,
      worker: only.worker,
      state: "ready",
      status: { running: [], memory: 50_000_000, delay: 1, leaked: [], lastFetch: expect.any(Number) },
    },
  ]);
  expect((await ask(url, "/elsewhere")).code).toBe(404);
});

test("it turns unhealthy when a worker wants to fetch and cannot, and healthy again when it can", async () => {
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program(), processes: 1, health: { port: 0 } });
  await runner.start();
  const url = runner.healthUrl ?? "";
  const only = await workers.number(1);
  only.does({ do: "status", status: { fetchingFor: 31_000 } });
  await expect.poll(async () => (await ask(url, "/ready")).code).toBe(503);
  const { body } = await ask(url, "/");
  expect(body.problems).toEqual([expect.stringMatching(/wants to fetch and has not been able to/)]);
  expect((await ask(url, "/live")).code).toBe(200);
  only.does({ do: "status", status: { fetchingFor: 0 } });
  await expect.poll(async () => (await ask(url, "/ready")).code).toBe(200);
});

test("whatever is asked for, it answers and goes on", async () => {
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program(), processes: 1, health: { port: 0 } });
  await runner.start();
  const url = runner.healthUrl ?? "";
  for (const target of ["//", "http://[", "*", "/%", "/live?deep=1"]) {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(`GET ${target} HTTP/1.1\r\nHost: here\r\n\r\n`);
    const [first] = await once(socket, "data");
    expect(String(first), target).toMatch(target.startsWith("/live") ? /^HTTP\/1.1 200/ : /^HTTP\/1.1 404/);
    socket.destroy();
  }
  expect((await ask(url, "/live")).code).toBe(200);
});

test("a port that is taken is an error with its remedy, before anything is started", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void taken.close());
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program(), processes: 1, health: { port } });
  await expect(runner.start()).rejects.toMatchObject({
    code: "HEALTH_PORT",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
  expect(await runner.over).toBe(1);
  expect(workers.all).toEqual([]);
});
