// What duckdive wants to reach, and whether it does: nothing here is said by hand but why something is not reached.
//
// Before this file come results. After it comes page.mjs.
import { amount, times } from "./numbers.mjs";
import { figureOf, isMoreBetter, timesAsGood } from "./results.mjs";

/**
 * @typedef {import("./results.mjs").Works} Works
 *
 * @typedef {object} Claim
 * @property {string} measured in words
 * @property {boolean | undefined} met undefined: not measured
 *
 * @typedef {object} Target
 * @property {string} work
 * @property {string} wanted
 * @property {(works: Works) => Claim[]} claims
 * @property {string} [limit] what is known of the reason, where it is not met
 */

/** @type {readonly Target[]} */
export const targets = [
  {
    work: "PostgreSQL drain, history kept",
    wanted: "1.5 × graphile-worker, which deletes; 0.8 of the floor",
    claims: (works) => [
      over(works, "postgres.drain", "graphile-worker", 1.5),
      over(works, "postgres.drain", "floor", 0.8),
    ],
  },
  {
    work: "PostgreSQL, 64 callers, single awaited enqueues",
    wanted: "25 × graphile-worker and pg-boss; BullMQ on Redis, which does not sync each",
    limit:
      "64 callers that are released by one commit come back together: the process that asks works while the server rests, and then the " +
      "other way round, so a run takes the sum of both (`.cpu`, `.server.cpu`). Two statements of half the callers at once were slower, and " +
      "more statements at once, or none that notify, made no difference",
    claims: (works) => [
      over(works, "postgres.enqueue64", "graphile-worker", 25),
      over(works, "postgres.enqueue64", "pg-boss", 25),
      over(works, "postgres.enqueue64", "bullmq", 1),
    ],
  },
  {
    work: "PostgreSQL bulk enqueue",
    wanted: "1.3 × graphile-worker",
    claims: (works) => [over(works, "postgres.bulk", "graphile-worker", 1.3)],
  },
  {
    work: "PostgreSQL latency at rest, 50 % and 99 %",
    wanted: "below every PostgreSQL peer; at most 1.3 × the floor",
    limit:
      "what is above the floor are the functions around the same rows: an insert that looks for lanes and reroutes, a claim that decides " +
      "about limits, pauses and releases, and a second statement that reads what it holds, so that a worker which stops reading " +
      "holds no lane. Peers that are faster here find a job with one index and take it with an update",
    claims: (works) => [
      ...overEveryPeer(works, "postgres.latency"),
      ...overEveryPeer(works, "postgres.latency", "p99"),
      over(works, "postgres.latency", "floor", 1 / 1.3),
      over(works, "postgres.latency", "floor", 1 / 1.3, "p99"),
    ],
  },
  {
    work: "Idle worker, PostgreSQL",
    wanted: "at most 0.2 statements a second",
    claims: (works) => [within(works, "postgres.idle", 0.2)],
  },
  {
    work: "Write-ahead log of a run",
    wanted: "below graphile-worker's with `keep: false`; below pg-boss's with history",
    claims: (works) => [
      over(works, "postgres.wal.unkept", "graphile-worker", 1, undefined, "postgres.wal"),
      over(works, "postgres.wal", "pg-boss", 1),
    ],
  },
  {
    work: "An old snapshot, 1,000,000 runs",
    wanted: "the last tenth at 0.95 of the rate of the first",
    claims: (works) => [within(works, "postgres.held", 0.95)],
  },
  {
    work: "A backlog of 10,000,000",
    wanted: "claims within 5 % of the rate at 10,000",
    limit:
      "ten million rows are more than the 1 GB of shared buffers, so pages of runs and of both their indexes come from the operating system",
    claims: (works) => [within(works, "postgres.backlog.flat", 0.95)],
  },
  {
    work: "SQLite drain, history kept, `synchronous=FULL`",
    wanted: "10 × plainjob; 0.6 of the floor",
    limit:
      "the floor, SQL without a library, is about ten times as fast as plainjob, so ten times is the floor itself. What is between the floor " +
      "and us are the worker's half of a run: reading it, calling its handler, telling how it ended",
    claims: (works) => [
      over(works, "sqlite.drain", "plainjob", 10),
      over(works, "sqlite.drain", "floor", 0.6),
    ],
  },
  {
    work: "SQLite, 64 callers, single awaited enqueues",
    wanted: "1.5 × plainjob, which does not sync",
    claims: (works) => [over(works, "sqlite.enqueue64", "plainjob", 1.5)],
  },
  {
    work: "From `kill -9` to the next execution",
    wanted: "under 0.3 s with a runner, under 2 s without",
    claims: (works) =>
      ["postgres", "sqlite"].flatMap((store) => [
        within(works, `rescue.${store}.supervised`, 300),
        within(works, `rescue.${store}.unsupervised`, 2_000),
      ]),
  },
  {
    work: "Durable steps, fan-out",
    wanted: "3 × DBOS",
    claims: (works) => [over(works, "postgres.steps", "dbos", 3), over(works, "postgres.fan", "dbos", 3)],
  },
  {
    work: "99 % of the responses of an endpoint that enqueues in its transaction",
    wanted: "within 1.5 ms of the same endpoint without",
    limit:
      "one more statement, and a commit that notifies, which waits for others that notify; with the worker in the web server's process " +
      "(`.inside`) also for what that does just then. A worker in a process of its own is the remedy",
    claims: (works) => [within(works, "http", 1.5), within(works, "http", 1.5, "inside.difference")],
  },
];

