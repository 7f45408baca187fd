// How much WAL a run costs, with its history kept: through the public API, and in parts through the store's verbs.
import { randomUUID } from "node:crypto";
import { postgres } from "../duckdive.mjs";
import { fill, outcomeOf, start } from "../measure.mjs";
import { walOf, withDatabase } from "../server.mjs";

export const name = "postgres.wal";
export const unit = "bytes/run";
export const rounds = 1;
export const note =
  "100-byte input, enqueue 1,000 a call, claim and settle 1,000 at once, history kept; .claim and .settle: store verbs alone";
const week = 7 * 24 * 60 * 60_000;

/** @param {import("../run.mjs").Options} options */
export async function run({ quick }) {
  const runs = quick ? 5_000 : 50_000;
  const [enqueue, drain] = await withDatabase(async (url) => {
    await fill(url, 1_000);
    await outcomeOf(start("drain", [url, 1_000, 1_000]));
    return [
      await walOf(() => fill(url, runs)),
      await walOf(() => outcomeOf(start("drain", [url, runs, 1_000]))),
    ];
  });
  const { claim, settle } = await withDatabase((url) => partsOf(url, runs));
  const figure = (/** @type {number} */ bytes) => ({ value: bytes / runs, unit });
  return {
    value: (enqueue + drain) / runs,
    also: {
      enqueue: figure(enqueue),
      drain: figure(drain),
      claim: figure(claim),
      settle: figure(settle),
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
  return { claim, settle };
}
