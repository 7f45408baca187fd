// What gates and shares are beyond the contract's chapters: what of them moves to another file, and what is kept of rates.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { manualClock, newId } from "../../kernel/index.js";
import type { Claimed, Gate, NewRun } from "../contract.js";
import { type SqliteStore, sqlite } from "./index.js";

const lock: Gate = { kind: "lock", key: "server:532", limit: 1, hold: "run" };
const copy = { job: "copy", version: 1 };
const clock = manualClock(1_900_000_000_000);

let store: SqliteStore;
let other: SqliteStore;

beforeEach(async () => {
  store = sqlite({ file: ":memory:", clock });
  other = sqlite({ file: ":memory:", clock });
  for (const one of [store, other]) {
    await one.register({ id: "anna", host: "none", pid: 1, abilities: [copy], queues: { "*": 9 } });
  }
});

afterEach(async () => {
  await store.close();
  await other.close();
});

async function record(to: SqliteStore, fields: Partial<NewRun>): Promise<string> {
  const [inserted] = await to.insert([{ id: newId(), ...copy, queue: "default", priority: 0, ...fields }]);
  await clock.advance(1);
  return inserted?.id ?? "";
}

function claim(from: SqliteStore): Promise<Claimed[]> {
  return from.claim({ worker: "anna", queues: { "*": 9 }, abilities: [copy] });
}

describe("runs that move to another file", () => {
  test("take their gates with them, and ask there", async () => {
    const ids = [await record(store, { gates: [lock] }), await record(store, { gates: [lock] })];
    await other.adopt(await store.read(ids));
    expect((await claim(other)).map(({ run }) => run)).toEqual([ids[0]]);
    expect(await claim(other)).toEqual([]);
  });

  test("stand in no line of the place they came from", async () => {
    await record(store, { gates: [lock] });
    const waits = await record(store, { gates: [lock] });
    await claim(store);
    expect((await store.find([waits]))[0]?.waiting).toEqual({ reason: "admission", on: "lock server:532" });
    await other.adopt(await store.read([waits]));
    expect((await claim(other)).map(({ run }) => run)).toEqual([waits]);
  });

  test("leave their line when they are released", async () => {
    await record(store, { gates: [lock] });
    const [second, third] = [await record(store, { gates: [lock] }), await record(store, { gates: [lock] })];
    const [first] = await claim(store);
    const [moved] = await store.read([second]);
    expect(await store.release(moved === undefined ? [] : [moved.run])).toEqual([true]);
    const { run = "", token = 0 } = first ?? {};
    await store.settle([{ run, token, state: "succeeded" }]);
    expect((await claim(store)).map((claimed) => claimed.run)).toEqual([third]);
  });

  test("keep their fair share", async () => {
    const [one, two] = [await record(store, { fair: "a" }), await record(store, { fair: "a" })];
    await other.adopt(await store.read([one, two]));
    const single = await record(other, { fair: "b" });
    const next = () => other.claim({ worker: "anna", queues: { "*": 1 }, abilities: [copy] });
    expect([...(await next()), ...(await next())].map(({ run }) => run)).toEqual([one, single]);
  });
});

test("a rate that was not used for long is forgotten, and is as good as new", async () => {
  const mail: Gate = { kind: "rate", key: "mail", limit: 1, per: 60_000 };
  const ids = [await record(store, { gates: [mail] }), await record(store, { gates: [mail] })];
  expect((await claim(store)).map(({ run }) => run)).toEqual([ids[0]]);
  expect(await claim(store)).toEqual([]);
  await store.prune(10);
  await clock.advance(30_000);
  await store.promote(10);
  expect(await claim(store), "what is in use was not forgotten").toEqual([]);
  await clock.advance(30_000);
  await store.promote(10);
  expect((await claim(store)).map(({ run }) => run)).toEqual([ids[1]]);
  await clock.advance(60_000);
  await store.prune(10);
  const last = await record(store, { gates: [mail] });
  expect((await claim(store)).map(({ run }) => run)).toEqual([last]);
});

test("the mark of a claim is only read as the mark of its own run", async () => {
  await record(store, { gates: [lock] });
  const second = await record(store, { gates: [lock] });
  const [first] = await claim(store);
  const { run = "", token = 0 } = first ?? {};
  const [answer] = await store.settle([{ run, token, claim: `1 [not JSON ${run}`, state: "succeeded" }]);
  expect(answer).toEqual({ taken: true, state: "succeeded" });
  expect((await claim(store)).map((claimed) => claimed.run)).toEqual([second]);
});
