// Workers that die: who takes their place, who is told, who is blamed. With stand-ins for workers and real kills.
import { expect, test } from "vitest";
import { fakes, runnerHere } from "./runner/fakes.js";

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
