// Counts by the minute, which workers tell, and the filters that look into a run: at its error, and at its input.
import assert from "node:assert/strict";
import type { RunFilter, Store, Tally } from "../../store/contract.js";
import { enter, failed, hour, insertOne, minute, settle, succeeded, take } from "./build.js";
import type { Suite } from "./suite.js";

const day = 24 * hour;

export function counts(suite: Suite): void {
  suite.describe("counts by the minute", () => tallies(suite));
  suite.describe("runs are found", () => looking(suite));
  suite.test("runs that have not ended are counted by job and version", async ({ store }) => {
    assert.deepEqual(await store.versions(), []);
    const worker = await enter(store);
    await insertOne(store);
    await settle(store, ...(await take(store, worker)).map((run) => succeeded(run)));
    await insertOne(store, { fair: "a" });
    await take(store, worker);
    await insertOne(store, { due: { after: hour } });
    await insertOne(store, { waiting: "preparation" });
    await insertOne(store, { version: 2 });
    await insertOne(store, { job: "move", fair: "a" });
    assert.deepEqual(await store.versions(), [
      { job: "copy", version: 1, runs: 3 },
      { job: "copy", version: 2, runs: 1 },
      { job: "move", version: 1, runs: 1 },
    ]);
  });
}

function aTally(fields: Partial<Tally>): Tally {
  const counts = { succeeded: 0, failed: 0, cancelled: 0, retried: 0, waited: 0, ran: 0 };
  return { minute: 0, queue: "default", job: "copy", ...counts, ...fields };
}

function tallies(suite: Suite): void {
  suite.test("are added up by minute, queue and job, and come oldest first", async ({ store }) => {
    const now = Math.floor(store.now() / minute) * minute;
    const counted = { succeeded: 3, failed: 1, cancelled: 2, retried: 4, waited: 1_500, ran: 20_250 };
    await store.tally([
      aTally({ minute: now, ...counted }),
      aTally({ minute: now - minute, succeeded: 1 }),
      aTally({ minute: now, queue: "it's", succeeded: 5 }),
      aTally({ minute: now, job: "move", failed: 6 }),
    ]);
    await store.tally([aTally({ minute: now, succeeded: 2, ran: 750 })]);
    await store.tally([]);
    const found = await store.tallies(now - hour);
    assert.deepEqual(
      found.map((one) => one.minute),
      [now - minute, now, now, now],
    );
    const ofCopy = found.filter((one) => one.minute === now && one.queue === "default" && one.job === "copy");
    assert.deepEqual(ofCopy, [aTally({ minute: now, ...counted, succeeded: 5, ran: 21_000 })]);
    assert.equal(found.find((one) => one.queue === "it's")?.succeeded, 5);
    assert.equal(found.find((one) => one.job === "move")?.failed, 6);
    assert.equal((await store.tallies(now)).length, 3);
    assert.deepEqual(await store.tallies(now + 1), []);
  });

  suite.shared("of several workers told at once are all in them", async ({ store, another }) => {
    const other = await another();
    const one = aTally({ minute, succeeded: 1, waited: 10 });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? store : other).tally([one])),
    );
    assert.deepEqual(await store.tallies(0), [aTally({ minute, succeeded: 20, waited: 200 })]);
  });

  suite.test("are kept for thirty days", async ({ store, clock }) => {
    const first = Math.floor(store.now() / hour) * hour;
    await store.tally([
      aTally({ minute: first, succeeded: 1, waits: { 3: 1 } }),
      aTally({ minute: first + hour, failed: 1, waits: { 3: 1 } }),
    ]);
    await clock.set(first + 30 * day - minute);
    await store.prune(1_000);
    assert.equal((await store.tallies(0)).length, 2);
    await clock.set(first + 30 * day + 1);
    assert.equal(await store.prune(1_000), 0);
    assert.deepEqual(await store.tallies(0), [aTally({ minute: first + hour, failed: 1 })]);
    assert.equal((await store.waits(0)).length, 1);
    assert.equal(await store.count({}), 0);
  });

  suite.test("tell how long executions of a queue waited, of all its jobs", async ({ store }) => {
    const now = Math.floor(store.now() / minute) * minute;
    await store.tally([
      aTally({ minute: now, waits: { 0: 2, 17: 1 } }),
      aTally({ minute: now, job: "move", waits: { 17: 3 } }),
      aTally({ minute: now, queue: "it's", waits: { 4: 1 } }),
      aTally({ minute: now - minute, waits: { 5: 1 } }),
    ]);
    await store.tally([aTally({ minute: now, waits: { 0: 1 } })]);
    assert.deepEqual(await store.waits(now), [
      { minute: now, queue: "default", step: 0, number: 3 },
      { minute: now, queue: "default", step: 17, number: 4 },
      { minute: now, queue: "it's", step: 4, number: 1 },
    ]);
    assert.equal((await store.waits(now - minute)).length, 4);
  });

  suite.test(
    "are rolled up to hours from three hours ago on, and nothing is lost",
    async ({ store, clock }) => {
      const start = Math.floor(store.now() / hour) * hour;
      const told = [0, 1, 59, 60, 61].map((at) =>
        aTally({ minute: start + at * minute, succeeded: 1, ran: 10, waits: { 3: 1, [at]: 2 } }),
      );
      await store.tally(told);
      await clock.set(start + 4 * hour - 1);
      await store.prune(1_000);
      assert.equal((await store.tallies(0)).length, 5);
      await clock.set(start + 4 * hour);
      await store.prune(1_000);
      await store.prune(1_000);
      const [first, ...minutes] = await store.tallies(0);
      assert.deepEqual(first, aTally({ minute: start, succeeded: 3, ran: 30 }));
      assert.deepEqual(
        minutes.map(({ minute: at }) => at),
        [start + hour, start + hour + minute],
      );
      assert.deepEqual(
        (await store.waits(0)).filter(({ step }) => step === 3).map(({ minute: at, number }) => [at, number]),
        [
          [start, 3],
          [start + hour, 1],
          [start + hour + minute, 1],
        ],
      );
      // What is told late goes where the rest of its hour is.
      await store.tally([aTally({ minute: start + minute, succeeded: 1 })]);
      await store.prune(1_000);
      assert.equal((await store.tallies(0))[0]?.succeeded, 4);
      await clock.set(start + 9 * hour);
      await store.prune(1_000);
      assert.deepEqual(
        (await store.tallies(0)).map(({ minute: at, succeeded }) => [at, succeeded]),
        [
          [start, 4],
          [start + hour, 2],
        ],
      );
    },
  );
}

