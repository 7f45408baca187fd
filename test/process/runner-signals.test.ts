// A runner in a process of its own, and the signals that people and systems send to it. No worker outlives it.
import { expect, test } from "vitest";
import { fakes, isGone, runnerProcess } from "./runner/fakes.js";

const canUnshare = process.platform === "linux" && process.getuid?.() === 0;

test("TERM lets the workers drain, and the runner ends with 0", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program(), processes: 2, drain: "7s" });
  const [one, other] = [await workers.number(1), await workers.number(2)];
  await parent.says("ready", `pid ${one.pid}`);
  await parent.says("ready", `pid ${other.pid}`);
  parent.process.kill("SIGTERM");
  expect(await one.hears("stop")).toEqual({ type: "stop", drain: 7_000 });
  expect(await parent.ended).toEqual({ code: 0, signal: null });
  await isGone(other.pid);
});

test("TERM while a worker starts, and while one waits to be started again, ends both", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program({ isReady: false }), processes: 2 });
  const one = await workers.number(1);
  await workers.number(2);
  one.does({ do: "exit", code: 1 });
  const third = await workers.number(3);
  third.does({ do: "exit", code: 1 });
  await parent.says("restarting");
  parent.process.kill("SIGTERM");
  expect(await parent.ended).toEqual({ code: 0, signal: null });
  expect(workers.all).toHaveLength(3);
});

test("a second TERM hurries, a third kills and leaves with 143", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program({ onStop: "ignore" }), processes: 1 });
  await parent.says("ready");
  const only = await workers.number(1);
  parent.process.kill("SIGTERM");
  await parent.says("signal", "stopping");
  parent.process.kill("SIGTERM");
  await parent.says("signal", "again");
  await expect
    .poll(() => only.heard.filter(({ type }) => type === "stop"))
    .toEqual([
      { type: "stop", drain: 25_000 },
      { type: "stop", drain: 0 },
    ]);
  parent.process.kill("SIGTERM");
  expect(await parent.ended).toEqual({ code: 143, signal: null });
  await isGone(only.pid);
});

test("INT three times leaves with 130", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program({ onStop: "ignore" }), processes: 1 });
  await parent.says("ready");
  for (const text of ["stopping", "again", "third time"]) {
    await expect
      .poll(
        () => {
          parent.process.kill("SIGINT");
          return parent.lines.some((line) => line.event === "signal" && line.text.includes(text));
        },
        { interval: 150 },
      )
      .toBe(true);
  }
  expect(await parent.ended).toEqual({ code: 130, signal: null });
});

test("HUP brings new workers, TERM in the middle of it ends the old and the new", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program({ onStop: "hurry" }), processes: 1 });
  await parent.says("ready");
  const first = await workers.number(1);
  parent.process.kill("SIGHUP");
  const second = await workers.number(2);
  await parent.says("replaced", `pid ${first.pid}`);
  parent.process.kill("SIGTERM");
  await second.hears("stop");
  parent.process.kill("SIGTERM");
  expect(await parent.ended).toEqual({ code: 0, signal: null });
  await Promise.all([isGone(first.pid), isGone(second.pid)]);
  expect(workers.all).toHaveLength(2);
});

test.each(["SIGTSTP", "SIGUSR2"] as const)(
  "%s lets nobody fetch any more, CONT lets them go on",
  async (signal) => {
    const workers = await fakes();
    const parent = runnerProcess({ program: workers.program(), processes: 1 });
    await parent.says("ready");
    const only = await workers.number(1);
    parent.process.kill(signal);
    await only.hears("quiet");
    parent.process.kill("SIGCONT");
    await only.hears("resume");
  },
);

test("TTIN says what every worker is doing, USR1 kills what runs", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program(), processes: 1 });
  await parent.says("ready");
  const only = await workers.number(1);
  const running = [{ run: "run-1", job: "mail", token: 1, attempt: 1, queue: "default", since: 1_500 }];
  only.does({ do: "status", status: { running } });
  await expect
    .poll(() => {
      parent.process.kill("SIGTTIN");
      return parent.lines.some(({ text }) => text.includes("mail run-1 in queue default"));
    })
    .toBe(true);
  parent.process.kill("SIGUSR1");
  await only.hears("kill");
});

test("a runner that is killed leaves workers that notice it", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program(), processes: 1 });
  await parent.says("ready");
  const only = await workers.number(1);
  parent.process.kill("SIGKILL");
  await isGone(only.pid);
});

test("a runner that fails itself says a last word and takes its workers with it", async () => {
  const workers = await fakes();
  const program = workers.program({ onStop: "ignore", staysWhenLeftAlone: true });
  const parent = runnerProcess({ program, processes: 1, throwsOn: "signal" });
  await parent.says("ready");
  const only = await workers.number(1);
  parent.process.kill("SIGTSTP");
  expect((await parent.says("crashed")).text).toContain("the parent itself fails");
  expect((await parent.ended).code).toBe(1);
  await isGone(only.pid);
});

test("a worker that writes into its channel what is not JSON does not end the runner", async () => {
  const workers = await fakes();
  const parent = runnerProcess({ program: workers.program(), processes: 1 });
  await parent.says("ready");
  const only = await workers.number(1);
  only.does({ do: "raw", to: 3, text: "{nonsense\n" });
  await parent.says("nonsense", "not JSON");
  only.does({ do: "send", message: { type: "rescued", worker: "another", runs: 1 } });
  await parent.says("rescued", "another");
});

test.skipIf(!canUnshare)("as PID 1 of a container it obeys TERM and leaves nobody", async () => {
  const workers = await fakes();
  const command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];
  const parent = runnerProcess({ program: workers.program(), processes: 2 }, command);
  const started = await parent.says("started");
  expect(started.fields.pid).toBe(1);
  await parent.says("ready", "worker 1");
  await parent.says("ready", "worker 2");
  const [runner] = await childrenOf(parent.process.pid);
  process.kill(runner ?? 0, "SIGTERM");
  expect(await parent.ended).toEqual({ code: 0, signal: null });
});

/** The processes that this one has started, as the system knows them. */
async function childrenOf(pid: number | undefined): Promise<number[]> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.trim().split(" ").map(Number);
}
