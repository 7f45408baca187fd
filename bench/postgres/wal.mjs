// How much write-ahead log and how many statements a job costs from its add to its end, through the public API; of ours also in
// parts through the store's verbs.
import { randomUUID } from "node:crypto";
import { postgres } from "../duckdive.mjs";
import { fill } from "../measure.mjs";
import { beside } from "../peers.mjs";
import { ask, statementsIn, walOf, withDatabase } from "../server.mjs";

const week = 7 * 24 * 60 * 60_000;
const shared = /** @type {const} */ ({
  unit: "bytes/run",
  rounds: 1,
  note: "100-byte input, 1,000 an add; .statements: of clients, for a job",
  jobs: [50_000, 500],
  run: walAndStatements,
});

export const workloads = [
  ...beside({
    ...shared,
    name: "postgres.wal",
    own: "2,000 slots, history kept",
    peers: {
      "graphile-worker": {},
      "pg-boss": {},
      "bullmq-postgres": {},
      dbos: {},
      sidequest: {},
      floor: {},
    },
  }),
  ...beside({
    ...shared,
    name: "postgres.wal.unkept",
    own: "2,000 slots, keep: false",
    asked: { keep: false },
    peers: {},
  }),
  {
    name: "postgres.wal.claim",
    unit: "bytes/run",
    rounds: 1,
    note: "the store's verb alone, 1,000 runs a claim; .settle: 1,000 at once, history kept",
    /** @param {import("../run.mjs").Options} options */
    run: ({ quick }) => withDatabase((url) => partsOf(url, quick ? 5_000 : 50_000)),
  },
];

/**
 * @param {import("../peers.mjs").Place} place
 * @param {import("../peers.mjs").Doing} doing
 */
async function walAndStatements(place, { jobs, asked }) {
  const figure = (/** @type {number} */ bytes) => ({ value: bytes / jobs, unit: "bytes/run" });
  const add = (/** @type {number} */ count) => place.ask("bulk", { jobs: count, ...asked });
  const drain = (/** @type {number} */ count) => place.ask("drain", { jobs: count, often: true, ...asked });
  // Tables, and what is done once.
  const some = Math.min(jobs, 1_000);
  await add(some);
  await drain(some);
  const [added, drained] = [await walOf(() => add(jobs)), await walOf(() => drain(jobs))];
  await ask(place.address, `alter database ${place.database} set log_statement = 'all'`);
  await ask(place.address, `alter database ${place.database} set log_parameter_max_length = 0`);
  const few = Math.min(jobs, 5_000);
  const before = await statementsIn(place.database);
  await add(few);
  await drain(few);
  const statements = (await statementsIn(place.database)) - before;
  return {
    value: (added + drained) / jobs,
    also: {
      enqueue: figure(added),
      drain: figure(drained),
      statements: { value: statements / few, unit: "statements/run" },
    },
  };
}

/**
 * Claims all, then settles all.
 * @param {string} url
 * @param {number} runs
 */
async function partsOf(url, runs) {
  await fill(url, runs);
  const store = postgres({ database: url });
  const worker = randomUUID();
  const abilities = [{ job: "parcel", version: 1 }];
  const queues = { "*": 1_000 };
  await store.register({ id: worker, host: "", pid: process.pid, queues, abilities });
  /** @type {Awaited<ReturnType<typeof store.claim>>[]} */
  const batches = [];
  const claim = await walOf(async () => {
    for (let got = -1; got !== 0; ) {
      const batch = await store.claim({ worker, queues, abilities });
      got = batch.length;
      batches.push(batch);
    }
  });
  const settle = await walOf(async () => {
    for (const batch of batches) {
      await store.settle(
        batch.map(({ run, token, claim: id }) => ({ run, token, claim: id, state: "succeeded", keep: week })),
      );
    }
  });
  await store.close();
  return { value: claim / runs, also: { settle: { value: settle / runs, unit: "bytes/run" } } };
}
