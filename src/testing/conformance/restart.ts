// A run that begins anew: another input, all its attempts, and nothing on record but how often.
import assert from "node:assert/strict";
import type { Claimed, Settlement } from "../../store/contract.js";
import { aRun, enter, fenceOf, insertOne, only, settle, stored, takeOne } from "./build.js";
import type { Suite } from "./suite.js";

export function restarts(suite: Suite): void {
  suite.test(
    "a run that begins anew has another input, all its attempts and an empty record",
    async ({ store }) => {
      const worker = await enter(store);
      const id = await insertOne(store, { input: JSON.stringify({ cursor: 1 }) });
      const first = await takeOne(store, worker);
      const done = { name: "a", kind: "step", state: "done", value: "1" } as const;
      await store.record([{ ...fenceOf(first), entries: [done] }]);
      await settle(store, anew(first, JSON.stringify({ cursor: 2 })));
      assert.equal((await stored(store, id)).input, JSON.stringify({ cursor: 2 }));
      const second = await takeOne(store, worker);
      assert.equal(second.run, id);
      assert.equal(second.attempt, 1);
      assert.equal(second.input, JSON.stringify({ cursor: 2 }));
      assert.equal(second.hasEntries, true);
      const [left, ...others] = await store.entries(id);
      assert.deepEqual(others, []);
      assert.equal(left?.kind, "restart");
      assert.equal(left?.value, "1");
      // A name may come again, and is then another call.
      const answer = only(await store.record([{ ...fenceOf(second), entries: [{ ...done, value: "2" }] }]));
      assert.ok(answer.taken);
      assert.ok(answer.settled.some(({ name, value }) => name === "a" && value === "2"));
    },
  );

  suite.test("an input of any size is begun anew with, and without", async ({ store }) => {
    const worker = await enter(store);
    const id = await insertOne(store, { input: JSON.stringify("small") });
    const inputs = [JSON.stringify("x".repeat(300_000)), JSON.stringify("small again"), undefined];
    for (const input of inputs) {
      await settle(store, anew(await takeOne(store, worker), input));
      assert.equal((await stored(store, id)).input, input);
    }
    assert.equal((await takeOne(store, worker)).input, undefined);
  });

  suite.test("its input is of the version that gave it", async ({ store }) => {
    const worker = await enter(store, { abilities: [{ job: "mail", version: 3 }] });
    const id = await insertOne(store, { input: "1", version: 1 });
    await settle(store, anew(await takeOne(store, worker), "2", 3));
    const { version, input } = await stored(store, id);
    assert.deepEqual({ version, input }, { version: 3, input: "2" });
  });

  suite.test("its children end as they would at its end", async ({ store }) => {
    const worker = await enter(store);
    const id = await insertOne(store);
    const claimed = await takeOne(store, worker);
    const [goes, stays] = [childOf(id, "goes", "cancel"), childOf(id, "stays", "leave")];
    const pending = ["goes", "stays"].map((name) => ({ name, kind: "child", state: "pending" }) as const);
    await store.record([{ ...fenceOf(claimed), entries: pending, children: [goes, stays] }]);
    await settle(store, anew(claimed));
    assert.equal((await stored(store, goes.id)).state, "cancelled");
    assert.equal((await stored(store, stays.id)).state, "ready");
    assert.deepEqual(
      (await store.entries(id)).map(({ kind }) => kind),
      ["restart"],
    );
  });

  suite.test("whoever lost the claim begins nothing anew", async ({ store }) => {
    const worker = await enter(store);
    const id = await insertOne(store, { input: "1" });
    const first = await takeOne(store, worker);
    await settle(store, { ...fenceOf(first), state: "ready", giveBack: true });
    await takeOne(store, worker);
    const answer = only(await store.settle([anew(first, "2")]));
    assert.equal(answer.taken, false);
    assert.equal((await stored(store, id)).input, "1");
  });
}

function anew(claimed: Claimed, input?: string, version = claimed.version): Settlement {
  return { ...fenceOf(claimed), state: "ready", giveBack: true, restart: { input, version, times: 1 } };
}

function childOf(parent: string, entry: string, onEnd: "cancel" | "leave") {
  return aRun({ parent: { run: parent, entry, onEnd } });
}
