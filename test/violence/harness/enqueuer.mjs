// A process that asks for runs, without end, and writes down what it was promised.
//
// Before it asks, the ids are written as `asking`; after the promise has resolved, as `promised`. Whatever fails is asked
// for again under the same id, until it is acknowledged; unless the id is left to the product: then it may be there or
// not, but never twice, which the mark in its input tells. Inside a transaction of its own it asks and writes an order; a
// transaction that was rolled back is written as `undone`, and one whose commit failed says nothing: then the order and
// the run are there together or not at all.
//
// Before this file comes the harness, which starts it and ends it by closing its standard input. After it comes the
// ledger.
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { job, open } from "duckdive";
import { v7 } from "uuid";
import { bookIn } from "./books.mjs";
import { anyInput, kinds } from "./kinds.mjs";
import { openLedger } from "./ledger.mjs";
import { planRequests } from "./plan.mjs";
import { createRandom } from "./random.mjs";

const { address, folder, seed, jobs, number } = JSON.parse(process.argv[2] ?? "{}");
/** Before what failed is asked for again, in milliseconds. */
const patience = 50;

const ledger = openLedger(join(folder, "ledger"), "enqueuer");
const books = await bookIn(address, { connections: 2 });
const silent = { debug() {}, info() {}, warn() {}, error() {} };
/** Whether its transactions are synchronous is known only when it runs. @type {any} */
const duckdive = open(books.store, { with: books.adapter, log: silent });
const contracts = new Map(
  Object.entries(kinds).map(([name, { policy }]) => [
    name,
    /** @type {any} */ (job({ name, input: anyInput, ...policy })),
  ]),
);

let isOver = false;
process.stdin
  .on("end", () => {
    isOver = true;
  })
  .resume();

/** @typedef {import("./plan.mjs").Asked["runs"][number] & { id: string }} Wanted */

/** @param {readonly Wanted[]} wanted @param {string} what @param {object} [about] */
function note(wanted, what, about = {}) {
  for (const { id, kind, input } of wanted) ledger.write(what, { run: id, job: kind, input, ...about });
}

/** @param {Wanted} wanted */
async function askWithoutId({ kind, input, options }) {
  try {
    const { id } = await duckdive.enqueue(contracts.get(kind), input, options);
    ledger.write("promised", { run: id, job: kind, input, created: [true] });
  } catch (error) {
    ledger.write("notAcknowledged", { code: codeOf(error) });
    await wait(patience);
  }
}

/** @param {Wanted} wanted */
const optionsOf = ({ id, options }) => ({ id, ...options });

/** Until it is acknowledged, or nobody wants it any more. @param {() => Promise<boolean[]>} ask @param {readonly Wanted[]} wanted */
async function insist(ask, wanted) {
  for (let attempt = 1; !isOver; attempt++) {
    try {
      const created = await ask();
      note(wanted, "promised", { attempt, created });
      return;
    } catch (error) {
      ledger.write("notAcknowledged", { code: codeOf(error) });
      await wait(patience);
    }
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/** @param {Wanted} wanted */
const askOne = async (wanted) => {
  const run = await duckdive.enqueue(contracts.get(wanted.kind), wanted.input, optionsOf(wanted));
  return [run.created];
};

/** @param {readonly Wanted[]} wanted */
const askMany = async (wanted) => {
  const requests = wanted.map((one) => contracts.get(one.kind).with(one.input, optionsOf(one)));
  return (await duckdive.enqueueMany(requests)).map(
    (/** @type {{ created: boolean }} */ { created }) => created,
  );
};

/** @param {Wanted} wanted @param {boolean} commits */
async function askInTransaction(wanted, commits) {
  const { id, kind, input } = wanted;
  try {
    await books.transact((tx) => {
      books.order(tx, id);
      const options = { ...optionsOf(wanted), tx };
      if (books.adapter.sync) return duckdive.enqueueSync(contracts.get(kind), input, options);
      return duckdive.enqueue(contracts.get(kind), input, options);
    }, commits);
    note([wanted], commits ? "promised" : "undone", { created: [] });
  } catch (error) {
    ledger.write("notAcknowledged", { code: codeOf(error), inTransaction: true });
    await wait(patience);
  }
}

/** @param {import("./plan.mjs").Asked} asked */
async function ask({ how, runs }) {
  const wanted = runs.map((run) => {
    const id = v7();
    return { ...run, id, input: { ...run.input, mark: id } };
  });
  const [first] = wanted;
  if (first === undefined) return;
  note(wanted, "asking", { how });
  if (how === "single") return askWithoutId(first);
  if (how === "many") return insist(() => askMany(wanted), wanted);
  if (how === "commit" || how === "rollback") return askInTransaction(first, how === "commit");
  await insist(() => askOne(first), wanted);
  if (how === "again") await insist(() => askOne(first), wanted);
}

while (!isOver) {
  try {
    await duckdive.ready();
    break;
  } catch {
    await wait(patience);
  }
}
for (const asked of planRequests(createRandom(`${seed}/enqueuer ${number}`), jobs)) {
  if (isOver) break;
  await ask(asked);
  await wait(asked.pause);
}
await duckdive.close().catch(() => {});
await books.close().catch(() => {});
process.exit(0);
