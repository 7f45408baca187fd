// Workers that are replaced while they live: rounds, limits, changed files. The new one is ready before the old one stops.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fakes, type Log, runnerHere } from "./runner/fakes.js";

/** After each line, how many workers were ready and had not been told to stop. */
function readyAfterEach({ lines }: Log): number[] {
  let ready = 0;
  return lines.map(({ event }) => {
    if (event === "ready") ready += 1;
    if (event === "replaced" || event === "died") ready -= 1;
    return ready;
  });
}

test("a restart replaces every worker, one at a time, and never has one fewer", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 2 });
  await runner.start();
  const before = runner.processes.map(({ pid }) => pid);
  const seen = log.lines.length;
  await runner.restart();
  const after = runner.processes.map(({ pid }) => pid);
  expect(after).toHaveLength(2);
  expect(after.filter((pid) => before.includes(pid))).toEqual([]);
  const ready = readyAfterEach(log).slice(seen - 1);
  expect(Math.min(...ready)).toBe(2);
  expect(Math.max(...ready)).toBe(3);
});

test("asked for again while it is under way, it replaces every worker once more", async () => {
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program(), processes: 2 });
  await runner.start();
  await Promise.all([runner.restart(), runner.restart(), runner.restart()]);
  expect(workers.all).toHaveLength(6);
});

test("when the new code does not start the old workers go on", async () => {
  const workers = await fakes();
  const folder = ownFolder();
  const file = join(folder, "program.mjs");
  const program = workers.program();
  writeFileSync(file, `await import(${JSON.stringify(program.file)});`);
  const { runner, log } = runnerHere({ program: { ...program, file }, processes: 2 });
  await runner.start();
  const before = runner.processes;
  writeFileSync(file, "process.exit(4);");
  await runner.restart();
  expect(runner.processes).toEqual(before);
  await log.says("notReplaced", "goes on");
  await log.says("restart.failed");
});

test.each([
  ["memory", { maxMemory: "64mb" as const }, { memory: 70_000_000 }, "its memory is 67 MB"],
  ["number of runs", { maxRuns: 100 }, { ended: 100 }, "it has executed 100 runs"],
  ["age", { maxAge: 300 }, {}, "old, of 300ms at most"],
])("a worker over its %s is replaced in good order", async (_, limit, status, why) => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 1, ...limit });
  await runner.start();
  const first = await workers.number(1);
  first.does({ do: "status", status });
  expect((await log.says("replaced")).text).toContain(why);
  await log.says("left", `pid ${first.pid}`);
  expect(await first.hears("stop")).toEqual({ type: "stop", drain: 25_000 });
});

test("a worker that asks for it is replaced", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 1 });
  await runner.start();
  const first = await workers.number(1);
  first.does({ do: "send", message: { type: "recycle", why: "an execution has leaked" } });
  await log.says("replaced", "an execution has leaked");
  await log.says("left", `pid ${first.pid}`);
});

test("an old worker that does not stop in its time is killed", async () => {
  const workers = await fakes();
  const program = workers.program({ onStop: "ignore" });
  const { runner, log } = runnerHere({ program, processes: 1, drain: 0 });
  await runner.start();
  const first = await workers.number(1);
  await runner.restart();
  expect((await log.says("died", `pid ${first.pid}`)).text).toContain("did not stop within");
});

test("quiet holds for workers that are started later, until they may go on", async () => {
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program(), processes: 1 });
  await runner.start();
  const first = await workers.number(1);
  runner.quiet();
  await first.hears("quiet");
  process.kill(first.pid, "SIGKILL");
  const second = await workers.number(2);
  await second.hears("quiet");
  runner.resume();
  await second.hears("resume");
  process.kill(second.pid, "SIGKILL");
  const third = await workers.number(3);
  await third.hears("died");
  expect(third.heard.map(({ type }) => type)).not.toContain("quiet");
});

test("a changed file brings new workers; broken code is said, and mended code starts", async () => {
  const workers = await fakes();
  const folder = ownFolder();
  const file = join(folder, "program.mjs");
  const program = workers.program();
  const good = `await import(${JSON.stringify(program.file)});`;
  writeFileSync(file, "process.exit(4);");
  const { runner, log } = runnerHere({
    program: { ...program, file },
    processes: 1,
    drain: 0,
    watch: [folder],
  });
  const started = runner.start();
  await log.says("broken", "Waiting for the next change");
  writeFileSync(file, good);
  await started;
  const first = await workers.number(1);
  writeFileSync(join(folder, "jobs.db"), "what the application itself writes");
  writeFileSync(file, `${good} // changed`);
  await log.says("left", `pid ${first.pid}`);
  const second = await workers.number(2);
  expect(log.lines.filter(({ event }) => event === "restart.begun").map(({ text }) => text)).toEqual([
    expect.stringContaining("program.mjs changed"),
    expect.stringContaining("program.mjs changed"),
  ]);
  writeFileSync(file, "process.exit(4);");
  await log.says("notReplaced", `pid ${second.pid}`);
  expect(runner.processes).toMatchObject([{ pid: second.pid, state: "ready" }]);
});

function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-runner-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
