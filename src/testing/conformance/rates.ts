// Rates: how many start in a time, over all workers, and what holds a rate or a queue back.
//
// A start is paid when it happens: whoever only waited, or was cancelled when its turn had come, has cost nothing. The
// last test of rates compares starts with the arithmetic itself, over clocks that move as they like.
import assert from "node:assert/strict";
import type { Gate, Store } from "../../store/contract.js";
import {
  aRun,
  at,
  enter,
  everything,
  handedBack,
  insertOne,
  minute,
  only,
  second,
  settle,
  snoozed,
  stateOf,
  stored,
  succeeded,
  take,
  takeOne,
} from "./build.js";
import { inARow, lock, runsOf } from "./gates-build.js";
import { type Bench, beginning, type Suite } from "./suite.js";

function rate(key: string, limit: number, per: number, burst?: number): Gate {
  return { kind: "rate", key, limit, per, ...(burst === undefined ? {} : { burst }) };
}

export function rates(suite: Suite): void {
  suite.describe("how many start", () => starts(suite));
  suite.describe("what holds back", () => holdingBack(suite));
  suite.test("in any window no more start than the arithmetic allows, and no fewer", async (bench) => {
    await atRandom(suite, bench);
  });
}

/** Promotes and claims, as workers do when time has passed. */
async function turn(store: Store, worker: string): Promise<string[]> {
  await store.promote(1_000);
  return runsOf(await take(store, worker));
}

