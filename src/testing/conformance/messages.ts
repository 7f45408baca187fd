// Messages: what workers are told, and that each hears it.
//
// A message waits for its worker, comes with every pulse until the worker says that it was heard, and is gone with the
// worker. One that goes to all goes to those that are there, and each hears it for itself.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { Message, NewMessage, Store } from "../../store/contract.js";
import { at, aWorker, enter, only } from "./build.js";
import { beginning, type Suite } from "./suite.js";

export function messages(suite: Suite): void {
  suite.describe("a message", () => delivery(suite));
  suite.describe("a message that was heard", () => hearing(suite));
  suite.describe("whom it reaches", () => recipients(suite));
}

function aMessage(fields: Partial<NewMessage> = {}): NewMessage {
  return { id: newId(), name: "duckdive.quiet", ...fields };
}

function asHeard({ id, name, payload }: NewMessage, at: number): Message {
  return { id, name, payload, at };
}

const unheard = async (store: Store, worker: string): Promise<readonly Message[]> =>
  (await store.pulse(worker)).messages;

function delivery(suite: Suite): void {
  suite.test(
    "is in the pulse and the heartbeat of its worker, with its moment and its payload",
    async ({ store, clock }) => {
      const [one, two] = [await enter(store), await enter(store)];
      await clock.advance(11);
      const payload = '{"text":"it\'s \\"ünïcödé\\" 🌊","nul":"\\u0000"}';
      const message = aMessage({ to: one, name: "its name, with 'quotes'", payload });
      assert.deepEqual(await store.tell([message]), [1]);
      await clock.advance(7);
      const expected = [asHeard(message, beginning + 11)];
      assert.deepEqual(await store.pulse(one), {
        alive: true,
        cancelled: [],
        lost: [],
        messages: expected,
        slots: {},
      });
      assert.deepEqual((await store.heartbeat(one)).messages, expected);
      assert.deepEqual(await unheard(store, two), []);
    },
  );

  suite.test("without a payload has none", async ({ store }) => {
    const worker = await enter(store);
    await store.tell([aMessage({ to: worker })]);
    assert.equal(only(await unheard(store, worker)).payload, undefined);
  });

  suite.test("comes in the order of telling", async ({ store, clock }) => {
    const worker = await enter(store);
    const [first, second, third, fourth] = [aMessage(), aMessage({ to: worker }), aMessage(), aMessage()];
    await store.tell([first, second]);
    await store.tell([third]);
    await clock.advance(5);
    await store.tell([fourth]);
    const ids = (await unheard(store, worker)).map(({ id }) => id);
    assert.deepEqual(
      ids,
      [first, second, third, fourth].map(({ id }) => id),
    );
  });

  suite.test("is one, however often it is sent under its id", async ({ store, clock }) => {
    const worker = await enter(store);
    const message = aMessage({ to: worker, payload: "1" });
    assert.deepEqual(await store.tell([message, message]), [1, 1]);
    await clock.advance(5);
    assert.deepEqual(await store.tell([message]), [1]);
    assert.deepEqual(await unheard(store, worker), [asHeard(message, beginning)]);
  });

  suite.test("may weigh as much as an input", async ({ store }) => {
    const worker = await enter(store);
    const payload = JSON.stringify("x".repeat(1_048_574));
    await store.tell([aMessage({ to: worker, payload })]);
    assert.equal(only(await unheard(store, worker)).payload, payload);
  });

  suite.test("is among a hundred at most, the oldest first; the others follow", async ({ store }) => {
    const worker = await enter(store);
    const sent = Array.from({ length: 120 }, () => aMessage({ to: worker }));
    await store.tell(sent);
    const first = (await unheard(store, worker)).map(({ id }) => id);
    assert.deepEqual(
      first,
      sent.slice(0, 100).map(({ id }) => id),
    );
    await store.heard(worker, first);
    const rest = (await unheard(store, worker)).map(({ id }) => id);
    assert.deepEqual(
      rest,
      sent.slice(100).map(({ id }) => id),
    );
  });

  suite.shared("is durable: another store object has it", async ({ store, another }) => {
    const worker = await enter(store);
    const message = aMessage({ to: worker });
    await store.tell([message]);
    assert.deepEqual(await unheard(await another(), worker), [asHeard(message, beginning)]);
  });
}

