// What a request that meets a unique key changes of the run that holds it: `replace` and `debounce`.
//
// Only a run that is not running is changed, and what a claim has handed out is never another input than the one that
// the run has: a replacement comes before the claim, or fences it out, or comes too late.
import assert from "node:assert/strict";
import type { NewRun } from "../../store/contract.js";
import {
  at,
  backedOff,
  enter,
  hour,
  insertOne,
  kindsOf,
  minute,
  parked,
  picture,
  running,
  second,
  settle,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import { keyed, live, request } from "./keys.js";
import type { Suite } from "./suite.js";

function lockOf(server: string): NewRun["gates"] {
  return [{ kind: "lock", key: server, limit: 1, hold: "run" }];
}

export function replacing(suite: Suite): void {
  const replaces = (...fields: ("input" | "runAt" | "priority")[]): Partial<NewRun> =>
    keyed({ onConflict: { kind: "replace", fields } });
  const later = { input: "2", priority: 7, due: { after: minute } } satisfies Partial<NewRun>;

  suite.test("gives the run what its rule names, and nothing else", async ({ store, clock }) => {
    const wanted = {
      input: { input: "2", priority: 3, delay: hour },
      runAt: { input: "1", priority: 3, delay: minute },
      priority: { input: "1", priority: 7, delay: hour },
    } as const;
    for (const field of ["input", "runAt", "priority"] as const) {
      const key = field;
      const first = { ...keyed({ key }), input: "1", priority: 3, due: { after: hour } };
      const id = await insertOne(store, first);
      const before = await stored(store, id);
      await clock.advance(second);
      const now = store.now();
      const unique = { key, while: live, onConflict: { kind: "replace", fields: [field] } } as const;
      assert.deepEqual(await request(store, { ...later, unique }), { id, created: false, changed: true });
      const after = await stored(store, id);
      const { input, priority, delay } = wanted[field];
      assert.deepEqual([after.input, after.priority], [input, priority]);
      assert.equal(after.runAt, delay === hour ? before.runAt : now + delay);
      assert.deepEqual([after.state, after.requestedAt], ["scheduled", before.requestedAt]);
      assert.deepEqual(await kindsOf(store, id), ["replaced"]);
    }
  });

  suite.test("schedules a ready run, and makes a scheduled one ready", async ({ store, clock }) => {
    const id = await insertOne(store, keyed());
    const worker = await enter(store);
    await request(store, { ...replaces("runAt"), due: { after: minute } });
    assert.equal(await stateOf(store, id), "scheduled");
    assert.deepEqual(await take(store, worker), []);
    await clock.advance(second);
    await request(store, replaces("runAt"));
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.runAt], ["ready", store.now()]);
    assert.equal((await takeOne(store, worker)).run, id);
  });

  suite.test("is seen by the next claim: short, long or nothing in place of either", async ({ store }) => {
    const long = JSON.stringify("x".repeat(5_000));
    const inputs = [undefined, "1", long, "2", undefined, long, long.replaceAll("x", "y")];
    const worker = await enter(store);
    const [first, ...rest] = inputs;
    const id = await insertOne(store, { ...keyed(), input: first });
    for (const input of rest) {
      assert.deepEqual(await request(store, { ...replaces("input"), input }), {
        id,
        created: false,
        changed: true,
      });
      assert.equal((await stored(store, id)).input, input);
      const claimed = await takeOne(store, worker);
      assert.equal(claimed.input, input);
      await settle(store, { ...backedOff(claimed, 0), due: { after: 0 } });
      await store.promote(10);
    }
  });

  suite.test("moves the run to its new place in line", async ({ store, clock }) => {
    const id = await insertOne(store, keyed());
    await clock.advance(3);
    const other = await insertOne(store, { priority: 5 });
    await request(store, { ...replaces("priority"), priority: 9 });
    const claimed = await take(store, await enter(store), { "*": 2 });
    assert.deepEqual(
      claimed.map(({ run }) => run),
      [id, other],
    );
  });

  suite.test("asks for the gates of its new input, and for none of the old", async ({ store, clock }) => {
    const worker = await enter(store);
    await insertOne(store, { gates: lockOf("one") });
    const held = await takeOne(store, worker);
    const ids: string[] = [];
    for (const fields of [keyed(), {}]) {
      ids.push(await insertOne(store, { ...fields, gates: lockOf("one") }));
      await clock.advance(second);
    }
    assert.deepEqual(await take(store, worker), []);
    const [id, behind] = [at(ids, 0), at(ids, 1)];
    assert.equal((await stored(store, id)).waiting?.reason, "admission");
    const answer = await request(store, { ...replaces("input"), input: "2", gates: lockOf("two") });
    assert.deepEqual(answer, { id, created: false, changed: true });
    assert.equal((await takeOne(store, worker)).run, id);
    await insertOne(store, { gates: lockOf("two") });
    assert.deepEqual(await take(store, worker), []);
    await settle(store, succeeded(held));
    assert.equal((await takeOne(store, worker)).run, behind);
  });

  suite.test("hands on the place that it has at a gate of its old input", async ({ store, clock }) => {
    const worker = await enter(store);
    await insertOne(store, { gates: lockOf("one") });
    const held = await takeOne(store, worker);
    const ids: string[] = [];
    for (const fields of [keyed(), {}]) {
      ids.push(await insertOne(store, { ...fields, gates: lockOf("one") }));
      await clock.advance(second);
    }
    assert.deepEqual(await take(store, worker), []);
    await settle(store, succeeded(held));
    assert.equal(await stateOf(store, at(ids, 0)), "ready");
    await request(store, { ...replaces("input"), input: "2", gates: lockOf("two") });
    const claimed = await take(store, worker);
    assert.deepEqual(
      claimed.map(({ run }) => run),
      ids,
    );
  });

  suite.test("leaves a running run alone", async ({ store }) => {
    const { id } = await running(store, { ...keyed(), input: "1" });
    const before = await picture(store, id);
    assert.deepEqual(await request(store, { ...replaces("input", "runAt", "priority"), ...later }), {
      id,
      created: false,
    });
    assert.deepEqual(await picture(store, id), before);
  });

  suite.test("leaves a run alone that has ended and still has the key for a time", async ({ store }) => {
    const window = { while: undefined, window: hour };
    const { id, claimed } = await running(store, { ...keyed(window), input: "1" });
    await settle(store, succeeded(claimed));
    const before = await picture(store, id);
    const replacing = keyed({ ...window, onConflict: { kind: "replace", fields: ["input"] } });
    assert.deepEqual(await request(store, { ...replacing, ...later }), { id, created: false });
    assert.deepEqual(await picture(store, id), before);
  });

  suite.test("changes what waits, which goes on waiting", async ({ store }) => {
    await store.pause({ job: "copy" });
    const { id, claimed } = await running(store, { ...keyed(), input: "1" });
    await settle(store, parked(claimed, "paused"));
    const answer = await request(store, { ...replaces("input"), input: "2" });
    assert.deepEqual(answer, { id, created: false, changed: true });
    const run = await stored(store, id);
    assert.deepEqual([run.state, run.waiting?.reason, run.input], ["waiting", "paused", "2"]);
  });

  suite.shared("is seen, or comes too late, by a claim that races it", async ({ store, another }) => {
    const other = await another();
    const worker = await enter(other);
    for (let round = 0; round < 12; round++) {
      const id = await insertOne(store, { ...keyed(), input: "1" });
      const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      const claiming = take(other, worker);
      for (let turns = round % 4; turns > 0; turns--) await turn();
      const [claims, answer] = await Promise.all([
        claiming,
        request(store, { ...replaces("input"), input: "2" }),
      ]);
      assert.deepEqual([answer.id, answer.created], [id, false]);
      let [claimed] = claims;
      const isTaken =
        claimed !== undefined && (await other.settle([backedOff(claimed, 0)]))[0]?.taken === true;
      if (!isTaken || answer.changed === undefined) {
        // A claim that was fenced out has done nothing that counts; a replacement that came too late did nothing either.
        const input = answer.changed === true ? "2" : claimed?.input;
        await other.promote(10);
        claimed = await takeOne(other, worker);
        assert.equal(claimed.input, input);
      } else {
        assert.equal(claimed?.input, "2", "who has it and may settle it was given what came before");
        await other.promote(10);
        claimed = await takeOne(other, worker);
      }
      await settle(other, succeeded(claimed));
    }
  });
}

