import { describe, expect, test } from "vitest";
import { scaleStep } from "../kernel/index.js";
import type { Tally } from "../store/contract.js";
import { metricsOf } from "./metrics.js";

const minute = 60_000;
const hour = 60 * minute;
const now = 500_000 * hour + 30 * minute + 7;

function tally(fields: Partial<Tally>): Tally {
  const counts = { succeeded: 0, failed: 0, cancelled: 0, retried: 0, waited: 0, ran: 0 };
  return { minute: now - 7, queue: "mail", job: "welcome", ...counts, ...fields };
}

describe("metrics", () => {
  test("have a point for every minute, also where nothing happened", () => {
    const { every, points } = metricsOf({ tallies: [], waits: [] }, { since: now - hour, now });
    expect(every).toBe(minute);
    expect(points).toHaveLength(61);
    expect(points.at(-1)?.at.getTime()).toBe(now - 7);
    expect(points[0]).toMatchObject({ succeeded: 0, failed: 0, ran: undefined, wait: undefined });
  });

  test("add up all, each queue and each job", () => {
    const tallies = [
      tally({ succeeded: 3, ran: 300 }),
      tally({ job: "digest", failed: 1, ran: 100 }),
      tally({ queue: "slow", succeeded: 2, retried: 2, ran: 4_000 }),
    ];
    const { points, queues, jobs } = metricsOf({ tallies, waits: [] }, { since: now - hour, now });
    expect(points.at(-1)).toMatchObject({ succeeded: 5, failed: 1, retried: 2, ran: 550 });
    expect(queues.mail?.at(-1)).toMatchObject({ succeeded: 3, failed: 1 });
    expect(queues.slow?.at(-1)).toMatchObject({ succeeded: 2, ran: 1_000 });
    expect(jobs.welcome?.at(-1)).toMatchObject({ succeeded: 5 });
    expect(jobs.digest).toHaveLength(61);
  });

  test("are of hours where minutes are not kept", () => {
    const tallies = [tally({ succeeded: 1 }), tally({ minute: now - 7 - minute, succeeded: 1 })];
    const { every, points } = metricsOf({ tallies, waits: [] }, { since: now - 24 * hour, now });
    expect(every).toBe(hour);
    expect(points).toHaveLength(25);
    expect(points.at(-1)?.succeeded).toBe(2);
  });

  test("tell within which time half and most executions began", () => {
    const waits = [
      { minute: now - 7, queue: "mail", step: scaleStep(100), number: 90 },
      { minute: now - 7, queue: "mail", step: scaleStep(20_000), number: 10 },
    ];
    const { points, queues } = metricsOf({ tallies: [], waits }, { since: now - hour, now });
    expect(points.at(-1)?.wait?.half).toBeLessThan(130);
    expect(points.at(-1)?.wait?.most).toBeGreaterThan(14_000);
    expect(queues.mail?.at(-1)?.wait).toEqual(points.at(-1)?.wait);
  });
});
