import fc from "fast-check";
import { expect, test } from "vitest";
import { service } from "./service.js";
import { stressService } from "./stress-service.js";

function watched(fails: () => boolean = () => false) {
  const log: string[] = [];
  const state = { running: false, busy: false };
  const work = (name: string, running: boolean) => async () => {
    if (state.busy) expect.unreachable("start and stop met");
    state.busy = true;
    await new Promise((resolve) => setImmediate(resolve));
    state.busy = false;
    if (running && fails()) throw new Error("cannot start");
    state.running = running;
    log.push(name);
  };
  return { log, state, made: service({ start: work("start", true), stop: work("stop", false) }) };
}

test("a service keeps the contract in every awkward order", async () => {
  let latest = watched();
  const make = () => {
    latest = watched();
    return latest.made;
  };
  await stressService(make, () => latest.state.running);
});

test("stop before start does nothing, and a later start starts", async () => {
  const { log, made } = watched();
  await made.stop();
  await made.start();
  await made.start();
  expect(log).toEqual(["start"]);
});

test("stop during start waits for it, and resolves when it is stopped", async () => {
  const { log, state, made } = watched();
  const starting = made.start();
  await made.stop();
  expect(state.running).toBe(false);
  expect(log).toEqual(["start", "stop"]);
  await starting;
});

test("a start that fails leaves it stopped, stoppable and startable", async () => {
  let broken = true;
  const { log, made } = watched(() => broken);
  await expect(made.start()).rejects.toThrow("cannot start");
  await made.stop();
  await expect(made.start()).rejects.toThrow("cannot start");
  broken = false;
  await made.start();
  expect(log).toEqual(["start"]);
});

test("any calls at all end as last asked, and never overlap", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.boolean())), async (calls) => {
      const { log, state, made } = watched();
      const promises: Promise<void>[] = [];
      for (const [start, wait] of calls) {
        const promise = start ? made.start() : made.stop();
        promises.push(promise);
        if (wait) await promise;
      }
      await Promise.all(promises);
      expect(state.running).toBe(calls.at(-1)?.[0] ?? false);
      expect(log).toEqual(log.map((_, index) => (index % 2 === 0 ? "start" : "stop")));
    }),
  );
});
