// Fair shares and ageing: who is next among runs of one priority, and when a run counts for more than its priority.
//
// A share is a name: a tenant, an account. What is promised is that whoever has something in line gets about as much as
// everybody else who has, however long the others' lines are, and that nobody is paid back for a time in which it had
// nothing there.
import assert from "node:assert/strict";
import type { Claimed, Store } from "../../store/contract.js";
import {
  aRun,
  at,
  backedOff,
  enter,
  insertOne,
  manyRuns,
  minute,
  only,
  second,
  settle,
  stored,
  succeeded,
  take,
} from "./build.js";
import { inARow, limit, runsOf } from "./gates-build.js";
import type { Suite } from "./suite.js";

export function fair(suite: Suite): void {
  suite.describe("shares", () => shares(suite));
  suite.describe("ageing", () => ageing(suite));
}

/** Claims and settles one run after another; answers the share of each, by the tag that the test gave it. */
async function sharesOf(store: Store, worker: string, count: number, slots = 1): Promise<string[]> {
  const names: string[] = [];
  while (names.length < count) {
    const claimed = await take(store, worker, { "*": slots });
    if (claimed.length === 0) break;
    names.push(...claimed.map(nameOf));
    await settle(store, ...claimed.map((run) => succeeded(run)));
  }
  return names;
}

function nameOf({ tags }: Claimed): string {
  return at(tags, 0);
}

function ofShare(name: string): { fair: string; tags: string[] } {
  return { fair: name, tags: [name] };
}

function countOf(names: readonly string[], name: string): number {
  return names.filter((one) => one === name).length;
}

function shares(suite: Suite): void {
  suite.test(
    "one run of another starts within a few claims, whatever the backlog of the first",
    async (bench) => {
      const { store, clock } = bench;
      await store.insert(manyRuns(3_000, () => ofShare("big")));
      const worker = await enter(store);
      await sharesOf(store, worker, 5);
      await clock.advance(second);
      await insertOne(store, ofShare("small"));
      assert.ok((await sharesOf(store, worker, 3)).includes("small"));
    },
  );

  suite.test("it does so in a claim of many as well", async (bench) => {
    const { store, clock } = bench;
    await store.insert(manyRuns(300, () => ofShare("big")));
    await clock.advance(second);
    await store.insert(manyRuns(3, () => ofShare("small")));
    const names = (await take(store, await enter(store), { "*": 10 })).map(nameOf);
    assert.deepEqual([names.length, countOf(names, "small")], [10, 3]);
  });

  suite.test("a backlog that was scheduled, and comes all at once, is no different", async (bench) => {
    const { store, clock } = bench;
    await store.insert(manyRuns(500, () => ({ ...ofShare("big"), due: { after: second } })));
    await clock.advance(second);
    await store.promote(1_000);
    const worker = await enter(store);
    await sharesOf(store, worker, 2);
    await insertOne(store, ofShare("small"));
    assert.ok((await sharesOf(store, worker, 3)).includes("small"));
  });

  suite.test("shares that have something in line get the same", async (bench) => {
    const { store } = bench;
    for (const [name, count] of [
      ["a", 60],
      ["b", 30],
      ["c", 30],
    ] as const) {
      await store.insert(manyRuns(count, () => ofShare(name)));
    }
    const worker = await enter(store);
    const names = [...(await sharesOf(store, worker, 15)), ...(await sharesOf(store, worker, 30, 5))];
    for (const name of ["a", "b", "c"]) {
      const count = countOf(names, name);
      assert.ok(count >= 13 && count <= 17, `${name} had ${count} of ${names.length}`);
    }
  });

  suite.test("within a share the oldest is next", async (bench) => {
    const { store } = bench;
    const ids = await inARow(bench, ofShare("a"), ofShare("b"), ofShare("a"), ofShare("b"), ofShare("a"));
    const worker = await enter(store);
    const started: Claimed[] = [];
    for (let count = 0; count < 5; count++) started.push(only(await take(store, worker, { "*": 1 })));
    for (const [name, places] of [
      ["a", [0, 2, 4]],
      ["b", [1, 3]],
    ] as const) {
      assert.deepEqual(
        runsOf(started.filter((run) => nameOf(run) === name)),
        places.map((place) => at(ids, place)),
      );
    }
  });

  suite.test("nobody is paid back for a time in which it had nothing in line", async (bench) => {
    const { store } = bench;
    await store.insert(manyRuns(60, () => ofShare("busy")));
    await insertOne(store, ofShare("rare"));
    const worker = await enter(store);
    await sharesOf(store, worker, 40);
    await store.insert(manyRuns(20, () => ofShare("rare")));
    const names = await sharesOf(store, worker, 10);
    assert.ok(countOf(names, "busy") >= 4, names.join(" "));
    assert.ok(countOf(names, "rare") >= 4, names.join(" "));
  });

  suite.test("a backlog that was cancelled is not held against its share", async (bench) => {
    const { store } = bench;
    const backlog = manyRuns(100, () => ofShare("a"));
    await store.insert(backlog);
    const worker = await enter(store);
    await sharesOf(store, worker, 3);
    await store.cancel(
      backlog.map(({ id }) => id),
      "a mistake",
    );
    await store.insert([...manyRuns(20, () => ofShare("b")), ...manyRuns(20, () => ofShare("a"))]);
    const names = await sharesOf(store, worker, 10);
    assert.ok(countOf(names, "a") >= 3, names.join(" "));
  });

  suite.test("the higher priority comes first, whoever's it is", async (bench) => {
    const { store } = bench;
    await store.insert(manyRuns(5, () => ({ ...ofShare("a"), priority: 1 })));
    await store.insert(manyRuns(5, () => ofShare("b")));
    assert.deepEqual(await sharesOf(store, await enter(store), 10), [
      ...Array(5).fill("a"),
      ...Array(5).fill("b"),
    ]);
  });

  suite.test("a run without a share that came first is not left behind", async (bench) => {
    const { store } = bench;
    await inARow(bench, { tags: ["none"] });
    await store.insert(manyRuns(50, () => ofShare("a")));
    assert.ok((await sharesOf(store, await enter(store), 3)).includes("none"));
  });

  suite.test("a share that stands before a closed gate leaves the turn to the others", async (bench) => {
    const { store, clock } = bench;
    await store.insert(manyRuns(40, () => ({ ...ofShare("a"), gates: [limit("a", 1)] })));
    await clock.advance(1);
    await store.insert(manyRuns(4, () => ofShare("b")));
    const worker = await enter(store);
    const claimed = await take(store, worker, { "*": 5 });
    assert.equal(countOf(claimed.map(nameOf), "b"), 4);
    assert.equal(countOf(claimed.map(nameOf), "a"), 1);
  });

  suite.test(
    "runs that come back from a retry, a pause or a lost worker are still their share's",
    async (bench) => {
      const { store, clock } = bench;
      const ids = await inARow(bench, ofShare("a"), ofShare("a"), ofShare("a"));
      const worker = await enter(store);
      const [one, two] = await take(store, worker, { "*": 2 });
      assert.ok(one !== undefined && two !== undefined);
      await settle(store, backedOff(one, second));
      await store.rescue([{ worker }]);
      await clock.advance(second);
      await store.promote(10);
      const other = await enter(store);
      assert.deepEqual(new Set(runsOf(await take(store, other))), new Set(ids));
    },
  );

  suite.test("as many shares as runs are all served", async (bench) => {
    const { store } = bench;
    await store.insert(manyRuns(700, (index) => ofShare(`tenant ${index}`)));
    const names = await sharesOf(store, await enter(store), 700, 100);
    assert.equal(new Set(names).size, 700);
  });
}

