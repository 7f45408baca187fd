// The settlement: the one verb that ends an execution, and writes what pure code has decided.
//
// Each state a run can be put into has its columns, each counted from the store's clock. Whoever asked for the end of a
// run while it was running must get it, unless the run ended by itself first.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { Claimed, Settlement } from "../../store/contract.js";
import {
  at,
  backedOff,
  boom,
  cancelledByItself,
  enter,
  failed,
  fenceOf,
  handedBack,
  hour,
  insertOne,
  kindsOf,
  manyRuns,
  minute,
  parked,
  picture,
  running,
  second,
  settle as settleAll,
  snoozed,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import { beginning, type Suite } from "./suite.js";

export function settle(suite: Suite): void {
  suite.describe("into each state", () => states(suite));
  suite.describe("batches of settlements", () => batches(suite));
  suite.describe("when its cancellation was asked for", () => askedToEnd(suite));
  suite.describe("what is written beside the state", () => notes(suite));
}

function states(suite: Suite): void {
  suite.test("succeeded: with its output, its end, and how long it is kept", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    await clock.advance(17);
    const answers = await store.settle([succeeded(claimed, { output: '{"ok":"it\'s"}', keep: hour })]);
    assert.deepEqual(answers, [{ taken: true, state: "succeeded" }]);
    const run = await stored(store, id);
    assert.deepEqual(
      [
        run.state,
        run.output,
        run.finishedAt,
        run.expiresAt,
        run.startedAt,
        run.attempt,
        run.error,
        run.reason,
      ],
      [
        "succeeded",
        '{"ok":"it\'s"}',
        beginning + 17,
        beginning + 17 + hour,
        beginning,
        1,
        undefined,
        undefined,
      ],
    );
    assert.deepEqual(await kindsOf(store, id), []);
  });

  suite.test("succeeded: without an output", async ({ store }) => {
    const { id, claimed } = await running(store);
    await settleAll(store, succeeded(claimed));
    assert.equal((await stored(store, id)).output, undefined);
  });

  suite.test(
    "failed: with its reason, its error, its end, and how long it is kept",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store);
      await clock.advance(19);
      const error = {
        ...boom,
        code: "E42",
        stack: "at it's\n  at b",
        data: { a: [1] },
        cause: { name: "Inner", message: "why" },
      };
      assert.deepEqual(await store.settle([failed(claimed, { reason: "timeout", error, keep: minute })]), [
        { taken: true, state: "failed" },
      ]);
      const run = await stored(store, id);
      assert.deepEqual(
        [run.state, run.reason, run.error, run.finishedAt, run.expiresAt, run.output, run.attempt],
        ["failed", "timeout", error, beginning + 19, beginning + 19 + minute, undefined, 1],
      );
    },
  );

  suite.test("cancelled: by its own handler", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    await clock.advance(23);
    assert.deepEqual(await store.settle([cancelledByItself(claimed, { keep: second })]), [
      { taken: true, state: "cancelled" },
    ]);
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.reason, run.finishedAt, run.expiresAt, run.cancelAsked],
      ["cancelled", "no longer wanted", beginning + 23, beginning + 23 + second, undefined],
    );
  });

  suite.test(
    "scheduled: after a duration from the settlement, with the error that was met",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store);
      await clock.advance(29);
      assert.deepEqual(await store.settle([backedOff(claimed, 5 * second)]), [
        { taken: true, state: "scheduled" },
      ]);
      const run = await stored(store, id);
      assert.deepEqual(
        [run.state, run.runAt, run.attempt, run.error, run.finishedAt, run.expiresAt, run.worker],
        ["scheduled", beginning + 29 + 5 * second, 1, boom, undefined, undefined, undefined],
      );
      assert.equal(run.requestedAt, beginning);
    },
  );

  suite.test("scheduled: at a moment that somebody named", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    await clock.advance(29);
    await settleAll(store, {
      ...fenceOf(claimed),
      state: "scheduled",
      due: { at: beginning + 5 * second },
      giveBack: true,
    });
    assert.equal((await stored(store, id)).runAt, beginning + 5 * second);
  });

  suite.test(
    "scheduled for a time that has come already, it is claimable at the latest when promoted",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await clock.advance(50);
      await settleAll(store, {
        ...fenceOf(claimed),
        state: "scheduled",
        due: { at: beginning + 10 },
        giveBack: true,
      });
      await store.promote(10);
      assert.equal((await takeOne(store, worker)).run, id);
    },
  );

  suite.test("ready: it can be claimed at once", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store);
    await clock.advance(31);
    assert.deepEqual(await store.settle([handedBack(claimed)]), [{ taken: true, state: "ready" }]);
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.worker, run.finishedAt, run.attempt],
      ["ready", undefined, undefined, 0],
    );
    assert.equal((await takeOne(store, worker)).run, id);
  });

  suite.test("waiting: with its reason and what it waits on, claimed by nobody", async ({ store, clock }) => {
    const { id, worker, claimed } = await running(store);
    await store.pause({ job: "copy" });
    await clock.advance(37);
    assert.deepEqual(await store.settle([parked(claimed, "paused")]), [{ taken: true, state: "waiting" }]);
    const run = await stored(store, id);
    assert.deepEqual(
      [run.state, run.waiting, run.worker, run.attempt, run.finishedAt],
      ["waiting", { reason: "paused", on: "copy" }, undefined, 0, undefined],
    );
    assert.deepEqual(await take(store, worker), []);
  });

  suite.test("an attempt that is given back is counted again at the next claim", async ({ store, clock }) => {
    const { worker, claimed } = await running(store);
    await settleAll(store, backedOff(claimed, 1));
    await clock.advance(5);
    await store.promote(10);
    const secondTry = await takeOne(store, worker);
    assert.equal(secondTry.attempt, 2);
    await settleAll(store, snoozed(secondTry, 1));
    assert.equal((await stored(store, secondTry.run)).attempt, 1);
    await clock.advance(5);
    await store.promote(10);
    const next = await takeOne(store, worker);
    assert.equal(next.attempt, 2);
    assert.ok(next.token > secondTry.token);
  });

  suite.test("an end may give its attempt back too", async ({ store }) => {
    const { id, claimed } = await running(store);
    await settleAll(store, failed(claimed, { reason: "invalid-input", giveBack: true }));
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.attempt], ["failed", 0]);
  });

  for (const [what, output] of Object.entries({ "an output": "1", nothing: undefined })) {
    for (const [length, message] of Object.entries({ short: "boom", long: "boom ".repeat(500) })) {
      suite.test(
        `a ${length} error of an earlier attempt does not stay on a run that succeeded with ${what}`,
        async ({ store, clock }) => {
          const { id, worker, claimed } = await running(store, { input: JSON.stringify("i".repeat(1_000)) });
          const error = { ...boom, message };
          await settleAll(
            store,
            backedOff(claimed, 1, { error, events: [{ kind: "failed", detail: error }] }),
          );
          assert.deepEqual((await stored(store, id)).error, error);
          await clock.advance(5);
          await store.promote(10);
          await settleAll(store, succeeded(await takeOne(store, worker), { output }));
          const run = await stored(store, id);
          const read = [run.state, run.output, run.error, run.input?.length];
          assert.deepEqual(read, ["succeeded", output, undefined, 1_002]);
          assert.deepEqual(await kindsOf(store, id), ["failed"]);
        },
      );
    }
  }

  suite.test(
    "the last error is the one that stays, long after short and short after long",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      let last = claimed;
      for (const message of ["first", "second ".repeat(300), "third", "fourth ".repeat(400)]) {
        const error = { ...boom, message };
        await settleAll(store, backedOff(last, 1, { error, events: [] }));
        assert.deepEqual((await stored(store, id)).error, error);
        await clock.advance(5);
        await store.promote(10);
        last = await takeOne(store, worker);
      }
      await settleAll(store, failed(last, { error: { ...boom, message: "the end" } }));
      assert.equal((await stored(store, id)).error?.message, "the end");
    },
  );
}

