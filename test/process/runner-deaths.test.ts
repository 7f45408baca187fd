// Workers that die: who takes their place, who is told, who is blamed. With stand-ins for workers and real kills.
import { expect, test } from "vitest";
import { manualClock } from "../../src/kernel/index.js";
import { fakes, runnerHere, runnerProcess } from "./runner/fakes.js";

const run = { run: "run-1", job: "spin", token: 7, attempt: 1 };

test("a worker killed with -9 is replaced at once, and a peer is told of its death", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 2 });
  await runner.start();
  const [one, other] = [await workers.number(1), await workers.number(2)];
  process.kill(one.pid, "SIGKILL");
  expect(await other.hears("died")).toEqual({
    type: "died",
    death: { worker: one.worker, cause: "killed by SIGKILL" },
  });
  const third = await workers.number(3);
  await log.says("ready", `pid ${third.pid}`);
  await log.says("rescued", one.worker);
  expect(runner.processes.map(({ pid }) => pid).toSorted()).toEqual([other.pid, third.pid].toSorted());
});

test("a death with nobody to tell it to is told to the next worker that is ready", async () => {
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program(), processes: 1 });
  await runner.start();
  const first = await workers.number(1);
  process.kill(first.pid, "SIGKILL");
  const second = await workers.number(2);
  expect(await second.hears("died")).toMatchObject({ death: { worker: first.worker } });
});

test("a death is told to another when the one who was told dies before it has answered", async () => {
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program({ rescues: false }), processes: 2 });
  await runner.start();
  const [one, other] = [await workers.number(1), await workers.number(2)];
  process.kill(one.pid, "SIGKILL");
  await other.hears("died");
  const third = await workers.number(3);
  process.kill(other.pid, "SIGKILL");
  await third.hears("died");
  await expect
    .poll(() => third.heard.flatMap(({ death }) => (death === undefined ? [] : [death])))
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({ worker: one.worker }),
        expect.objectContaining({ worker: other.worker }),
      ]),
    );
});

test("a worker that says what it dies of is believed: the run that did it is blamed, and no other", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 2 });
  await runner.start();
  const [one, other] = [await workers.number(1), await workers.number(2)];
  one.does({ do: "pipe", line: { type: "dying", cause: "an error was thrown and not caught", run } });
  one.does({ do: "exit", code: 70 });
  const { job: _, ...executing } = run;
  const death = { worker: one.worker, cause: "an error was thrown and not caught", culprits: ["run-1"] };
  expect(await other.hears("died")).toEqual({ type: "died", death: { ...death, executing: [executing] } });
  expect((await log.says("died")).text).toContain("because of run run-1");
});

test("a worker that aborts is said to have run out of memory", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 1 });
  await runner.start();
  (await workers.number(1)).does({ do: "abort" });
  expect((await log.says("died")).text).toContain("aborted: probably out of memory");
});

test("a worker that somebody else tells to stop is replaced, and nobody mourns", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 2 });
  await runner.start();
  const [one, other] = [await workers.number(1), await workers.number(2)];
  process.kill(one.pid, "SIGTERM");
  await log.says("left", `pid ${one.pid}`);
  await log.says("ready", `pid ${(await workers.number(3)).pid}`);
  expect(other.heard).toEqual([]);
});

test("workers that find nothing left to do are not replaced, and end the runner with 0", async () => {
  const workers = await fakes();
  const { runner } = runnerHere({ program: workers.program(), processes: 2 });
  await runner.start();
  for (const position of [1, 2]) (await workers.number(position)).does({ do: "leave", why: "empty" });
  expect(await runner.over).toBe(0);
  expect(workers.all).toHaveLength(2);
});

test("what is no message of a worker is ignored and said once", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program(), processes: 1 });
  await runner.start();
  const only = await workers.number(1);
  only.does({ do: "send", message: { type: "status", status: "fine" } });
  only.does({ do: "raw", to: 4, text: "{not json\n" });
  only.does({ do: "pipe", line: { type: "blocked", milliseconds: 1_234 } });
  await log.says("blocked");
  expect(log.lines.filter(({ event }) => event === "nonsense")).toHaveLength(1);
  expect(runner.processes).toMatchObject([{ pid: only.pid, state: "ready" }]);
});

test("starts that cannot succeed end the runner with the workers' code and a last word", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program({ exits: 4 }), processes: 2 });
  await expect(runner.start()).rejects.toMatchObject({ code: "RUNNER_GAVE_UP", exit: 4 });
  expect(await runner.over).toBe(4);
  expect((await log.says("givingUp")).text).toContain("exited with code 4");
});

test("a crash loop slows down, and then ends the runner with 70", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program({ exits: 1 }), processes: 1 });
  await expect(runner.start()).rejects.toMatchObject({ exit: 70 });
  expect(await runner.over).toBe(70);
  const delays = log.lines.filter(({ event }) => event === "restarting").map(({ fields }) => fields.delay);
  expect(delays).toEqual([250, 500, 1_000]);
});

test("a stop while a worker waits to be started again starts it no more", async () => {
  const workers = await fakes();
  const { runner, log } = runnerHere({ program: workers.program({ exits: 1 }), processes: 1 });
  const started = runner.start();
  const { fields } = await log.says("restarting");
  await Promise.all([started, runner.stop()]);
  const saidSoFar = log.lines.length;
  const stoppedAt = performance.now();
  await expect.poll(() => performance.now() - stoppedAt).toBeGreaterThan(2 * Number(fields.delay));
  expect(log.lines.slice(saidSoFar)).toEqual([]);
});

test("a program that is not there ends the runner too", async () => {
  const { runner } = runnerHere({ program: { file: "not-there.mjs", execArgv: [] }, processes: 1 });
  await expect(runner.start()).rejects.toMatchObject({ exit: 70 });
});

test("deaths between which workers were replaced in good order are no crash loop, however many they become", async () => {
  const workers = await fakes();
  const clock = manualClock(0);
  const { runner, log } = runnerHere({ program: workers.program(), processes: 1, maxBlock: 0, clock });
  await runner.start();
  for (let round = 0; round < 6; round += 1) {
    (await workers.number(2 * round + 1)).does({ do: "exit", code: 1 });
    const heir = await workers.number(2 * round + 2);
    await log.says("ready", `pid ${heir.pid}`);
    await clock.advance(60_000);
    await runner.restart();
  }
  expect(log.lines.filter(({ event }) => event === "restarting" || event === "givingUp")).toEqual([]);
  expect(runner.processes).toMatchObject([{ state: "ready" }]);
});

test("a system without a descriptor to spare does not end the runner: the worker is started later", async () => {
  const workers = await fakes();
  const script = 'ulimit -n 64; exec "$0" "$@"';
  const options = { program: workers.program(), processes: 1, takesDescriptors: true };
  const runner = runnerProcess(options, ["sh", "-c", script]);
  expect((await runner.says("died")).text).toContain("EMFILE");
  await runner.says("ready");
});