function starts(suite: Suite): void {
  suite.test("one starts in each interval, and the next is told when it may", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 60, minute)];
    await store.insert([aRun({ gates }), aRun({ gates }), aRun({ gates })]);
    const worker = await enter(store);
    const first = await takeOne(store, worker);
    assert.deepEqual(await take(store, worker), []);
    const waiting = (await everything(store)).filter(({ state }) => state === "waiting");
    assert.deepEqual(
      waiting.map((run) => [run.waiting, run.attempt]),
      [
        [{ reason: "admission", on: "rate mail" }, 0],
        [{ reason: "admission", on: "rate mail" }, 0],
      ],
    );
    assert.deepEqual(await store.promote(10), { moved: 0, next: beginning + second, expired: [] });
    await settle(store, succeeded(first));
    assert.deepEqual(await take(store, worker), [], "its end opens no rate");
    await clock.advance(second - 1);
    assert.deepEqual(await turn(store, worker), []);
    await clock.advance(1);
    assert.equal((await store.promote(10)).moved, 1);
    assert.equal((await take(store, worker)).length, 1);
    await clock.advance(second);
    assert.equal((await turn(store, worker)).length, 1);
  });

  suite.test("a burst starts at once after a pause, and no more than that", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 60, minute, 4)];
    await store.insert(Array.from({ length: 12 }, () => aRun({ gates })));
    const worker = await enter(store);
    assert.equal((await take(store, worker)).length, 4);
    await clock.advance(2 * second);
    assert.equal((await turn(store, worker)).length, 2);
    await clock.advance(minute);
    assert.equal((await turn(store, worker)).length, 4);
  });

  suite.test("the oldest of the highest priority starts first", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 60, minute)];
    const [one, two, urgent, three] = await inARow(
      bench,
      { gates, priority: 2 },
      { gates },
      { gates, priority: 1 },
      { gates },
    );
    const worker = await enter(store);
    const started: string[] = [];
    for (let count = 0; count < 4; count++) {
      started.push(...(await turn(store, worker)));
      await clock.advance(second);
    }
    assert.deepEqual(started, [one, urgent, two, three]);
  });

  suite.test("each key has a rate of its own", async (bench) => {
    const { store } = bench;
    const ids = await inARow(
      bench,
      { gates: [rate("a", 1, minute)] },
      { gates: [rate("b", 1, minute)] },
      { gates: [rate("a", 1, minute)] },
    );
    assert.deepEqual(await turn(store, await enter(store)), ids.slice(0, 2));
  });

  suite.test("a newcomer starts after those in line", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 60, minute)];
    const [, second_] = await inARow(bench, { gates }, { gates });
    const worker = await enter(store);
    await takeOne(store, worker);
    assert.deepEqual(await take(store, worker), []);
    await clock.advance(second);
    const [newcomer] = await inARow(bench, { gates, priority: 0 });
    assert.deepEqual(await turn(store, worker), [second_]);
    await clock.advance(second);
    assert.deepEqual(await turn(store, worker), [newcomer]);
  });

  suite.test("a run that was let in and is cancelled costs nothing", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 60, minute)];
    const [, second_ = "", third] = await inARow(bench, { gates }, { gates }, { gates });
    const worker = await enter(store);
    await takeOne(store, worker);
    assert.deepEqual(await take(store, worker), []);
    await clock.advance(second);
    await store.promote(10);
    assert.equal(await stateOf(store, second_), "ready");
    await store.cancel([second_], "no");
    assert.deepEqual(await turn(store, worker), [third]);
  });

  suite.test("a run that a lock turns away has not paid at the rate", async (bench) => {
    const { store } = bench;
    const mail = rate("mail", 60, minute);
    const [, , third] = await inARow(
      bench,
      { gates: [lock("x")] },
      { gates: [lock("x"), mail] },
      { gates: [mail] },
    );
    const claimed = await take(store, await enter(store));
    assert.equal(at(claimed, 1).run, third);
    assert.equal(claimed.length, 2);
  });

  suite.test("a run that a rate turns away holds no lock", async (bench) => {
    const { store } = bench;
    const mail = rate("mail", 60, minute);
    const [first, , third] = await inARow(
      bench,
      { gates: [mail] },
      { gates: [mail, lock("x")] },
      { gates: [lock("x")] },
    );
    assert.deepEqual(runsOf(await take(store, await enter(store))), [first, third]);
  });

  suite.test("a retry is a start, and pays", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 60, minute)];
    const id = await insertOne(store, { gates });
    const worker = await enter(store);
    await settle(store, handedBack(await takeOne(store, worker)));
    assert.deepEqual(await take(store, worker), []);
    await clock.advance(second);
    assert.deepEqual(await turn(store, worker), [id]);
  });

  suite.test("how a run stands at a rate tells when it opens", async (bench) => {
    const { store } = bench;
    const gates = [rate("mail", 60, minute)];
    const [, second_ = "", third = ""] = await inARow(bench, { gates }, { gates }, { gates });
    const open = only(await store.standing(second_));
    assert.ok((open.opensAt ?? 0) <= bench.clock.now());
    await takeOne(store, await enter(store));
    const started = bench.clock.now();
    const { isHolding, isParked, ahead, opensAt, limit, per } = only(await store.standing(third));
    assert.deepEqual(
      { isHolding, isParked, ahead, opensAt, limit, per },
      { isHolding: false, isParked: true, ahead: 1, opensAt: started + second, limit: 60, per: minute },
    );
  });

  suite.test("how a run stands at a rate tells who was let in and has not started", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 1, minute)];
    const [, second_ = "", third = ""] = await inARow(bench, { gates }, { gates }, { gates });
    const worker = await enter(store);
    await takeOne(store, worker);
    assert.deepEqual(only(await store.standing(third)).holders, []);
    await clock.advance(minute + second);
    await store.promote(100);
    const { ahead, holders, used } = only(await store.standing(third));
    const letIn = { run: second_, job: "copy", state: "ready", since: undefined };
    assert.deepEqual({ ahead, holders, used }, { ahead: 0, holders: [letIn], used: 0 });
    await takeOne(store, worker);
    assert.deepEqual(only(await store.standing(third)).holders, []);
  });
}

