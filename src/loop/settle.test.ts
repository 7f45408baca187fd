// Settlements on their way to a store that fails, that cannot take one of them, or that refuses.
import { describe, expect, test } from "vitest";
import { counting, engine, gate, memory, until } from "../../test/engine.js";
import { job } from "../job/index.js";

describe("settling", () => {
  test("is tried again while the store fails, and nothing is lost", async () => {
    const base = memory();
    let failures = 3;
    const { store, calls } = counting(base.store, {
      settle: (settlements) =>
        failures-- > 0 ? Promise.reject(new Error("the disk is full")) : base.store.settle(settlements),
    });
    const note = job({ name: "note", handle() {} });
    const { duckdive, work, clock, run, heard } = engine([note], { store, clock: base.clock });
    const { id } = await duckdive.enqueue(note);
    const worker = work();
    await until(() => heard.some(({ name }) => name === "error"));
    for (const times of [1, 2, 3]) {
      await until(() => calls.get("settle") === times);
      await clock.advance(100 * 2 ** (times - 1));
    }
    await worker.idle();
    expect(await run(id)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  test("one that the store cannot take holds up nobody else", async () => {
    const base = memory();
    let poisoned = "";
    const { store } = counting(base.store, {
      settle: (settlements) =>
        settlements.some(({ run }) => run === poisoned)
          ? Promise.reject(new Error("cannot write this one"))
          : base.store.settle(settlements),
    });
    const release = gate();
    const note = job({ name: "note", handle: () => release.passed });
    const { duckdive, work, clock, heard, store: _store } = engine([note], { store, clock: base.clock });
    const runs = await duckdive.enqueueMany(Array.from({ length: 10 }, () => note.with()));
    poisoned = runs[3]?.id ?? "";
    const worker = work();
    await until(() => heard.length === 10);
    release.open();
    await until(() => heard.some(({ name }) => name === "error"));
    await clock.advance(20_000);
    expect(await duckdive.stats()).toMatchObject({ succeeded: 9, running: 1 });
    const idle = worker.idle();
    const stopped = worker.stop();
    await clock.advance(5_000);
    await stopped;
    // Whoever waits for it to have nothing to do hears that it has stopped.
    await idle;
    expect(heard.at(-1)).toMatchObject({ name: "error", about: { error: { code: "SETTLEMENT_LOST" } } });
    expect(clock.nextTimer()).toBeUndefined();
    expect(await duckdive.stats()).toMatchObject({ succeeded: 9, ready: 1 });
  });

  test("one that the store refuses is reported, and the run is left as it is", async () => {
    const release = gate();
    const note = job({ name: "note", handle: () => release.passed });
    const { duckdive, work, store, run, heard } = engine([note]);
    const { id } = await duckdive.enqueue(note);
    const worker = work();
    await until(() => heard.length === 1);
    await store.rescue([{ worker: worker.id }]);
    await duckdive.pause("default");
    release.open();
    await until(() => heard.some(({ name }) => name === "refused"));
    expect(heard.find(({ name }) => name === "refused")).toMatchObject({ about: { run: id, attempt: 1 } });
    expect(await run(id)).toMatchObject({ state: "ready", attempt: 1 });
  });
});
