// What systemd is told, and when, on a clock that the test moves; the tool itself is called in test/process.
import { expect, test } from "vitest";
import { manualClock } from "../kernel/index.js";
import { serviceManager } from "./systemd.js";

function managed(env: NodeJS.ProcessEnv, trouble?: string) {
  const clock = manualClock(0);
  const told: string[][] = [];
  const said: unknown[] = [];
  const manager = serviceManager(
    { NOTIFY_SOCKET: "/run/x", ...env },
    {
      clock,
      say: (...line) => void said.push(line),
      tell: async (lines) => {
        told.push([...lines]);
        return trouble;
      },
    },
  );
  if (manager === undefined) return expect.unreachable();
  return { clock, told, said, manager };
}

test("nobody is told anything where nobody waits for it", () => {
  const parts = { clock: manualClock(0), say: () => {}, tell: () => expect.unreachable() };
  expect(serviceManager({}, parts)).toBeUndefined();
  expect(serviceManager({ NOTIFY_SOCKET: "" }, parts)).toBeUndefined();
});

test("that it is ready, what changes, and that it stops, in this order", async () => {
  const { manager, told } = managed({});
  manager.ready("2 workers at work");
  manager.status("2 workers at work");
  manager.status("No worker is ready.");
  manager.stopping();
  await manager.end();
  manager.status("too late");
  expect(told).toEqual([
    ["READY=1", "STATUS=2 workers at work"],
    ["STATUS=No worker is ready."],
    ["STOPPING=1", "STATUS=stopping: waiting for what runs"],
  ]);
});

test("the watchdog is fed twice in its time, from the start to the end and while it stops", async () => {
  const { manager, told, clock } = managed({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(process.pid) });
  const fed = () => told.filter(([line]) => line === "WATCHDOG=1").length;
  await clock.advance(60_000);
  expect(fed()).toBe(0);
  manager.ready("");
  await clock.advance(30_000);
  expect(fed()).toBe(3);
  manager.stopping();
  await clock.advance(15_000);
  expect(fed()).toBe(4);
  await manager.end();
  await clock.advance(60_000);
  expect(fed()).toBe(4);
});

test("a watchdog that waits for another process is left alone", async () => {
  const { manager, told, clock } = managed({ WATCHDOG_USEC: "1000000", WATCHDOG_PID: "1" });
  manager.ready("");
  await clock.advance(10_000);
  expect(told).toHaveLength(1);
});

test("trouble is said once, with what to do", async () => {
  const { manager, said } = managed({}, "spawn systemd-notify ENOENT");
  manager.ready("");
  manager.stopping();
  await manager.end();
  expect(said).toHaveLength(1);
  expect(JSON.stringify(said)).toMatch(/ENOENT.*NotifyAccess=all/);
});
