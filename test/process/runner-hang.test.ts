// Workers that stand still: warned of, told of, killed past the limit. With real processes, really stopped.
import { expect, test } from "vitest";
import { fakes, runnerHere, runnerProcess } from "./runner/fakes.js";

const run = { run: "run-1", job: "spin", token: 7, attempt: 1 };

test("a blocked event loop is told to a peer, which writes it on the run", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 2 });
  await runner.start();
  const [one, other] = [await workers.number(1), await workers.number(2)];
  one.does({ do: "pipe", line: { type: "blocked", milliseconds: 1_000, run, stack: "at spin" } });
  expect(await other.hears("blocked")).toEqual({
    type: "blocked",
    worker: one.worker,
    blocked: { milliseconds: 1_000, run, stack: "at spin" },
  });
  expect((await log.says("blocked")).text).toContain("stood still for 1s, because of spin run-1");
  for (const milliseconds of [2_000, 3_000])
    one.does({ do: "pipe", line: { type: "blocked", milliseconds, run } });
  one.does({ do: "pipe", line: { type: "unblocked", milliseconds: 3_500 } });
  await log.says("unblocked");
  one.does({ do: "pipe", line: { type: "blocked", milliseconds: 1_500, run } });
  await log.says("blocked", "1.5s");
  expect(log.lines.filter(({ event }) => event === "blocked")).toHaveLength(2);
});

test("without a peer it is told to the worker itself, once it moves again", async () => {
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program(), processes: 1 });
  await runner.start();
  const only = await workers.number(1);
  only.does({ do: "pipe", line: { type: "blocked", milliseconds: 1_000, run } });
  only.does({ do: "pipe", line: { type: "unblocked", milliseconds: 1_100, run } });
  expect(await only.hears("blocked")).toMatchObject({ worker: only.worker, blocked: { run } });
});

test("an event loop that stands still past the limit is killed, and its run is blamed", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 2, maxBlock: 500 });
  await runner.start();
  const [one, other] = [await workers.number(1), await workers.number(2)];
  process.kill(one.pid, "SIGSTOP");
  one.does({ do: "pipe", line: { type: "blocked", milliseconds: 400, run } });
  process.kill(one.pid, "SIGCONT");
  await other.hears("blocked");
  process.kill(one.pid, "SIGSTOP");
  expect(await other.hears("died")).toMatchObject({
    death: {
      cause: expect.stringMatching(/event loop stood still for .*; killed by the runner/),
      culprits: ["run-1"],
    },
  });
  await log.says("ready", `pid ${(await workers.number(3)).pid}`);
});

test("one that cannot stop because a run holds its event loop is killed at its time, and that run is blamed", async () => {
  const workers = await fakes();
  const program = workers.program({ onStop: "stay" });
  const { runner } = runnerHere({ program, processes: 2, drain: 0, maxBlock: "1m" });
  await runner.start();
  const both = [await workers.number(1), await workers.number(2)];
  const [one, other] = both.toSorted(({ pid }) => (pid === runner.processes[0]?.pid ? -1 : 1));
  if (one === undefined || other === undefined) return expect.unreachable();
  void runner.restart();
  await one.hears("stop");
  process.kill(one.pid, "SIGSTOP");
  one.does({ do: "pipe", line: { type: "blocked", milliseconds: 400, run } });
  process.kill(one.pid, "SIGCONT");
  await other.hears("blocked");
  process.kill(one.pid, "SIGSTOP");
  expect(await other.hears("died")).toMatchObject({
    death: { cause: expect.stringContaining("it did not stop within 5s"), culprits: ["run-1"] },
  });
}, 30_000);

test("a worker that moves again in time is left alone", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 1, maxBlock: 2_000 });
  await runner.start();
  const only = await workers.number(1);
  only.does({ do: "pipe", line: { type: "blocked", milliseconds: 1_900, run } });
  only.does({ do: "pipe", line: { type: "unblocked", milliseconds: 1_950, run } });
  await log.says("unblocked");
  await expect.poll(() => runner.health.processes[0]?.age, { timeout: 10_000 }).toBeGreaterThan(3_000);
  expect(runner.processes).toMatchObject([{ pid: only.pid, state: "ready" }]);
});

test("a stopped process, which can say nothing, is mentioned and then killed; nobody is blamed by name", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 2, maxBlock: 500 });
  await runner.start();
  const [one, other] = [await workers.number(1), await workers.number(2)];
  process.kill(one.pid, "SIGSTOP");
  const { death } = await other.hears("died");
  expect(death).toEqual({ worker: one.worker, cause: expect.stringMatching(/^nothing was heard of it/) });
  await log.says("silent", `pid ${one.pid}`);
});

test("a runner that was itself stopped for longer than its patience kills nobody for it", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program(), processes: 1, maxBlock: 100 });
  await parent.says("ready");
  const only = await workers.number(1);
  process.kill(only.pid, "SIGSTOP");
  parent.process.kill("SIGSTOP");
  const stoppedAt = performance.now();
  await expect.poll(() => performance.now() - stoppedAt, { timeout: 10_000 }).toBeGreaterThan(6_000);
  parent.process.kill("SIGCONT");
  process.kill(only.pid, "SIGCONT");
  parent.process.kill("SIGTTIN");
  await parent.says("report", `pid ${only.pid}`);
  expect(parent.lines.map(({ event }) => event)).not.toContain("died");
});
