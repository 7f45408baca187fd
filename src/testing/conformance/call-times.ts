// When durable calls were written: what people are told of how long each took.
//
// A store gives the time, on its own clock. It goes with what was written last: a beginning, a try, an end.
import assert from "node:assert/strict";
import type { Claimed, Entry, Store } from "../../store/contract.js";
import {
  aRun,
  boom,
  enter,
  failed,
  fenceOf,
  hour,
  insertOne,
  minute,
  only,
  running,
  settle,
  succeeded,
  takeOne,
} from "./build.js";
import type { Suite } from "./suite.js";

async function write(store: Store, claimed: Claimed, ...entries: readonly Entry[]): Promise<void> {
  const answer = only(await store.record([{ ...fenceOf(claimed), entries }]));
  assert.ok(answer.taken, "the write was to be taken");
}

async function timesIn(store: Store, run: string): Promise<Record<string, number | undefined>> {
  return Object.fromEntries((await store.entries(run)).map(({ name, at }) => [name, at]));
}

export function callTimes({ test }: Suite): void {
  test("a call has the time of its beginning, then of its last try, then of its end", async ({
    store,
    clock,
  }) => {
    const { id, claimed } = await running(store);
    const first = store.now();
    await write(store, claimed, { name: "done", kind: "step", state: "done", value: "1" });
    await clock.advance(minute);
    const second = store.now();
    await write(
      store,
      claimed,
      { name: "tried", kind: "step", state: "pending", attempts: 1 },
      { name: "sleep", kind: "sleep", state: "pending", due: { after: hour } },
    );
    assert.deepEqual(await timesIn(store, id), { done: first, tried: second, sleep: second });
    await clock.advance(minute);
    const third = store.now();
    await write(store, claimed, { name: "tried", kind: "step", state: "pending", attempts: 2, error: boom });
    assert.deepEqual(await timesIn(store, id), { done: first, tried: third, sleep: second });
    await clock.advance(minute);
    await write(
      store,
      claimed,
      { name: "tried", kind: "step", state: "done", value: "1" },
      // What has settled stays as it is, its time too.
      { name: "done", kind: "step", state: "done", value: "2" },
    );
    assert.deepEqual(await timesIn(store, id), { done: first, tried: store.now(), sleep: second });
  });

  test("whoever wrote learns it as well", async ({ store }) => {
    const { claimed } = await running(store);
    const entries: Entry[] = [{ name: "done", kind: "step", state: "done", value: "1" }];
    const answer = only(await store.record([{ ...fenceOf(claimed), entries }]));
    assert.ok(answer.taken);
    assert.equal(only(answer.settled).at, store.now());
  });

  test("a child's call has the time at which the child ended, a signal's that of its delivery", async ({
    store,
    clock,
  }) => {
    const { id, claimed } = await running(store);
    const parent = { run: id, entry: "child", onEnd: "cancel" } as const;
    await store.record([
      {
        ...fenceOf(claimed),
        entries: [
          { name: "child", kind: "child", state: "pending" },
          { name: "wait", kind: "signal", hash: "approved", state: "pending" },
        ],
        children: [aRun({ parent })],
      },
    ]);
    await clock.advance(minute);
    const ended = store.now();
    await settle(store, succeeded(await takeOne(store, await enter(store))));
    await clock.advance(minute);
    const delivered = store.now();
    await store.signal([{ id: aRun().id, to: { run: id }, name: "approved", payload: undefined }]);
    await clock.advance(minute);
    assert.deepEqual(await timesIn(store, id), { child: ended, wait: delivered });
  });

  test("a run that moves keeps them", async ({ store, clock }) => {
    const id = await insertOne(store);
    const claimed = await takeOne(store, await enter(store));
    await write(store, claimed, { name: "done", kind: "step", state: "done", value: "1" });
    await clock.advance(minute);
    await write(store, claimed, { name: "wait", kind: "signal", hash: "approved", state: "pending" });
    await settle(store, failed(claimed));
    const before = await store.entries(id);
    const [whole] = await store.read([id]);
    assert.ok(whole !== undefined);
    await store.release([{ id, token: whole.run.token, state: whole.run.state }]);
    assert.deepEqual(await store.entries(id), []);
    await clock.advance(minute);
    await store.adopt([whole]);
    assert.deepEqual(await store.entries(id), before);
  });
}
