// Intake: how a run comes into the store, once, whole, and as it was asked for.
//
// A caller whose connection broke asks again under the same id, and must get the run it made, whatever has become of
// it. The batch is all or none, because a caller that is told "no" must be able to try again.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { NewRun } from "../../store/contract.js";
import {
  aRun,
  at,
  boom,
  cancelledByItself,
  enter,
  everything,
  failed,
  fenceOf,
  hour,
  insertOne,
  kindsOf,
  manyRuns,
  minute,
  only,
  picture,
  running,
  second,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
  withCode,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

export function intake(suite: Suite): void {
  suite.describe("what comes back", () => columns(suite));
  suite.describe("the same id again", () => again(suite));
  suite.describe("when it is due", () => due(suite));
  suite.describe("recorded without its definition", () => preparation(suite));
}

function columns(suite: Suite): void {
  suite.test("a new run with nothing said is ready now, with everything else empty", async ({ store }) => {
    const run = aRun({ queue: "mail" });
    assert.deepEqual(await store.insert([run]), [{ id: run.id, created: true }]);
    const { token, ...rest } = await stored(store, run.id);
    assert.equal(typeof token, "number");
    assert.deepEqual(rest, {
      id: run.id,
      job: "copy",
      version: 1,
      queue: "mail",
      priority: 0,
      state: "ready",
      reason: undefined,
      waiting: undefined,
      cancelAsked: undefined,
      route: undefined,
      attempt: 0,
      crashes: 0,
      worker: undefined,
      requestedAt: beginning,
      runAt: beginning,
      startedAt: undefined,
      finishedAt: undefined,
      startBy: undefined,
      finishBy: undefined,
      expiresAt: undefined,
      input: undefined,
      output: undefined,
      error: undefined,
      tags: [],
      meta: {},
      release: undefined,
      parent: undefined,
      batch: undefined,
      progress: undefined,
    });
    assert.deepEqual(await store.timeline(run.id), { events: [], logs: [] });
  });

  suite.test("every field that was said comes back by find, and by the claim", async ({ store, clock }) => {
    const said = aRun({
      job: "resize",
      version: 7,
      queue: "images",
      priority: -4,
      input: '{"width":17}',
      due: { after: 11 * second },
      startWithin: 13 * minute,
      finishWithin: 17 * minute,
      tags: ["b", "a", "ünïcödé 🌊", "it's"],
      meta: { tenant: "acme's", "": "empty key", trace: '{"a":1}' },
      release: "2031.5-rc'1",
    });
    await store.insert([said]);
    const run = await stored(store, said.id);
    const asked = {
      job: "resize",
      version: 7,
      queue: "images",
      priority: -4,
      input: '{"width":17}',
      tags: said.tags,
      meta: said.meta,
    };
    const read = ({
      job,
      version,
      queue,
      priority,
      input,
      tags,
      meta,
    }: Omit<typeof asked, "tags" | "meta"> & Pick<NewRun, "tags" | "meta">) => ({
      job,
      version,
      queue,
      priority,
      input,
      tags,
      meta,
    });
    assert.deepEqual(read({ ...run, input: run.input ?? "" }), asked);
    assert.equal(run.release, said.release);
    assert.equal(run.state, "scheduled");
    assert.equal(run.requestedAt, beginning);
    assert.equal(run.runAt, beginning + 11 * second);
    assert.equal(run.startBy, beginning + 13 * minute);
    assert.equal(run.finishBy, beginning + 17 * minute);

    await clock.advance(12 * second);
    await store.promote(10);
    const abilities = [{ job: "resize", version: 7 }];
    const claimed = await takeOne(store, await enter(store, { abilities }), abilities);
    assert.deepEqual(read({ ...claimed, input: claimed.input ?? "" }), asked);
    assert.equal(claimed.requestedAt, beginning);
    assert.equal(claimed.runAt, beginning + 11 * second);
    assert.equal(claimed.startedAt, beginning + 12 * second);
    assert.equal(claimed.startBy, beginning + 13 * minute);
    assert.equal(claimed.finishBy, beginning + 17 * minute);
    assert.equal(claimed.parent, undefined);
    assert.equal(claimed.paused, false);
  });

  const texts: Record<string, string> = {
    "unicode beyond the first plane": JSON.stringify(
      "ünïcödé 🌊 \u{1F469}\u200D\u{1F4BB} \u0627\u0644\u0639 \uFEFF",
    ),
    "quotes, backslashes and SQL": JSON.stringify('it\'s "quoted" \\ ; drop table runs; -- ? :name $1 %s'),
    "text that looks like JSON in JSON": JSON.stringify('{"a":[1,2,{"b":null}]}'),
    "a JSON null": "null",
    "white space that JSON allows": '{ "a" : [ 1 ,\n2 ] }',
    "numbers beyond what a double holds": '{"id":12345678901234567890,"rate":1.0}',
    "keys twice, in their order": '{"b":1,"a":2,"b":3}',
    "escapes that stand for themselves": '"\\u00e9\\u0031\\/"',
    "an empty string": '""',
  };
  for (const [what, input] of Object.entries(texts)) {
    suite.test(`an input is kept to the letter: ${what}`, async ({ store }) => {
      const id = await insertOne(store, { input });
      assert.equal((await stored(store, id)).input, input);
      assert.equal((await takeOne(store, await enter(store))).input, input);
      assert.equal((await stored(store, id)).input, input);
    });
  }

  for (const length of [511, 512, 513, 1_024 * 1_024]) {
    suite.test(
      `an input of ${length} characters, and an output as long, come back to the letter`,
      async ({ store }) => {
        const text = (letter: string) => JSON.stringify(letter.repeat(length - 2));
        const { id, claimed } = await running(store, { input: text("i") });
        assert.ok(claimed.input === text("i"), "the claim gave another input");
        await settle(store, succeeded(claimed, { output: text("o") }));
        const run = await stored(store, id);
        assert.ok(run.input === text("i"), "another input came back");
        assert.ok(run.output === text("o"), "another output came back");
        const [listed] = (await store.list({}, { limit: 1 })).runs;
        assert.ok(listed?.input === text("i") && listed.output === text("o"), "list gave another run");
      },
    );
  }

  suite.test("a run's id may be any id, not only one that tells the time", async ({ store }) => {
    const id = "00000000-0000-4000-8000-00000000000a";
    await store.insert([aRun({ id })]);
    assert.equal((await stored(store, id)).state, "ready");
  });

  suite.shared("a resolved insert is there for another store", async ({ store, another }) => {
    const other = await another();
    const runs = manyRuns(3, (index) => ({ input: `${index}` }));
    await store.insert(runs);
    assert.deepEqual(
      (await other.find(runs.map((run) => run.id))).map((run) => run?.input),
      ["0", "1", "2"],
    );
  });
}

function again(suite: Suite): void {
  suite.test("a batch is answered in its order, new and known mixed", async ({ store }) => {
    const [first, second, third, fourth] = manyRuns(4) as [NewRun, NewRun, NewRun, NewRun];
    await store.insert([second, fourth]);
    assert.deepEqual(await store.insert([fourth, first, second, third]), [
      { id: fourth.id, created: false },
      { id: first.id, created: true },
      { id: second.id, created: false },
      { id: third.id, created: true },
    ]);
    assert.equal(await store.count({}), 4);
  });

  suite.test("an id twice in one batch is one run, the first of the two", async ({ store }) => {
    const id = newId();
    const other = aRun();
    assert.deepEqual(
      await store.insert([aRun({ id, input: "1" }), other, aRun({ id, input: "2", queue: "mail" })]),
      [
        { id, created: true },
        { id: other.id, created: true },
        { id, created: false },
      ],
    );
    const run = await stored(store, id);
    assert.deepEqual([run.input, run.queue], ["1", "default"]);
    assert.equal(await store.count({}), 2);
  });

  const becomes = {
    ready: async () => {},
    running: async ({ store }) => {
      await takeOne(store, await enter(store));
    },
    succeeded: async ({ store }) =>
      settle(store, succeeded(await takeOne(store, await enter(store)), { output: "1" })),
    failed: async ({ store }) => settle(store, failed(await takeOne(store, await enter(store)))),
    cancelled: async ({ store }) =>
      settle(store, cancelledByItself(await takeOne(store, await enter(store)))),
  } satisfies Record<string, (bench: Parameters<Parameters<Suite["test"]>[1]>[0]) => Promise<void>>;
  for (const [state, become] of Object.entries(becomes)) {
    suite.test(`a second insert of a ${state} run is that run, and changes nothing of it`, async (bench) => {
      const { store, clock } = bench;
      const id = await insertOne(store, { input: '"first"', tags: ["first"] });
      await clock.advance(7);
      await become(bench);
      assert.equal(await stateOf(store, id), state);
      const before = await picture(store, id);
      await clock.advance(11);
      const repeated = aRun({
        id,
        input: '"second"',
        tags: ["second"],
        queue: "mail",
        priority: 9,
        due: { after: hour },
        startWithin: 1,
      });
      assert.deepEqual(await store.insert([repeated]), [{ id, created: false }]);
      assert.deepEqual(await picture(store, id), before);
      assert.equal(await store.count({}), 1);
    });
  }

  suite.test("a batch with a run that cannot be recorded records none", async ({ store }) => {
    const good = manyRuns(2);
    const bad = aRun({ batch: newId() });
    await assert.rejects(store.insert([at(good, 0), bad, at(good, 1)]), withCode("UNKNOWN_BATCH"));
    assert.deepEqual(await everything(store), []);
  });

  suite.test(
    "a batch that fails in its middle records none, or all if nothing was wrong with it",
    async ({ store }) => {
      const batch = [aRun(), aRun({ priority: 0.5 }), aRun()];
      const recorded = await store.insert(batch).then(
        (answers) => answers.length,
        () => 0,
      );
      assert.equal(await store.count({}), recorded);
      await store.insert([aRun()]);
      assert.equal(await store.count({}), recorded + 1);
    },
  );

  suite.test("thousands in one batch are recorded whole, or not at all", async ({ store }) => {
    const known = aRun();
    await store.insert([known]);
    const batch = [...manyRuns(4_500), known];
    const bad = [...manyRuns(4_500), aRun({ input: "this is no JSON" })];
    assert.deepEqual(
      await store.insert(batch),
      batch.map(({ id }) => ({ id, created: id !== known.id })),
    );
    const recorded = await store.insert(bad).then(
      (answers) => answers.length,
      () => 0,
    );
    assert.equal(await store.count({}), 4_501 + recorded);
  });

  suite.test("many callers that insert one id at once make one run", async ({ store }) => {
    const id = newId();
    const answers = await Promise.all(Array.from({ length: 50 }, () => store.insert([aRun({ id })])));
    assert.equal(answers.filter(([answer]) => answer?.created).length, 1);
    assert.ok(answers.every(([answer]) => answer?.id === id));
    assert.equal(await store.count({}), 1);
  });

  suite.test("one caller's bad batch does not take another caller's good one with it", async ({ store }) => {
    const good = manyRuns(20);
    const bad = aRun({
      batch: "some-batch",
      after: [newId()],
      gates: [{ kind: "lock", key: "l", limit: 1 }],
    });
    const inserts = good.map((run) => store.insert([run]));
    await Promise.all([...inserts.slice(0, 10), assert.rejects(store.insert([bad])), ...inserts.slice(10)]);
    assert.equal(await store.count({ states: ["ready"] }), 20);
    assert.equal(await store.count({}), 20);
  });
}

function due(suite: Suite): void {
  suite.test("due after a duration counts from the store's clock", async ({ store, clock }) => {
    await clock.advance(3 * second);
    const run = await stored(store, await insertOne(store, { due: { after: 5 * second } }));
    assert.deepEqual(
      [run.state, run.runAt, run.requestedAt],
      ["scheduled", beginning + 8 * second, beginning + 3 * second],
    );
  });

  suite.test("due at a moment is due at that moment", async ({ store, clock }) => {
    await clock.advance(3 * second);
    const run = await stored(store, await insertOne(store, { due: { at: beginning + 5 * second } }));
    assert.deepEqual(
      [run.state, run.runAt, run.requestedAt],
      ["scheduled", beginning + 5 * second, beginning + 3 * second],
    );
  });

  suite.test("due at a moment that has passed, or now, is ready", async ({ store, clock }) => {
    await clock.advance(3 * second);
    const past = await stored(store, await insertOne(store, { due: { at: beginning + second } }));
    assert.deepEqual([past.state, past.requestedAt], ["ready", beginning + 3 * second]);
    assert.equal(
      await stateOf(store, await insertOne(store, { due: { at: beginning + 3 * second } })),
      "ready",
    );
    assert.equal(await stateOf(store, await insertOne(store, { due: { after: 0 } })), "ready");
  });

  suite.test(
    "a scheduled run is not claimed, not even when its time has come, before it is promoted or ready",
    async ({ store, clock }) => {
      await insertOne(store, { due: { after: 5 * second } });
      const worker = await enter(store);
      await clock.advance(5 * second - 1);
      assert.deepEqual(await take(store, worker), []);
      await clock.advance(1);
      await store.promote(10);
      assert.equal((await take(store, worker)).length, 1);
    },
  );
}

function preparation(suite: Suite): void {
  const prepared = { job: "copy", version: 3, queue: "checked", priority: 5, input: '{"checked":true}' };

  suite.test("a run that waits for its preparation is claimed by nobody", async ({ store }) => {
    const id = await insertOne(store, { waiting: "preparation", input: "{}" });
    const run = await stored(store, id);
    assert.equal(run.state, "waiting");
    assert.equal(run.waiting?.reason, "preparation");
    assert.deepEqual(await take(store, await enter(store)), []);
    await store.promote(10);
    assert.equal(await stateOf(store, id), "waiting");
  });

  suite.test(
    "prepared, it is ready as the worker that knows it says, under its id and request time",
    async ({ store, clock }) => {
      const id = await insertOne(store, {
        waiting: "preparation",
        input: "{}",
        queue: "unchecked",
        tags: ["asked"],
      });
      await clock.advance(7);
      await store.prepare([{ id, run: { ...prepared, tags: ["asked"] } }]);
      const run = await stored(store, id);
      assert.equal(run.state, "ready");
      assert.equal(run.waiting, undefined);
      assert.deepEqual(
        [run.version, run.queue, run.priority, run.input, run.tags, run.requestedAt, run.attempt],
        [3, "checked", 5, '{"checked":true}', ["asked"], beginning, 0],
      );
      const claimed = only(await take(store, await enter(store), { checked: 1 }));
      assert.deepEqual([claimed.run, claimed.attempt, claimed.input], [id, 1, '{"checked":true}']);
    },
  );

  suite.test("prepared before its time has come, it is scheduled for it", async ({ store, clock }) => {
    const id = await insertOne(store, { waiting: "preparation", due: { after: minute } });
    await clock.advance(7);
    await store.prepare([{ id, run: prepared }]);
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.runAt], ["scheduled", beginning + minute]);
  });

  suite.test(
    "found invalid, it is failed without an attempt, and kept as long as was said",
    async ({ store, clock }) => {
      const id = await insertOne(store, { waiting: "preparation", input: '{"wrong":1}' });
      await clock.advance(7);
      await store.prepare([{ id, invalid: boom, keep: hour }]);
      const run = await stored(store, id);
      assert.deepEqual([run.state, run.reason, run.error, run.attempt], ["failed", "invalid-input", boom, 0]);
      assert.deepEqual([run.finishedAt, run.expiresAt], [beginning + 7, beginning + 7 + hour]);
      assert.equal(run.input, '{"wrong":1}');
    },
  );

  suite.test("what does not wait for preparation is left alone", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    const plain = await insertOne(store);
    const ended = await insertOne(store, { waiting: "preparation" });
    await store.cancel([ended], "not wanted");
    const ids = [id, plain, ended];
    const before = await Promise.all(ids.map((each) => picture(store, each)));
    await clock.advance(7);
    await store.prepare(ids.map((each) => ({ id: each, run: prepared })));
    await store.prepare(ids.map((each) => ({ id: each, invalid: boom, keep: 1 })));
    await store.prepare([{ id: newId(), run: prepared }]);
    assert.deepEqual(await Promise.all(ids.map((each) => picture(store, each))), before);
    assert.deepEqual(await store.settle([{ ...fenceOf(claimed), state: "succeeded" }]), [
      { taken: true, state: "succeeded" },
    ]);
    assert.ok(!(await kindsOf(store, plain)).includes("prepared"));
  });
}