function batches(suite: Suite): void {
  const everyState: Record<Settlement["state"], (claimed: Claimed) => Settlement> = {
    succeeded: (claimed) => succeeded(claimed, { output: `"${claimed.run}"` }),
    failed: (claimed) => failed(claimed),
    cancelled: (claimed) => cancelledByItself(claimed),
    scheduled: (claimed) => backedOff(claimed, minute),
    ready: (claimed) => handedBack(claimed),
    waiting: (claimed) => parked(claimed, "worker", "move@9"),
  };

  suite.test(
    "good and refused settlements in one batch are answered in order, each on its own",
    async ({ store, clock }) => {
      const names = Object.keys(everyState) as Settlement["state"][];
      await store.insert(manyRuns(names.length, () => ({ job: "move", version: 9 })));
      const claimed = await take(store, await enter(store));
      await clock.advance(7);
      const settlements = names.flatMap((state, index) => {
        const good = everyState[state](at(claimed, index));
        return [
          { ...good, token: good.token + 1_000_000 },
          good,
          { ...succeeded(at(claimed, index)), run: newId() },
        ];
      });
      const answers = await store.settle(settlements);
      assert.deepEqual(
        answers,
        names.flatMap((state) => [{ taken: false }, { taken: true, state }, { taken: false }]),
      );
      for (const [index, state] of names.entries()) {
        const run = await stored(store, at(claimed, index).run);
        assert.equal(run.state, state);
        assert.equal(run.output, state === "succeeded" ? `"${run.id}"` : undefined);
      }
    },
  );

  suite.test("part of a claim may be settled, the rest later", async ({ store, clock }) => {
    await store.insert(manyRuns(5));
    const worker = await enter(store);
    const claimed = await take(store, worker);
    await settleAll(store, succeeded(at(claimed, 1)), succeeded(at(claimed, 3)));
    assert.deepEqual(
      (await store.find(claimed.map((run) => run.run))).map((run) => run?.state),
      ["running", "succeeded", "running", "succeeded", "running"],
    );
    await clock.advance(7);
    await settleAll(store, failed(at(claimed, 4)), handedBack(at(claimed, 0)), succeeded(at(claimed, 2)));
    assert.deepEqual(
      (await store.find(claimed.map((run) => run.run))).map((run) => run?.state),
      ["ready", "succeeded", "succeeded", "succeeded", "failed"],
    );
  });

  suite.test(
    "a settlement of the same claim twice: the second is refused, later and in one batch",
    async ({ store, clock }) => {
      const { id, claimed } = await running(store);
      const answers = await store.settle([failed(claimed), succeeded(claimed, { output: "2" })]);
      assert.deepEqual(answers, [{ taken: true, state: "failed" }, { taken: false }]);
      const before = await picture(store, id);
      await clock.advance(7);
      assert.deepEqual(await store.settle([failed(claimed)]), [{ taken: false }]);
      assert.deepEqual(await store.settle([handedBack(claimed)]), [{ taken: false }]);
      assert.deepEqual(await picture(store, id), before);
    },
  );

  suite.test(
    "of two settlements of one claim in one batch the first counts, whatever they say",
    async ({ store }) => {
      const ways = [
        succeeded,
        failed,
        cancelledByItself,
        handedBack,
        (claimed: Claimed) => succeeded(claimed, { output: "1" }),
      ];
      const worker = await enter(store);
      for (const first of ways) {
        for (const then of ways) {
          const id = await insertOne(store);
          const claimed = await takeOne(store, worker);
          const [taken, refused] = await store.settle([first(claimed), then(claimed)]);
          const words = `${first(claimed).state}, then ${then(claimed).state}`;
          assert.deepEqual(
            [taken, refused],
            [{ taken: true, state: first(claimed).state }, { taken: false }],
            words,
          );
          const run = await stored(store, id);
          assert.deepEqual([run.state, run.output], [first(claimed).state, first(claimed).output], words);
          await store.remove([id]);
        }
      }
    },
  );

  suite.test("settlements of one run that race each other: one is taken", async ({ store }) => {
    const { id, claimed } = await running(store);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => store.settle([succeeded(claimed, { output: `${index}` })])),
    );
    const taken = answers.flatMap(([answer], index) => (answer?.taken ? [`${index}`] : []));
    assert.equal(taken.length, 1);
    assert.equal((await stored(store, id)).output, taken[0]);
  });

  suite.test("a thousand settlements in one batch are answered in order", async ({ store }) => {
    await store.insert(manyRuns(1_000));
    const claimed = await take(store, await enter(store), { "*": 1_000 });
    assert.equal(claimed.length, 1_000);
    const answers = await store.settle(
      claimed.map((run, index) =>
        index % 3 === 0
          ? succeeded(run)
          : index % 3 === 1
            ? { ...failed(run), token: run.token - 1 }
            : backedOff(run, minute),
      ),
    );
    assert.deepEqual(
      answers.map((answer) => (answer.taken ? answer.state : "refused")),
      claimed.map((_, index) => ["succeeded", "refused", "scheduled"][index % 3]),
    );
  });
}

