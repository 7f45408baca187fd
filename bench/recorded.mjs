// How long those take after `kill -9` of a worker with 100 running jobs until all of them run again who need too long to be measured
// in every run, with default settings and a second worker started at once. Recorded in a study of November 2026, on another
// machine of the same kind; printed beside our own figures and never measured here: rescue/postgres-peers.mjs measures those that
// need a minute. Why each takes what it takes is its own choice, and mostly can be set.
const how = "recorded in November 2026 on another machine, not measured in this run";

/** @type {readonly import("./run.mjs").Recorded[]} */
export const recorded = [
  ["agenda", 604_000, "a lock of 10 min"],
  ["pg-boss", 933_000, "expires after 15 min, looked at every minute"],
  ["sidequest", 1_290_000, "stale after 10 min, looked at on the hour"],
  ["plainjob", 30 * 60_000, "a timeout of 30 min by its source, looked at every minute"],
  ["graphile-worker", 4 * 3_600_000, "4 h by its source; not within the 1300 s that were watched"],
].map(([peer, value, why]) => ({
  name: `rescue.peer.${peer}`,
  value: Number(value),
  unit: "ms",
  note: `${why}; ${how}`,
}));