/** The places of the runs that fit, by list and by count alike. */
async function found(store: Store, ids: readonly string[], filter: RunFilter): Promise<number[]> {
  const { runs } = await store.list(filter, { limit: 100 });
  assert.equal(await store.count(filter), runs.length);
  return runs.map(({ id }) => ids.indexOf(id)).toSorted((one, other) => one - other);
}

function looking(suite: Suite): void {
  suite.test("by the name and the code of their error", async ({ store }) => {
    const worker = await enter(store);
    const errors = [
      { name: "TimeoutError", message: "too late" },
      { name: "HttpError", message: "503", code: "UNAVAILABLE" },
      { name: "HttpError", message: "TimeoutError", code: "it's" },
      { name: "LongError", message: "long", code: "LONG", stack: "at x\n".repeat(2_000) },
    ];
    const ids: string[] = [];
    for (const error of errors) {
      ids.push(await insertOne(store));
      await settle(store, ...(await take(store, worker)).map((run) => failed(run, { error })));
    }
    ids.push(await insertOne(store));
    const by = (errors: string[], rest: RunFilter = {}) => found(store, ids, { errors, ...rest });
    assert.deepEqual(await by(["HttpError"]), [1, 2]);
    assert.deepEqual(await by(["UNAVAILABLE", "TimeoutError"]), [0, 1]);
    assert.deepEqual(await by(["LONG"]), [3]);
    assert.deepEqual(await by(["LongError", "it's"]), [2, 3]);
    assert.deepEqual(await by(["503"]), []);
    assert.deepEqual(await by([]), []);
    assert.deepEqual(await by(["HttpError"], { ids: ids.slice(0, 2) }), [1]);
    assert.deepEqual(await by(["HttpError"], { states: ["failed"] }), [1, 2]);
    assert.deepEqual(await by(["HttpError"], { states: ["ready"] }), []);
    assert.deepEqual(await by(["HttpError"], { jobs: ["copy"] }), [1, 2]);
  });

  suite.test("by a text in their input, in the same case, however long it is", async ({ store }) => {
    const long = "x".repeat(20_000);
    const inputs = [
      '"a red lamp"',
      '"a Red lamp"',
      JSON.stringify(`${long} red ${long}`),
      undefined,
      '"50% off_er"',
      "17",
    ];
    const ids: string[] = [];
    for (const input of inputs) ids.push(await insertOne(store, { input, waiting: "preparation" }));
    const worker = await enter(store);
    ids.push(await insertOne(store, { input: '"red"' }));
    await settle(store, ...(await take(store, worker)).map((run) => succeeded(run, { output: '"blue"' })));
    const by = (text: string, rest: RunFilter = {}) => found(store, ids, { text, ...rest });
    assert.deepEqual(await by("red"), [0, 2, 6]);
    assert.deepEqual(await by("Red"), [1]);
    assert.deepEqual(await by('"a red'), [0]);
    assert.deepEqual(await by("%"), [4]);
    assert.deepEqual(await by("f_e"), [4]);
    assert.deepEqual(await by("a_red"), []);
    assert.deepEqual(await by("17"), [5]);
    assert.deepEqual(await by("blue"), []);
    assert.deepEqual(await by("it's"), []);
    assert.deepEqual(await by("red", { ids: ids.slice(1) }), [2, 6]);
    assert.deepEqual(await by("red", { states: ["waiting"], waiting: ["preparation"] }), [0, 2]);
    assert.deepEqual(await by("red", { jobs: ["copy"], states: ["succeeded"] }), [6]);
  });
}
