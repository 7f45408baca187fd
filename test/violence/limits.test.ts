// Limits under kill -9: eight processes, killed at random, and an auditor who knows when each execution began and ended.
// No lock and no limit is ever exceeded, not for a moment, and when all is done every place is free again.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { job, open } from "../../src/index.js";
import type { Store } from "../../src/store/contract.js";
import { busiest, type Interval, intervalsOf, type Line, mostInWindow } from "./occupancy.js";
import { places } from "./place.js";
import { type Child, eventually, ownFolder, start } from "./processes.js";

const processes = 8;
const kills = 10;
const servers = 6;
const accounts = 3;
const services = 2;
const runsOfKind = 240;

interface Limited {
  readonly child: Child;
  readonly ledger: string;
  killedAt: bigint | undefined;
}

const locked = (name: string) =>
  job({ name, input: z.object({ server: z.number() }), lock: ({ server }) => `server:${server}` });
const boot = locked("boot");
const terminate = locked("terminate");
const sync = job({
  name: "sync",
  input: z.object({ account: z.number() }),
  concurrency: [{ limit: 5 }, { by: "account", limit: 2 }],
});
const call = job({
  name: "call",
  input: z.object({ service: z.number() }),
  rate: { limit: 40, per: "1s", burst: 4, by: "service" },
});

describe.each(places)("$name", ({ place }) => {
  test("eight processes under random kills never exceed a lock, a limit or a rate, and leave no place taken", {
    timeout: 240_000,
  }, async () => {
    const { address, store } = await place();
    const folder = ownFolder();
    await using duckdive = open(address);
    const asked = Array.from({ length: runsOfKind }, (_, index) => [
      (index % 2 === 0 ? boot : terminate).with({ server: index % servers }),
      sync.with({ account: index % accounts }),
      ...(index % 8 === 0 ? [call.with({ service: (index / 8) % services })] : []),
    ]).flat();
    const runs = await duckdive.enqueueMany(asked);

    const all: Limited[] = [];
    const startOne = async (): Promise<void> => {
      const ledger = join(folder, `${all.length}.ledger`);
      const limited = {
        child: start("limited.mjs", { address, ledger, slots: 6 }),
        ledger,
        killedAt: undefined,
      };
      all.push(limited);
      await limited.child.hears((value) => "ready" in value);
    };
    await Promise.all(Array.from({ length: processes }, startOne));
    for (let killed = 0; killed < kills; killed += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 200));
      const living = all.filter(({ killedAt }) => killedAt === undefined);
      const victim = living[Math.floor(Math.random() * living.length)];
      if (victim === undefined) throw new RangeError("eight are alive");
      victim.killedAt = process.hrtime.bigint();
      await victim.child.kill();
      await startOne();
    }
    await eventually(async () => (await duckdive.stats()).succeeded === runs.length, 200_000);

    const intervals = all.flatMap(({ ledger, killedAt }) => intervalsOf(linesOf(ledger), killedAt));
    expect(new Set(intervals.map(({ run }) => run)).size, "all were executed").toBe(runs.length);
    expectWithin(intervals);
    await expectRates(duckdive);
    await expectFree(store(), duckdive);
  });
});

function linesOf(ledger: string): Line[] {
  if (!existsSync(ledger)) return [];
  return readFileSync(ledger, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** No gate was ever more than full, and of each kind one was full, so that the test could fail. */
function expectWithin(intervals: readonly Interval[]): void {
  const most = [...busiest(intervals)].filter(([gate]) => !gate.startsWith("rate "));
  const kinds = { "lock ": 1, "limit sync ": 2, "limit sync": 5 };
  expect(most).toHaveLength(servers + accounts + 1);
  for (const [kind, limit] of Object.entries(kinds)) {
    const own = most.filter(([gate]) => (kind.endsWith(" ") ? gate.startsWith(kind) : gate === kind));
    for (const [gate, at] of own) expect(at.length, `${gate}: ${at.join(", ")}`).toBeLessThanOrEqual(limit);
    expect(Math.max(...own.map(([, at]) => at.length)), `${kind} was full`).toBe(limit);
  }
}

/** By the store's own clock: a handler may be called late, and then the next follows sooner. */
async function expectRates(duckdive: ReturnType<typeof open>): Promise<void> {
  const starts = new Map<string, number[]>();
  for await (const run of duckdive.list({ job: "call" })) {
    const service = JSON.stringify(run.input);
    starts.set(service, [...(starts.get(service) ?? []), run.startedAt?.getTime() ?? Number.NaN]);
  }
  expect(starts.size).toBe(services);
  for (const moments of starts.values()) {
    expect(mostInWindow(moments, 1_000)).toBeLessThanOrEqual(43);
    // Four at once, then one each 25 ms.
    expect(mostInWindow(moments, 100)).toBeLessThanOrEqual(8);
  }
}

/** A run that asks for a place finds all of them free, at every gate. */
async function expectFree(store: Store, duckdive: ReturnType<typeof open>): Promise<void> {
  const later = { delay: "1h" } as const;
  const probes = await duckdive.enqueueMany([
    ...Array.from({ length: servers }, (_, server) => boot.with({ server }, later)),
    ...Array.from({ length: accounts }, (_, account) => sync.with({ account }, later)),
  ]);
  for (const { id } of probes) {
    for (const { key, used, ahead, holders } of await store.standing(id)) {
      expect({ key, used, ahead, holders }).toEqual({ key, used: 0, ahead: 0, holders: [] });
    }
  }
}
