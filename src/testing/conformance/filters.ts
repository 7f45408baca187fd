// Lists: filters one at a time and together, and pages that miss nothing and show nothing twice.
//
// What a filter should find is computed here from the whole store, by the words of the contract: every given field
// must hold, and a list means any of it. Count and list must agree, since people are asked "cancel these 4,000?".
import assert from "node:assert/strict";
import type { NewRun, RunFilter, Store, StoredRun } from "../../store/contract.js";
import {
  aRun,
  at,
  enter,
  everything,
  failed,
  fenceOf,
  hour,
  insertOne,
  manyRuns,
  only,
  settle,
  succeeded,
  take,
} from "./build.js";
import { oneOfEach } from "./hand.js";
import { type Bench, beginning, type Suite } from "./suite.js";

/** Runs that differ in one column at a time from each other. */
async function population(bench: Bench): Promise<StoredRun[]> {
  const { store, clock } = bench;
  await oneOfEach(bench);
  const worker = await enter(store);
  const variants: Partial<NewRun>[] = [
    {},
    { job: "move" },
    { job: "it's" },
    { queue: "mail" },
    { queue: "it's" },
    { tags: ["red"] },
    { tags: ["blue", "red"] },
    { tags: ["redder", "it's"] },
    { meta: { tenant: "acme" } },
    { meta: { tenant: "acme", region: "eu" } },
    { meta: { tenant: "acme's", region: '"eu"' } },
    { meta: { region: "acme" } },
    { job: "move", queue: "mail", tags: ["red"], meta: { tenant: "acme" } },
  ];
  for (const fields of variants) {
    await clock.advance(17);
    await insertOne(store, { due: { after: hour }, ...fields });
    if (fields.queue === undefined) await insertOne(store, { waiting: "preparation", ...fields });
  }
  for (const reason of ["timeout", "error", "it's"]) {
    await clock.advance(17);
    await insertOne(store, { queue: "failing" });
    await settle(store, ...(await take(store, worker, { failing: 1 })).map((run) => failed(run, { reason })));
  }
  return everything(store);
}

function matches(filter: RunFilter, run: StoredRun): boolean {
  const any = <T>(wanted: readonly T[] | undefined, has: T | undefined): boolean =>
    wanted === undefined || (has !== undefined && wanted.includes(has));
  return (
    any(filter.ids, run.id) &&
    any(filter.jobs, run.job) &&
    any(filter.queues, run.queue) &&
    any(filter.parents, run.parent) &&
    any(filter.states, run.state) &&
    any(filter.reasons, run.reason) &&
    any(filter.waiting, run.waiting?.reason) &&
    (filter.tags === undefined || filter.tags.some((tag) => run.tags.includes(tag))) &&
    Object.entries(filter.meta ?? {}).every(([key, value]) => run.meta[key] === value) &&
    (filter.since === undefined || run.requestedAt >= filter.since) &&
    (filter.until === undefined || run.requestedAt < filter.until)
  );
}

async function agrees(store: Store, all: readonly StoredRun[], filter: RunFilter): Promise<number> {
  const wanted = all.filter((run) => matches(filter, run)).map((run) => run.id);
  const page = await store.list(filter, { limit: 1_000 });
  const words = JSON.stringify(filter);
  assert.deepEqual(new Set(page.runs.map((run) => run.id)), new Set(wanted), `list ${words}`);
  assert.equal(page.runs.length, wanted.length, `list ${words} has doubles`);
  assert.equal(page.next, undefined, `list ${words} has no next page`);
  assert.equal(await store.count(filter), wanted.length, `count ${words}`);
  return wanted.length;
}

/** A running run with so many children in queue `below`, every second one red; answers its id. */
async function family({ store, clock }: Bench, worker: string, count: number): Promise<string> {
  const parent = await insertOne(store, { queue: "above" });
  const claimed = only(await take(store, worker, { above: 1 }));
  const children = manyRuns(count, (index) => ({
    queue: "below",
    tags: index % 2 === 0 ? ["red"] : [],
    parent: { run: parent, entry: "all", onEnd: "leave" },
  }));
  await clock.advance(17);
  const answer = only(
    await store.record([
      { ...fenceOf(claimed), entries: [{ name: "all", kind: "children", state: "pending" }], children },
    ]),
  );
  assert.ok(answer.taken);
  return parent;
}