function hearing(suite: Suite): void {
  suite.test("is not told again, and the others are", async ({ store }) => {
    const worker = await enter(store);
    const sent = [aMessage(), aMessage(), aMessage()];
    await store.tell(sent);
    await store.heard(worker, [at(sent, 1).id, "nobody's"]);
    const left = [at(sent, 0), at(sent, 2)].map(({ id }) => id);
    assert.deepEqual(
      (await unheard(store, worker)).map(({ id }) => id),
      left,
    );
    assert.deepEqual(
      (await store.heartbeat(worker)).messages.map(({ id }) => id),
      left,
    );
    await store.heard(worker, left);
    assert.deepEqual(await unheard(store, worker), []);
  });

  suite.test("is still to be heard by the others it went to", async ({ store }) => {
    const [one, two] = [await enter(store), await enter(store)];
    const message = aMessage();
    assert.deepEqual(await store.tell([message]), [2]);
    await store.heard(one, [message.id]);
    assert.deepEqual(await unheard(store, one), []);
    assert.deepEqual(
      (await unheard(store, two)).map(({ id }) => id),
      [message.id],
    );
  });

  suite.test("may be heard twice, or by nobody", async ({ store }) => {
    const worker = await enter(store);
    const message = aMessage({ to: worker });
    await store.tell([message]);
    await store.heard(worker, []);
    assert.equal((await unheard(store, worker)).length, 1);
    await store.heard(worker, [message.id]);
    await store.heard(worker, [message.id]);
    await store.heard("nobody", [message.id]);
    assert.deepEqual(await unheard(store, worker), []);
  });
}

function recipients(suite: Suite): void {
  suite.test(
    "all that are registered, or the one it names, and each answer counts them",
    async ({ store }) => {
      assert.deepEqual(await store.tell([]), []);
      assert.deepEqual(await store.tell([aMessage()]), [0]);
      const [one, two] = [await enter(store), await enter(store)];
      assert.deepEqual(
        await store.tell([aMessage(), aMessage({ to: two }), aMessage({ to: "nobody" })]),
        [2, 1, 0],
      );
      assert.equal((await unheard(store, one)).length, 1);
      assert.equal((await unheard(store, two)).length, 2);
    },
  );

  suite.test("not one that came later", async ({ store }) => {
    await enter(store);
    await store.tell([aMessage()]);
    assert.deepEqual(await unheard(store, await enter(store)), []);
  });

  for (const how of ["retire", "rescue"] as const) {
    suite.test(`not one that is gone by a ${how}, nor when it comes back`, async ({ store }) => {
      const [gone, there] = [await enter(store), await enter(store)];
      await store.tell([aMessage(), aMessage({ to: gone })]);
      if (how === "retire") await store.retire(gone);
      else await store.rescue([{ worker: gone }]);
      assert.deepEqual(await store.tell([aMessage({ to: gone })]), [0]);
      assert.deepEqual(await unheard(store, gone), []);
      await store.register(aWorker({ id: gone }));
      assert.deepEqual(await unheard(store, gone), []);
      assert.equal((await unheard(store, there)).length, 1);
    });
  }

  suite.test("one that enters again under its id, while nobody took it out", async ({ store }) => {
    const worker = await enter(store);
    await store.tell([aMessage({ to: worker })]);
    await store.register(aWorker({ id: worker }));
    assert.equal((await unheard(store, worker)).length, 1);
  });

  suite.shared("nobody that is being taken out at that moment", async ({ store, another }) => {
    const other = await another();
    for (let round = 0; round < 20; round++) {
      const workers = [await enter(store), await enter(store), await enter(store)];
      const [[count]] = await Promise.all([
        store.tell([aMessage()]),
        other.rescue(workers.map((worker) => ({ worker }))),
      ]);
      assert.ok(count === 0 || count === 3, `it went to ${count} of 3`);
      for (const id of workers) {
        await store.register(aWorker({ id }));
        assert.deepEqual(await unheard(store, id), [], `round ${round}: a message outlived its worker`);
      }
      await store.rescue(workers.map((worker) => ({ worker })));
    }
  });
}