function holdingBack(suite: Suite): void {
  suite.test("an execution that is rate limited closes its rate for so long", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 60, minute, 5)];
    const [first = "", other] = await inARow(bench, { gates }, {});
    const worker = await enter(store);
    const [claimed, plain] = await take(store, worker);
    assert.deepEqual([claimed?.run, plain?.run], [first, other]);
    assert.ok(claimed !== undefined);
    const later = snoozed(claimed, 30 * second, {
      holdBack: 30 * second,
      events: [{ kind: "rateLimited", detail: { milliseconds: 30 * second } }],
    });
    await settle(store, later);
    const until = clock.now() + 30 * second;
    assert.equal((await stored(store, first)).attempt, 0);
    const [next] = await inARow(bench, { gates });
    const [free] = await inARow(bench, {});
    assert.deepEqual(await turn(store, worker), [free]);
    assert.equal((await store.promote(10)).next, until);
    await clock.advance(until - clock.now() - 1);
    assert.deepEqual(await turn(store, worker), []);
    await clock.advance(1);
    assert.deepEqual(new Set(await turn(store, worker)), new Set([first, next]));
  });

  suite.test("a shorter time does not end a longer one", async (bench) => {
    const { store, clock } = bench;
    const gates = [rate("mail", 60, minute, 5)];
    await inARow(bench, { gates }, { gates });
    const worker = await enter(store);
    const [one, two] = await take(store, worker);
    assert.ok(one !== undefined && two !== undefined);
    await settle(store, succeeded(one, { holdBack: minute }), succeeded(two, { holdBack: second }));
    const [next] = await inARow(bench, { gates });
    await clock.advance(2 * second);
    assert.deepEqual(await turn(store, worker), []);
    await clock.advance(minute);
    assert.deepEqual(await turn(store, worker), [next]);
  });

  suite.test("without a rate its queue is passed over, and no other", async (bench) => {
    const { store, clock } = bench;
    const worker = await enter(store);
    const first = await insertOne(store, { queue: "mail" });
    const claimed = await takeOne(store, worker);
    await settle(store, snoozed(claimed, second, { holdBack: minute }));
    const until = clock.now() + minute;
    const [next = "", other] = await inARow(bench, { queue: "mail" }, { queue: "else" });
    assert.deepEqual(await turn(store, worker), [other]);
    const row = (await store.queues()).find(({ name }) => name === "mail");
    assert.deepEqual([row?.heldUntil, row?.paused], [until, false]);
    assert.deepEqual(await store.paused(), []);
    await clock.advance(2 * second);
    assert.deepEqual(await turn(store, worker), []);
    assert.equal(await stateOf(store, next), "ready");
    assert.equal((await store.promote(10)).next, until);
    await clock.advance(until - clock.now());
    assert.deepEqual(new Set(await turn(store, worker)), new Set([first, next]));
    assert.equal((await store.queues()).find(({ name }) => name === "mail")?.heldUntil, undefined);
  });

  suite.test("whoever listens hears that a queue is open again", async ({ store, clock }) => {
    const worker = await enter(store);
    await insertOne(store);
    await settle(store, snoozed(await takeOne(store, worker), second, { holdBack: minute }));
    await clock.advance(second);
    await store.promote(10);
    assert.deepEqual(await take(store, worker), []);
    const woken = new Promise<void>((resolve) => {
      store.watch(({ claimable }) => {
        if (claimable) resolve();
      });
    });
    await clock.advance(minute - second);
    await store.promote(10);
    await woken;
    assert.equal((await take(store, worker)).length, 1);
  });
}

/** The times of all starts, against a reckoning in whole numbers of when each could start at the earliest. */
async function atRandom(suite: Suite, bench: Bench): Promise<void> {
  const { default: fc } = await import("fast-check");
  let walks = 0;
  const property = fc.asyncProperty(
    fc.record({
      limit: fc.integer({ min: 1, max: 6 }),
      interval: fc.integer({ min: 1, max: 40 }),
      burst: fc.integer({ min: 1, max: 5 }),
      steps: fc.array(fc.record({ runs: fc.nat({ max: 4 }), wait: fc.nat({ max: 90 }) }), {
        minLength: 3,
        maxLength: 14,
      }),
    }),
    async ({ limit, interval, burst, steps }) => {
      const { store, clock } = bench;
      const worker = await enter(store);
      const per = limit * interval;
      const gates = [rate(`walk ${++walks}`, limit, per, burst)];
      const startedAt: number[] = [];
      let pending = 0;
      let arrival = 0;
      for (const { runs, wait } of steps) {
        await clock.advance(wait);
        const now = clock.now();
        if (runs > 0) await store.insert(Array.from({ length: runs }, () => aRun({ gates })));
        pending += runs;
        let expected = 0;
        while (pending > 0 && arrival - (burst - 1) * interval <= now) {
          arrival = Math.max(arrival, now) + interval;
          pending--;
          expected++;
        }
        await store.promote(1_000);
        const claimed = await take(store, worker);
        assert.equal(claimed.length, expected, `starts at ${now - beginning}`);
        startedAt.push(...claimed.map(() => now));
        if (claimed.length > 0) await settle(store, ...claimed.map((run) => succeeded(run)));
      }
      for (const start of startedAt) {
        const inWindow = startedAt.filter((time) => time >= start && time < start + per);
        assert.ok(inWindow.length <= limit + burst - 1, `${inWindow.length} starts in one window`);
      }
      const left = (await everything(store)).filter(({ finishedAt }) => finishedAt === undefined);
      await store.cancel(
        left.map(({ id }) => id),
        "the walk is over",
      );
      await store.retire(worker);
    },
  );
  await fc.assert(property, {
    numRuns: 40,
    interruptAfterTimeLimit: 5_000,
    markInterruptAsFailure: false,
    ...(suite.seed === undefined ? {} : { seed: suite.seed }),
  });
}
