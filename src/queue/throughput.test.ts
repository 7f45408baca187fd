import { describe, expect, test } from "vitest";
import type { Tally } from "../store/contract.js";
import { throughputOf } from "./throughput.js";

const minute = 60_000;

function tally(changed: Partial<Tally>): Tally {
  const none = { succeeded: 0, failed: 0, cancelled: 0, retried: 0, waited: 0, ran: 0 };
  return { minute: 0, queue: "mail", job: "send", ...none, ...changed };
}

const tallies = [
  tally({ succeeded: 6, retried: 2, waited: 800, ran: 80 }),
  tally({ minute, job: "fetch", failed: 2, cancelled: 2, waited: 400, ran: 40 }),
  tally({ minute, queue: "bulk", succeeded: 30, waited: 30, ran: 3_000 }),
];

describe("throughput", () => {
  test("of queues: sums over their jobs and minutes, the busiest first", () => {
    expect(throughputOf(tallies, "queue", { since: 0, now: 5 * minute })).toEqual([
      {
        name: "bulk",
        succeeded: 30,
        failed: 0,
        cancelled: 0,
        retried: 0,
        perMinute: 6,
        failureRate: 0,
        waited: 1,
        ran: 100,
      },
      {
        name: "mail",
        succeeded: 6,
        failed: 2,
        cancelled: 2,
        retried: 2,
        perMinute: 2,
        failureRate: 0.4,
        waited: 100,
        ran: 10,
      },
    ]);
  });

  test("of jobs", () => {
    const names = throughputOf(tallies, "job", { since: 0, now: 5 * minute }).map(({ name }) => name);
    expect(names).toEqual(["send", "fetch"]);
  });

  test("counts the minute that has begun as long as it has lasted, and never less than one", () => {
    const one = [tally({ succeeded: 9 })];
    expect(throughputOf(one, "job", { since: 30_000, now: 90_000 })[0]?.perMinute).toBe(6);
    expect(throughputOf(one, "job", { since: 30_000, now: 31_000 })[0]?.perMinute).toBe(9);
  });

  test("has no rate of failures where nothing could fail", () => {
    const [only] = throughputOf([tally({ cancelled: 1 })], "queue", { since: 0, now: minute });
    expect(only?.failureRate).toBeUndefined();
  });
});