/**
 * Ours is so many times as good as somebody else's.
 * @param {Works} works
 * @param {string} work
 * @param {string} who
 * @param {number} factor
 * @param {string} [part]
 * @param {string} [where] the workload in which theirs stands
 * @returns {Claim}
 */
function over(works, work, who, factor, part, where = work) {
  const ours = figureOf(works, work, "duckdive", part);
  const theirs = figureOf(works, where, who, part);
  const what = part === undefined ? "" : `${part}: `;
  if (ours === undefined || theirs === undefined)
    return { measured: `${what}${who} not measured`, met: undefined };
  const ratio = timesAsGood(ours, theirs);
  if (who !== "floor") return { measured: `${what}${times(ratio)} ${who}`, met: ratio >= factor };
  const text = `${what}${floorText(ours.unit, ratio)}`;
  // Nobody is better than a floor: then the machine was not the same for both, or what is taken for a floor is none.
  if (ratio > 1.1) return { measured: `${text}, so it is no floor`, met: undefined };
  return { measured: text, met: ratio >= factor };
}

/**
 * Of a rate the share of the floor that is reached; of a time how many times the floor's it is.
 * @param {string} unit
 * @param {number} ratio
 */
function floorText(unit, ratio) {
  return isMoreBetter(unit)
    ? `${times(ratio).replace(" ×", "")} of the floor`
    : `${times(1 / ratio)} the floor`;
}

/**
 * Ours is better than each peer's on the same store. Those on Redis are another promise.
 * @param {Works} works
 * @param {string} work
 * @param {string} [part]
 */
function overEveryPeer(works, work, part) {
  const elsewhere = new Set(["bullmq", "bee-queue"]);
  const peers = (works.get(work)?.lines ?? []).filter(
    ({ kind, who }) => kind === "peer" && !elsewhere.has(who),
  );
  if (peers.length === 0) return [{ measured: "no peer measured", met: undefined }];
  return peers.map(({ who }) => over(works, work, who, 1, part));
}

/**
 * Ours alone: at most so much, or of a rate or share at least.
 * @param {Works} works
 * @param {string} work
 * @param {number} limit
 * @param {string} [part]
 * @returns {Claim}
 */
function within(works, work, limit, part) {
  const ours = figureOf(works, work, "duckdive", part);
  const named = part === undefined ? work : `${work}.${part}`;
  if (ours === undefined) return { measured: `\`${named}\` not measured`, met: undefined };
  const met = isMoreBetter(ours.unit) ? ours.median >= limit : ours.median <= limit;
  return { measured: `${amount(ours.median, ours.unit)} \`${named}\``, met };
}
