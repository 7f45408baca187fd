// A backlog that would take long to enqueue, put into the tables of the PostgreSQL store as an enqueue leaves it, and the rate at
// which the store's verbs take from it.
//
// Before this file comes postgres/backlog.mjs. After it come the store and the server.
import { randomUUID } from "node:crypto";
import { postgres } from "./duckdive.mjs";
import { fill, percentile } from "./measure.mjs";
import { ask } from "./server.mjs";

const size = 1_000;
const week = 7 * 24 * 60 * 60_000;
const abilities = [{ job: "parcel", version: 1 }];
const queues = { "*": size };

/**
 * Adds runs that wait, each like one that was enqueued.
 * @param {string} url
 * @param {number} runs
 */
export async function grow(url, runs) {
  // A lane is there once a worker has come.
  const { store } = await registered(url);
  await fill(url, size);
  await ask(
    url,
    "insert into duckdive.runs (id, lane, state, job, version, queue, priority, requested_at, run_at, input) " +
      "select ('019ab3c0-0000-7000-8000-' || lpad(to_hex(number), 12, '0'))::uuid, one.lane, one.state, one.job, one.version, " +
      "one.queue, one.priority, one.requested_at, one.run_at, one.input from generate_series(1, " +
      `${runs - size}) as number cross join (select * from duckdive.runs where lane is not null limit 1) as one`,
  );
  await ask(url, "vacuum analyze duckdive.runs");
  await ask(url, "checkpoint");
  const [row] = await ask(url, "select count(*) as waiting from duckdive.runs where lane is not null");
  if (Number(row?.waiting) !== runs) throw new Error(`Instead of ${runs} runs ${row?.waiting} wait.`);
  await store.close();
}

/**
 * How many runs a second the store's verbs claim and settle, 1,000 at a time, one batch after another: by the median batch.
 * @param {string} url
 * @param {number} runs
 */
export async function claimRate(url, runs) {
  const { store, worker } = await registered(url);
  /** @type {number[]} */
  const times = [];
  for (let left = runs; left > 0; ) {
    const start = performance.now();
    const claimed = await store.claim({ worker, queues, abilities });
    await store.settle(
      claimed.map(({ run, token, claim }) => ({ run, token, claim, state: "succeeded", keep: week })),
    );
    times.push(performance.now() - start);
    if (claimed.length === 0) throw new Error("There is less to claim than was put there.");
    left -= claimed.length;
  }
  await store.close();
  return size / (percentile(times, 0.5) / 1000);
}

/** @param {string} url */
async function registered(url) {
  const store = postgres({ database: url });
  const worker = randomUUID();
  await store.register({ id: worker, host: "", pid: process.pid, queues, abilities });
  return { store, worker };
}
