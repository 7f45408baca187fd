// A process that works with one library, duckdive or a peer, always by the same code: what is measured, and how, is here, and
// how a library is asked for it stands in `libraries/`. Arguments: library, action, and as JSON the rest (`Asked`).
//
// `bulk`: so many jobs, 1,000 a call; `enqueue`: callers that add so many in all, one at a time each (`enqueueBy`: first so many callers, then others); `transact`: the same, each in a
// transaction with a row of the caller's own; `pace`: jobs at a steady rate; `flood`: so many jobs by callers as fast as they can; `drain`: works what
// is there, until it is settled or for some seconds; `work`: works until its channel closes, and tells when each handler began.
import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { parcelInput, together } from "../measure.mjs";

/**
 * @typedef {typeof parcelInput} Parcel
 *
 * @typedef {object} Asked
 * @property {string} address
 * @property {string} [action]
 * @property {number} [jobs]
 * @property {number} [callers]
 * @property {readonly { callers: number, jobs: number }[]} [turns] of callers
 * @property {number} [seconds] a drain is over after so many, whatever is left
 * @property {number} [every] after how many jobs each the time is told
 * @property {number} [rate] jobs a second
 * @property {number} [slots] jobs at once
 * @property {boolean} [often] a library that polls is to poll as often as it may
 * @property {boolean} [quiet] nobody listens, so nobody has to be told of new jobs
 * @property {number} [keys] each job has one of so many keys, and one of a key may run at a time
 * @property {false} [keep] nothing of a job that went well is to be left
 * @property {boolean} [hang] handlers never return
 * @property {pg.Pool} [pool] of the caller, in whose transactions jobs are to be added
 * @property {number} [stall] after how many milliseconds a silent worker is taken for dead, where that can be set
 *
 * @typedef {object} Working
 * @property {(jobs: number) => Promise<void>} settled resolves when so many are settled in the database
 * @property {() => Promise<unknown>} stop
 *
 * @typedef {object} Library
 * @property {(inputs: readonly Parcel[], keys?: readonly string[]) => Promise<unknown>} addMany
 * @property {(input: Parcel) => unknown} add resolves when the job is recorded
 * @property {(client: pg.PoolClient, input: Parcel) => unknown} [addIn] records it in the transaction of a client of PostgreSQL
 * @property {(input: Parcel) => unknown} [transact] records a row of the caller's own and a job in one transaction of SQLite
 * @property {(handle: (input: Parcel) => unknown) => Promise<Working>} work
 * @property {() => Promise<unknown>} close
 */

/** Jobs that are timed have numbers from here on. */
const firstNumber = 1_000_000;
const [name = "", action = "", given = "{}"] = process.argv.slice(2);
/** @type {Asked} */
const asked = JSON.parse(given);
/** @type {{ connect: (asked: Asked) => Promise<Library> }} */
const { connect } = await import(`../libraries/${name}.mjs`);
const isOnPostgres = asked.address.startsWith("postgres:");
const pool =
  action === "transact" && isOnPostgres
    ? new pg.Pool({ connectionString: asked.address, max: asked.callers })
    : undefined;
const library = await connect({ ...asked, action, ...(pool && { pool }) });
const actions = { bulk, enqueue, enqueueBy, transact, pace, flood, drain, work };

const before = process.cpuUsage();
const answer = await actions[/** @type {keyof typeof actions} */ (action)](asked);
const { user, system } = process.cpuUsage(before);
if (asked.seconds === undefined) await library.close();
// A long answer is not out when `send` returns. What stops in the middle of a backlog does not wait for what it has in hand.
process.send?.({ ...answer, cpu: user + system }, () =>
  asked.seconds === undefined ? process.disconnect?.() : process.exit(0),
);

/** @param {Asked} asked */
async function bulk({ jobs = 0, keys = 0 }) {
  const inputs = Array.from({ length: 1_000 }, () => parcelInput);
  const start = performance.now();
  for (let done = 0; done < jobs; done += inputs.length) {
    const some = inputs.slice(0, jobs - done);
    const named = keys > 0 ? some.map((_, place) => String((done + place) % keys)) : undefined;
    await library.addMany(some, named);
  }
  return { rate: jobs / ((performance.now() - start) / 1000) };
}