function askedToEnd(suite: Suite): void {
  const goesOn: Record<string, (claimed: Claimed) => Settlement> = {
    "backs off": (claimed) => backedOff(claimed, minute),
    snoozes: (claimed) => snoozed(claimed, minute),
    "is handed back": (claimed) => handedBack(claimed),
    "is parked for a worker": (claimed) => parked(claimed, "worker"),
    "is parked for its job": (claimed) => parked(claimed, "paused"),
  };
  for (const [what, settlement] of Object.entries(goesOn)) {
    suite.test(`a run that ${what} does not go on, it is cancelled`, async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await clock.advance(5);
      await store.cancel([id], "the user's wish");
      await clock.advance(7);
      assert.deepEqual(await store.settle([settlement(claimed)]), [{ taken: true, state: "cancelled" }]);
      const run = await stored(store, id);
      assert.deepEqual(
        [run.state, run.reason, run.cancelAsked, run.finishedAt, run.waiting, run.worker],
        ["cancelled", "the user's wish", undefined, beginning + 12, undefined, undefined],
      );
      assert.ok((await kindsOf(store, id)).includes("cancelled"));
      await store.register({
        id: newId(),
        host: "h",
        pid: 1,
        abilities: [{ job: "copy", version: 1 }],
        queues: {},
      });
      await clock.advance(hour);
      await store.promote(10);
      assert.equal(await stateOf(store, id), "cancelled");
      assert.deepEqual((await store.pulse(worker)).cancelled, []);
    });
  }

  const ends: Record<string, (claimed: Claimed) => Settlement> = {
    succeeded: (claimed) => succeeded(claimed, { output: "1" }),
    failed: (claimed) => failed(claimed),
    cancelled: (claimed) => cancelledByItself(claimed),
  };
  for (const [state, settlement] of Object.entries(ends)) {
    suite.test(`a run that ended ${state} before it heard of it stays so`, async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await store.cancel([id], "too late");
      await clock.advance(7);
      const settled = settlement(claimed);
      assert.deepEqual(await store.settle([settled]), [{ taken: true, state }]);
      const run = await stored(store, id);
      assert.deepEqual(
        [run.state, run.cancelAsked, run.output, run.error],
        [state, undefined, settled.output, settled.error],
      );
      assert.equal(run.reason, settled.reason);
      assert.deepEqual((await store.pulse(worker)).cancelled, []);
    });
  }

  suite.test("only the run that was asked is cancelled, not the others of its batch", async ({ store }) => {
    await store.insert(manyRuns(3));
    const claimed = await take(store, await enter(store));
    await store.cancel([at(claimed, 1).run], "this one");
    const answers = await store.settle(claimed.map((run) => handedBack(run)));
    assert.deepEqual(
      answers.map((answer) => answer.taken && answer.state),
      ["ready", "cancelled", "ready"],
    );
  });
}

