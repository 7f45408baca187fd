// What the contract names and this version does not do yet: refused by name, with nothing written.
//
// A run that asks for a lock and gets none is worse than a run that is refused. Each test here is replaced by those of
// the issue that builds the thing.
import assert from "node:assert/strict";
import { aRun, insertOne, running, stored, withCode } from "./build.js";
import type { Suite } from "./suite.js";

export function unbuilt(suite: Suite): void {
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
}