export function debouncing(suite: Suite): void {
  const debounced = (fields: Partial<NewRun> = {}): Partial<NewRun> => ({
    ...keyed({
      while: ["scheduled", "ready", "waiting"],
      onConflict: { kind: "debounce", delay: minute, atMost: 3 * minute },
    }),
    due: { after: minute },
    ...fields,
  });

  suite.test(
    "puts the run off again and again, with the last input, but not for ever",
    async ({ store, clock }) => {
      const id = await insertOne(store, debounced({ input: "0" }));
      const { requestedAt } = await stored(store, id);
      const moved: number[] = [];
      for (let count = 1; count <= 5; count++) {
        await clock.advance(40 * second);
        await store.promote(10);
        const answer = await request(store, debounced({ input: String(count), priority: 9 }));
        if (answer.created) break;
        assert.deepEqual(answer, { id, created: false, changed: true });
        const run = await stored(store, id);
        assert.deepEqual(
          [run.input, run.priority, run.state],
          [String(count), 0, run.runAt > store.now() ? "scheduled" : "ready"],
        );
        moved.push(run.runAt - requestedAt);
      }
      assert.deepEqual(moved, [100 * second, 140 * second, 3 * minute, 3 * minute, 3 * minute]);
      const claimed = await takeOne(store, await enter(store));
      assert.deepEqual([claimed.run, claimed.input], [id, "5"]);
      await insertOne(store, debounced());
    },
  );

  suite.test("without an end is put off for as long as somebody asks", async ({ store, clock }) => {
    const endless = debounced(keyed({ onConflict: { kind: "debounce", delay: minute } }));
    const id = await insertOne(store, endless);
    for (let count = 0; count < 10; count++) {
      await clock.advance(minute - 1);
      assert.equal((await request(store, endless)).changed, true);
      assert.equal((await stored(store, id)).runAt, store.now() + minute);
    }
  });

  suite.test("leaves a running run alone", async ({ store }) => {
    const whole = { kind: "debounce", delay: minute } as const;
    const { id } = await running(store, keyed());
    const before = await picture(store, id);
    assert.deepEqual(await request(store, debounced(keyed({ onConflict: whole }))), { id, created: false });
    assert.deepEqual(await picture(store, id), before);
  });
}