export function filters(suite: Suite): void {
  suite.test("each filter by itself finds what its words say, and count agrees", async (bench) => {
    const all = await population(bench);
    const [first, , third] = all;
    assert.ok(first && third);
    const some: RunFilter[] = [
      {},
      { ids: [first.id, third.id, "no id at all"] },
      { jobs: ["move"] },
      { jobs: ["it's", "move"] },
      { queues: ["mail"] },
      { queues: ["it's", "default"] },
      { states: ["failed"] },
      { states: ["scheduled", "running"] },
      { reasons: ["timeout"] },
      { reasons: ["it's", "error"] },
      { waiting: ["preparation"] },
      { waiting: ["preparation", "worker"] },
      { tags: ["red"] },
      { tags: ["it's", "blue"] },
      { meta: { tenant: "acme" } },
      { meta: { tenant: "acme", region: "eu" } },
      { meta: { region: '"eu"' } },
      { since: third.requestedAt },
      { since: third.requestedAt + 1 },
      { until: third.requestedAt },
      { until: third.requestedAt + 1 },
      { ids: undefined, jobs: undefined, states: undefined, tags: undefined, meta: {} },
    ];
    for (const filter of some)
      assert.ok((await agrees(bench.store, all, filter)) > 0, JSON.stringify(filter));
    const empty: RunFilter[] = [
      { jobs: ["mov"] },
      { queues: ["%"] },
      { tags: ["re"] },
      { tags: ['["red"]'] },
      { meta: { tenant: "acm" } },
      { meta: { nothing: "acme" } },
      { reasons: ["nothing"] },
      { waiting: ["worker"] },
      { ids: ["no id at all"] },
      { since: bench.store.now() + 1 },
      { until: beginning },
    ];
    for (const filter of empty)
      assert.equal(await agrees(bench.store, all, filter), 0, JSON.stringify(filter));
  });

  suite.test(
    "children are found by their parents, running, waiting and ended, page by page",
    async (bench) => {
      const { store } = bench;
      const worker = await enter(store);
      const families = [await family(bench, worker, 5), await family(bench, worker, 3)];
      await settle(store, ...(await take(store, worker, { below: 3 })).map((run) => succeeded(run)));
      await take(store, worker, { below: 2 });
      await settle(store, ...(await take(store, worker, { below: 1 })).map((run) => failed(run)));
      const all = await everything(store);
      const [one = "", other = ""] = families;
      const ids = all.filter((_, index) => index % 2 === 0).map(({ id }) => id);
      const parts: RunFilter[] = [
        { parents: [one] },
        { parents: [one, other, "no id at all"] },
        { parents: [aRun().id] },
        { parents: [] },
      ];
      const others: RunFilter[] = [
        {},
        { states: ["succeeded"] },
        { jobs: ["copy"] },
        { tags: ["red"] },
        { ids },
      ];
      for (const part of parts) for (const more of others) await agrees(store, all, { ...part, ...more });
      assert.equal(await store.count({ parents: [one] }), 5);
      assert.equal(await store.count({ parents: families, states: ["running"] }), 2);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.list({ parents: families }, { limit: 3, cursor });
        seen.push(...page.runs.map(({ id }) => id));
        cursor = page.next;
      } while (cursor !== undefined);
      assert.deepEqual(
        seen,
        (await store.list({ parents: families }, { limit: 10 })).runs.map(({ id }) => id),
      );
      assert.equal(new Set(seen).size, 8);
    },
  );

  suite.test("an empty list finds nothing: it means any of none", async (bench) => {
    const all = await population(bench);
    for (const field of ["ids", "jobs", "queues", "states", "reasons", "waiting", "tags"] as const) {
      assert.equal(await agrees(bench.store, all, { [field]: [] }), 0, field);
    }
  });

  suite.test("filters together find what holds for all of them, and count agrees", async (bench) => {
    const all = await population(bench);
    const middle = at(all, all.length >> 1).requestedAt;
    const parts: RunFilter[] = [
      { jobs: ["move", "copy"] },
      { queues: ["mail", "default"] },
      { states: ["scheduled", "failed"] },
      { tags: ["red"] },
      { meta: { tenant: "acme" } },
      { since: middle },
      { until: middle },
      { reasons: ["error"] },
      { waiting: ["preparation"] },
      { ids: all.map((run) => run.id).filter((_, index) => index % 2 === 0) },
    ];
    for (const one of parts) for (const two of parts) await agrees(bench.store, all, { ...one, ...two });
    assert.equal(
      await agrees(bench.store, all, {
        jobs: ["move"],
        queues: ["mail"],
        states: ["scheduled"],
        tags: ["red", "blue"],
        meta: { tenant: "acme" },
        since: beginning,
        until: bench.store.now() + 1,
      }),
      1,
    );
  });

  suite.test("the newest comes first, and its id has no say in it", async ({ store, clock }) => {
    const ids = ["c", "a", "f", "b", "e"].map((letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000`);
    for (const id of ids) {
      await store.insert([aRun({ id })]);
      await clock.advance(3);
    }
    const page = await store.list({}, { limit: 10 });
    assert.deepEqual(
      page.runs.map((run) => run.id),
      ids.toReversed(),
    );
    const filtered = await store.list({ jobs: ["copy"], states: ["ready"] }, { limit: 10 });
    assert.deepEqual(
      filtered.runs.map((run) => run.id),
      ids.toReversed(),
    );
  });

  for (const filter of [
    {},
    { jobs: ["copy"] },
    { states: ["ready"] },
    { states: ["ready", "failed"], tags: ["t"] },
  ] as const) {
    suite.test(
      `pages of ${JSON.stringify(filter)} are complete and without doubles while rows are added`,
      async ({ store, clock }) => {
        const runs = [];
        for (let part = 0; part < 5; part++) {
          const batch = manyRuns(9, () => ({ tags: ["t"] }));
          await store.insert(batch);
          runs.push(...batch);
          await clock.advance(3);
        }
        const seen: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await store.list(filter, { limit: 7, cursor });
          assert.ok(page.runs.length === 7 || page.next === undefined, "a page that is not the last is full");
          seen.push(...page.runs.map((run) => run.id));
          cursor = page.next;
          await store.insert(manyRuns(3, () => ({ tags: ["t"] })));
          await clock.advance(3);
        } while (cursor !== undefined);
        assert.equal(new Set(seen).size, seen.length, "a run came twice");
        assert.deepEqual(new Set(seen), new Set(runs.map((run) => run.id)));
      },
    );
  }

  suite.test(
    "pages go on where they were when runs of them were removed meanwhile",
    async ({ store, clock }) => {
      const ids: string[] = [];
      for (let count = 0; count < 10; count++) {
        ids.unshift(await insertOne(store));
        await clock.advance(3);
      }
      const first = await store.list({}, { limit: 4 });
      await store.remove(first.runs.map((run) => run.id));
      const rest = await store.list({}, { limit: 10, cursor: first.next });
      assert.deepEqual(
        rest.runs.map((run) => run.id),
        ids.slice(4),
      );
      assert.equal(rest.next, undefined);
    },
  );

  suite.test(
    "a page that ends with the last run says so, and an empty store has one empty page",
    async ({ store }) => {
      assert.deepEqual(await store.list({}, { limit: 5 }), { runs: [], next: undefined });
      await store.insert(manyRuns(5));
      const page = await store.list({}, { limit: 5 });
      assert.equal(page.runs.length, 5);
      const rest =
        page.next === undefined ? undefined : await store.list({}, { limit: 5, cursor: page.next });
      assert.deepEqual(rest ?? { runs: [], next: undefined }, { runs: [], next: undefined });
    },
  );

  suite.test("list and find show one and the same run", async (bench) => {
    const all = await population(bench);
    assert.deepEqual(await bench.store.find(all.map((run) => run.id)), all);
  });

  suite.test("thousands of runs are paged through", async ({ store }) => {
    await store.insert(manyRuns(2_500));
    await settle(
      store,
      ...(await take(store, await enter(store), { "*": 1_000 })).map((run) => succeeded(run)),
    );
    assert.equal((await everything(store)).length, 2_500);
    assert.deepEqual(
      [await store.count({ states: ["succeeded"] }), await store.count({ states: ["ready"] })],
      [1_000, 1_500],
    );
  });
}
