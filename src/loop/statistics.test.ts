import { describe, expect, test } from "vitest";
import { NotBuiltError } from "../kernel/index.js";
import type { Settlement } from "../run/index.js";
import type { Claimed, Settled, Tally } from "../store/contract.js";
import { createStatistics } from "./statistics.js";

const minute = 60_000;
const claimed = { job: "send", queue: "mail", runAt: 10 * minute, startedAt: 10 * minute + 200 } as Claimed;
const error = { name: "Error", message: "no" };

function counting(tally?: (tallies: readonly Tally[]) => Promise<void>) {
  const told: (readonly Tally[])[] = [];
  const errors: unknown[] = [];
  const store = {
    time: 10 * minute + 500,
    now: () => store.time,
    tally: tally ?? (async (tallies: readonly Tally[]) => void told.push(tallies)),
  };
  const statistics = createStatistics(store, (error) => errors.push(error));
  const end = (state: Settlement["state"], more: Partial<Settlement> = {}, about: Partial<Claimed> = {}) =>
    statistics.ended({ ...claimed, ...about }, { run: "r", token: 1, state, ...more }, {
      taken: true,
      state,
    } as Settled);
  return { statistics, store, told, errors, end };
}

const none = { succeeded: 0, failed: 0, cancelled: 0, retried: 0, waited: 0, ran: 0 };

describe("what a worker counts", () => {
  test("is how executions ended, and how long they waited and ran, by the minute, the queue and the job", async () => {
    const { statistics, store, told, end } = counting();
    end("succeeded");
    end("succeeded");
    end("failed", { error });
    end("scheduled", { error });
    end("cancelled", {}, { job: "fetch" });
    store.time = 11 * minute;
    end("succeeded", {}, { queue: "bulk" });
    await statistics.flush();
    const about = { minute: 10 * minute, queue: "mail", job: "send" };
    expect(told).toEqual([
      [
        { ...about, ...none, succeeded: 2, failed: 1, retried: 1, waited: 800, ran: 1_200, waits: { 16: 4 } },
        { ...about, ...none, job: "fetch", cancelled: 1, waited: 200, ran: 300, waits: { 16: 1 } },
        {
          ...about,
          ...none,
          minute: 11 * minute,
          queue: "bulk",
          succeeded: 1,
          waited: 200,
          ran: minute - 200,
          waits: { 16: 1 },
        },
      ],
    ]);
  });

  test("is not what goes on later, or elsewhere: a snooze, what was handed back, what was refused", async () => {
    const { statistics, told, end } = counting();
    end("scheduled");
    end("ready");
    end("waiting", { waiting: { reason: "worker" } });
    statistics.ended(claimed, { run: "r", token: 1, state: "succeeded" }, { taken: false });
    await statistics.flush();
    expect(told).toEqual([]);
  });

  test("is told once", async () => {
    const { statistics, told, end } = counting();
    end("succeeded");
    await statistics.flush();
    await statistics.flush();
    expect(told).toHaveLength(1);
  });

  test("is told with what comes next, when it could not be told", async () => {
    let isAway = true;
    const told: (readonly Tally[])[] = [];
    const { statistics, errors, end } = counting(async (tallies) => {
      if (isAway) throw new Error("away");
      told.push(tallies);
    });
    end("succeeded");
    const flushed = statistics.flush();
    end("succeeded");
    await flushed;
    expect(errors).toHaveLength(1);
    isAway = false;
    await statistics.flush();
    expect(told).toMatchObject([[{ succeeded: 2, waited: 400, ran: 600 }]]);
  });

  test("is nothing where a store keeps no counts", async () => {
    let asked = 0;
    const { statistics, errors, end } = counting(async () => {
      asked++;
      throw new NotBuiltError("no");
    });
    end("succeeded");
    await statistics.flush();
    end("succeeded");
    await statistics.flush();
    expect({ asked, errors }).toEqual({ asked: 1, errors: [] });
  });
});