function notes(suite: Suite): void {
  suite.test(
    "events stand on the timeline with moment, attempt, token and worker of their execution",
    async ({ store, clock }) => {
      const { id, worker, claimed } = await running(store);
      await clock.advance(7);
      await settleAll(
        store,
        backedOff(claimed, second, { events: [{ kind: "failed", detail: boom }, { kind: "snoozed" }] }),
      );
      await clock.advance(2 * second);
      await store.promote(10);
      const other = await enter(store);
      const next = await takeOne(store, other);
      await clock.advance(11);
      await settleAll(
        store,
        handedBack(next, { events: [{ kind: "handedBack", detail: { why: ["it's", 1, null] } }] }),
      );
      const { events } = await store.timeline(id);
      assert.deepEqual(events, [
        { at: beginning + 7, kind: "failed", attempt: 1, token: claimed.token, worker, detail: boom },
        { at: beginning + 7, kind: "snoozed", attempt: 1, token: claimed.token, worker, detail: undefined },
        {
          at: beginning + 7 + 2 * second + 11,
          kind: "handedBack",
          attempt: 2,
          token: next.token,
          worker: other,
          detail: { why: ["it's", 1, null] },
        },
      ]);
    },
  );

  suite.test("log lines and progress are kept with the run that wrote them", async ({ store, clock }) => {
    const { id, claimed } = await running(store);
    const bystander = await insertOne(store);
    const fence = fenceOf(claimed);
    await clock.advance(3);
    await store.note([
      { ...fence, log: { level: "info", message: "it's begun" } },
      { ...fence, progress: { done: 3, total: 10, note: "thirds" } },
    ]);
    await clock.advance(4);
    await store.note([
      { ...fence, log: { level: "error", message: "ünïcödé 🌊", fields: '{"a":[1,"x"]}' } },
      { ...fence, progress: { done: 4.5 } },
    ]);
    assert.deepEqual((await store.timeline(id)).logs, [
      { at: beginning + 3, attempt: 1, level: "info", message: "it's begun", fields: undefined },
      { at: beginning + 7, attempt: 1, level: "error", message: "ünïcödé 🌊", fields: { a: [1, "x"] } },
    ]);
    assert.deepEqual((await stored(store, id)).progress, { done: 4.5, total: undefined, note: undefined });
    assert.deepEqual((await store.timeline(bystander)).logs, []);
    await settleAll(store, succeeded(claimed));
    assert.equal((await store.timeline(id)).logs.length, 2);
  });

  suite.test(
    "notes of several runs in one batch go to their runs, and the refused ones to none",
    async ({ store }) => {
      await store.insert(manyRuns(3));
      const claimed = await take(store, await enter(store));
      await settleAll(store, succeeded(at(claimed, 1)));
      await store.note(
        [2, 1, 0, 2].map((index) => ({
          ...fenceOf(at(claimed, index)),
          log: { level: "warn" as const, message: `of ${index}` },
        })),
      );
      const messages = await Promise.all(
        claimed.map(async (run) => (await store.timeline(run.run)).logs.map((line) => line.message)),
      );
      assert.deepEqual(messages, [["of 0"], [], ["of 2", "of 2"]]);
    },
  );

  suite.test("the timeline of a run that is not there is empty", async ({ store }) => {
    assert.deepEqual(await store.timeline(newId()), { events: [], logs: [] });
  });
}