function ageing(suite: Suite): void {
  const ask = (store: Store, worker: string, count: number): Promise<Claimed[]> =>
    store.claim({ worker, queues: { "*": count }, abilities: [{ job: "copy", version: 1 }], ageing: minute });

  suite.test("a run that has waited counts as one priority higher for each time so long", async (bench) => {
    const { store, clock } = bench;
    const old = await insertOne(store);
    await clock.advance(2 * minute + second);
    const [urgent, most] = await inARow(bench, { priority: 1 }, { priority: 3 });
    const worker = await enter(store);
    const started = [
      ...runsOf(await ask(store, worker, 1)),
      ...runsOf(await ask(store, worker, 1)),
      ...runsOf(await ask(store, worker, 1)),
    ];
    assert.deepEqual(started, [most, old, urgent]);
    assert.equal((await stored(store, old)).priority, 0);
  });

  suite.test("it does not unless it has waited so long", async (bench) => {
    const { store, clock } = bench;
    const old = await insertOne(store);
    await clock.advance(minute - second);
    const [urgent] = await inARow(bench, { priority: 1 });
    const worker = await enter(store);
    assert.deepEqual(runsOf(await ask(store, worker, 1)), [urgent]);
    assert.deepEqual(runsOf(await ask(store, worker, 1)), [old]);
  });

  suite.test("the first of a line counts, not those behind it", async (bench) => {
    const { store, clock } = bench;
    const old = await insertOne(store);
    await clock.advance(2 * minute + second);
    const [young, urgent] = await inARow(bench, {}, { priority: 1 });
    const worker = await enter(store);
    for (const id of [old, urgent, young]) assert.deepEqual(runsOf(await ask(store, worker, 1)), [id]);
  });

  suite.test("a claim of several takes the aged one among them", async (bench) => {
    const { store, clock } = bench;
    const old = await insertOne(store);
    await clock.advance(3 * minute);
    await store.insert(Array.from({ length: 20 }, () => aRun({ priority: 2 })));
    assert.ok(runsOf(await ask(store, await enter(store), 5)).includes(old));
  });

  suite.test("without it the higher priority comes first for ever", async (bench) => {
    const { store, clock } = bench;
    await insertOne(store);
    await clock.advance(1_000 * minute);
    const [urgent] = await inARow(bench, { priority: 1 });
    assert.deepEqual(runsOf(await take(store, await enter(store), { "*": 1 })), [urgent]);
  });

  suite.test("it holds between shares and lines without", async (bench) => {
    const { store, clock } = bench;
    const old = await insertOne(store, ofShare("a"));
    await clock.advance(2 * minute + second);
    const [urgent] = await inARow(bench, { priority: 1 });
    const worker = await enter(store);
    assert.deepEqual(runsOf(await ask(store, worker, 1)), [old]);
    assert.deepEqual(runsOf(await ask(store, worker, 1)), [urgent]);
  });
}