/** @param {Pick<Asked, "callers" | "jobs">} asked */
async function enqueue({ callers = 1, jobs = 0 }) {
  return together(callers, Math.ceil(jobs / callers), async () => library.add(parcelInput));
}

/** @param {Asked} asked */
async function enqueueBy({ turns = [] }) {
  const answers = [];
  for (const turn of turns) answers.push(await enqueue(turn));
  return { answers };
}

/** @param {Asked} asked */
async function transact({ callers = 1, jobs = 0 }) {
  const each = Math.ceil(jobs / callers);
  if (pool === undefined) return together(callers, each, async () => library.transact?.(parcelInput));
  await pool.query("create table if not exists bench_order (id serial primary key, total int not null)");
  const answer = await together(callers, each, () => order(pool));
  await pool.end();
  return answer;
}

/**
 * What an application does: a row of its own, and a job that belongs to it.
 * @param {pg.Pool} pool
 */
async function order(pool) {
  const client = await pool.connect();
  await client.query("begin");
  await client.query("insert into bench_order (total) values ($1)", [7]);
  await library.addIn?.(client, parcelInput);
  await client.query("commit");
  client.release();
}

/**
 * Adds what is due, whether what was added before is recorded or not, and tells when each was due.
 * @param {Asked} asked
 */
async function pace({ jobs = 0, rate = 1 }) {
  /** @type {unknown[]} */
  const added = [];
  /** @type {number[]} */
  const times = [];
  // Connections are open, and what is set up at the first use is there.
  await library.add({ ...parcelInput, number: 0 });
  const start = now();
  while (times.length < jobs) {
    const due = start + (times.length * 1000) / rate;
    if (due > now()) {
      await wait(Math.max(0, due - now()));
      continue;
    }
    added.push(library.add({ ...parcelInput, number: firstNumber + times.length }));
    times.push(due);
  }
  await Promise.all(added);
  return { times };
}

/** @param {Asked} asked */
async function flood({ callers = 1, jobs = 0 }) {
  await library.add({ ...parcelInput, number: 0 });
  const first = now();
  let number = 0;
  const caller = async () => {
    while (number < jobs) {
      number += 1;
      await library.add({ ...parcelInput, number: firstNumber + number });
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { first, last: now() };
}

/** @param {Asked} asked */
async function drain({ jobs = 0, every = 0, seconds = Number.POSITIVE_INFINITY }) {
  let handled = 0;
  let end = Number.POSITIVE_INFINITY;
  /** @type {(value?: unknown) => void} */
  let finish = () => {};
  const done = new Promise((resolve) => (finish = resolve));
  const start = performance.now();
  let begun = start;
  const working = await library.work(() => {
    const at = seconds < Number.POSITIVE_INFINITY || every > 0 ? performance.now() : 0;
    if (handled === 0) [begun, end] = [at, at + seconds * 1000];
    if (at >= end) return finish();
    handled += 1;
    if (every > 0 && handled % every === 0) process.send?.({ ended: handled, at });
    if (handled === jobs) finish();
  });
  await done;
  if (seconds < Number.POSITIVE_INFINITY) {
    // Nobody waits for what is left; but who works without a pause would not let the answer out.
    void working.stop().catch(() => {});
    return { rate: handled / ((Math.min(end, performance.now()) - begun) / 1000), handled };
  }
  await working.settled(jobs);
  const milliseconds = performance.now() - start;
  await working.stop();
  return { milliseconds };
}

/** @param {Asked} asked */
async function work({ hang = false }) {
  /** @type {[number, number][]} */
  const began = [];
  const working = await library.work((input) => {
    if (input.number >= firstNumber) began.push([input.number, now()]);
    return hang ? new Promise(() => {}) : undefined;
  });
  process.on("message", (message) => {
    const { user, system } = process.cpuUsage();
    const { voluntaryContextSwitches: switches } = process.resourceUsage();
    if (message === "usage") process.send?.({ cpu: user + system, switches });
    if (message === "count") process.send?.({ count: began.length });
    if (message === "began") process.send?.({ began });
  });
  process.send?.({ ready: true });
  await new Promise((resolve) => process.once("disconnect", resolve));
  await working.stop();
  await library.close();
  process.exit(0);
}

/** The same for all processes of this machine. */
function now() {
  return performance.timeOrigin + performance.now();
}
