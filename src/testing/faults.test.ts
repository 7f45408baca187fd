// cspell:ignore dublicate -- misspelled on purpose
// A store in which things go wrong by chance: what an application is promised holds all the same.
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { newId } from "../kernel/index.js";
import { open } from "../open.js";
import { sqlite } from "../store/sqlite/index.js";
import { type FaultKind, type FaultOptions, faults } from "./faults.js";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Forty runs of two steps on a store with these faults: how often each body ran, and which faults there were. */
async function shaken(
  options: FaultOptions,
): Promise<{ ran: Map<string, number>; met: Map<FaultKind, number> }> {
  const ran = new Map<string, number>();
  const met = new Map<FaultKind, number>();
  const count = <Key>(counts: Map<Key, number>, key: Key) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const pair = job({
    name: "pair",
    input: z.object({ n: z.number() }),
    retry: { attempts: 2 },
    async handle({ n }, ctx) {
      const first = await ctx.step("first", ({ key }) => {
        count(ran, `${n} first`);
        return key;
      });
      const second = await ctx.step("second", ({ key }) => {
        count(ran, `${n} second`);
        return key;
      });
      return [first, second];
    },
  });
  const store = faults(sqlite({ file: ":memory:" }), {
    ...options,
    onFault: (kind) => void count(met, kind),
  });
  await using duckdive = open(store, { jobs: [pair], log: silent });
  onTestFinished(() => duckdive.close());
  const ids = Array.from({ length: 40 }, () => newId());
  for (const [n, id] of ids.entries()) {
    // An answer that was lost: whoever asks again, with the same id, asks for the same run.
    for (let isThere = false; !isThere; ) {
      isThere = await duckdive.enqueue(pair, { n }, { id }).then(
        () => true,
        () => false,
      );
    }
  }
  duckdive.work({ queues: { "*": 4 } });
  const outcomes = await Promise.all(ids.map((id) => duckdive.run(pair, id).outcome()));
  expect(outcomes.map(({ state }) => state)).toEqual(ids.map(() => "succeeded"));
  expect(await duckdive.count({})).toBe(40);
  return { ran, met };
}

const times = (ran: ReadonlyMap<string, number>): number =>
  [...ran.values()].reduce((sum, one) => sum + one, 0);

test("without any chance the store is as it was", async () => {
  const { ran, met } = await shaken({});
  expect(times(ran)).toBe(80);
  expect(met.size).toBe(0);
});

test("runs of workers that are killed after a claim are done by others, and no attempt is lost by it", async () => {
  const { ran, met } = await shaken({ killAfterClaim: 0.3 });
  expect(ran.size).toBe(80);
  expect(met.get("killAfterClaim")).toBeGreaterThan(0);
});

test("a commit whose answer was lost is made once, however often it is asked for", async () => {
  const { ran, met } = await shaken({ loseCommit: 0.3 });
  expect(ran.size).toBe(80);
  expect(met.get("loseCommit")).toBeGreaterThan(0);
});

test("a run that is given to two is done by both at once, and ends once", async () => {
  const { ran, met } = await shaken({ duplicate: 0.5 });
  expect(met.get("duplicate")).toBeGreaterThan(0);
  expect(times(ran)).toBeGreaterThan(80);
});

test("the same seed gives the same chances", async () => {
  const chances = async (seed: number): Promise<FaultKind[]> => {
    const met: FaultKind[] = [];
    const store = faults(sqlite({ file: ":memory:" }), {
      lateHeartbeat: 0.5,
      seed,
      onFault: (kind) => void met.push(kind),
    });
    const alive: boolean[] = [];
    const worker = { id: newId(), host: "h", pid: 1, abilities: [], queues: {} };
    for (let beat = 0; beat < 20; beat += 1) {
      await store.register(worker);
      alive.push((await store.heartbeat(worker.id)).alive);
    }
    await store.close();
    expect(alive.filter((one) => !one).length).toBe(met.length);
    return alive.map((one) => (one ? "duplicate" : "lateHeartbeat"));
  };
  expect(await chances(7)).toEqual(await chances(7));
  expect(await chances(7)).not.toEqual(await chances(8));
});

test("a probability that is none is refused, and so is an option that nobody knows", () => {
  const store = sqlite({ file: ":memory:" });
  expect(() => faults(store, { duplicate: 2 })).toThrow(/duplicate is 2/);
  expect(() => faults(store, { dublicate: 0.5 } as never)).toThrow(/Did you mean .?duplicate/);
});
