// What the contract names and this version does not do yet: refused by name, with nothing written.
//
// A run that asks for a lock and gets none is worse than a run that is refused. Each test here is replaced by those of
// the issue that builds the thing.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { NewRun, Store } from "../../store/contract.js";
import { aRun, fenceOf, insertOne, picture, running, stored, withCode } from "./build.js";
import type { Suite } from "./suite.js";

export function unbuilt(suite: Suite): void {
  const refused: Record<string, Partial<NewRun>> = {
    "runs to come after": { after: [newId()] },
    "a batch": { batch: "b" },
  };
  for (const [what, fields] of Object.entries(refused)) {
    suite.test(`a run with ${what} is refused by name, and nothing is written`, async ({ store }) => {
      await assert.rejects(store.insert([aRun(), aRun(fields), aRun()]), withCode("NOT_BUILT"));
      assert.equal(await store.count({}), 0);
    });
  }

  suite.test("a run with a parent is refused by name, or recorded with it", async ({ store }) => {
    const { id } = await running(store);
    const child = aRun({ parent: { run: id, entry: "child", onEnd: "cancel" } });
    await store
      .insert([child])
      .then(async () => assert.equal((await stored(store, child.id)).parent, id), withCode("NOT_BUILT"));
  });

  suite.test("empty lists of what is not built are no request for it", async ({ store }) => {
    assert.equal(
      (await stored(store, await insertOne(store, { gates: [], after: [], tags: [], meta: {} }))).state,
      "ready",
    );
  });

  suite.test("a signal is refused by name", async ({ store }) => {
    const { id } = await running(store);
    const before = await picture(store, id);
    await assert.rejects(
      store.signal([{ id: newId(), to: { run: id }, name: "approved", payload: "true" }]),
      withCode("NOT_BUILT"),
    );
    assert.deepEqual(await picture(store, id), before);
  });

  suite.test("entries are refused by name, and no child is recorded", async ({ store }) => {
    const { id, claimed } = await running(store);
    const before = await picture(store, id);
    const record = (children: NewRun[]) =>
      store.record([
        { ...fenceOf(claimed), entries: [{ name: "a", kind: "step", state: "done", value: "1" }], children },
      ]);
    await assert.rejects(record([aRun()]), withCode("NOT_BUILT"));
    await assert.rejects(record([]), withCode("NOT_BUILT"));
    await noEntries(store, id);
    assert.deepEqual(await picture(store, id), before);
    assert.equal(await store.count({}), 1);
  });
}

async function noEntries(store: Store, id: string): Promise<void> {
  await store.entries(id).then((entries) => assert.deepEqual(entries, []), withCode("NOT_BUILT"));
}
