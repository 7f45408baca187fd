// Explanations against the claim itself: in stores made at random, a run is executed by the next claim of some worker if and
// only if nothing is told to stand in its way; and each remedy makes the reason go away that it is the remedy of.
//
// Places in line are left out of it: every worker has slots for all, and no two ready runs want the same gate, since which
// of them is first is the claim's to say.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ManualClock, manualClock } from "../../kernel/index.js";
import { withSlotsSet } from "../../loop/index.js";
import type { Ability, Claimed, Gate, NewRun, Store, StoredRun } from "../../store/contract.js";
import { sqlite } from "../../store/sqlite/index.js";
import { gatherFacts } from "../facts.js";
import { type Reason, reasonsOf } from "./index.js";

const start = Date.UTC(2026, 0, 2);
const plenty = 200;
/** Some hundred stores are made, on whatever machine: in milliseconds. */
const patience = 120_000;
const everything: readonly Ability[] = [
  { job: "x", version: 2 },
  { job: "y", version: 2 },
];
const gates: readonly Gate[] = [
  { kind: "lock", key: "door", limit: 1, hold: "run" },
  { kind: "limit", key: "few", limit: 2 },
  { kind: "rate", key: "slow", limit: 1, per: 60_000, burst: 1 },
  { kind: "rate", key: "bursts", limit: 6, per: 60_000, burst: 2 },
];

/** The first lock, and the others less often. */
const someGate = fc
  .constantFrom(gates[0], gates[0], ...gates)
  .map((gate): readonly Gate[] => (gate === undefined ? [] : [gate]));
const queue = fc.constantFrom("a", "b");
const someRun = fc.record({
  job: fc.constantFrom("x", "y"),
  version: fc.constantFrom(1, 2),
  queue,
  priority: fc.constantFrom(0, 5),
  gates: fc.oneof(fc.constant<readonly Gate[]>([]), someGate, fc.subarray([...gates], { maxLength: 2 })),
  delay: fc.constantFrom(0, 0, 0, 0, 30_000),
});
const someWorker = fc.record({
  queues: fc.constantFrom<Record<string, number>>(
    { "*": plenty },
    { "*": plenty },
    { "*": plenty },
    { a: plenty },
    { a: plenty, "*": plenty },
    { b: 0, "*": plenty },
    { a: 0 },
  ),
  abilities: fc.oneof(
    fc.constant(everything),
    fc.subarray<Ability>([...everything, { job: "x", version: 1 }]),
  ),
  isQuiet: fc.constantFrom(false, false, false, true),
});
const someWorld = fc.record({
  early: fc.array(someRun, { minLength: 2, maxLength: 6 }),
  /** How many of those are claimed, and what becomes of the first of them. */
  claimed: fc.constantFrom(0, 2, 6, 6),
  ended: fc.array(fc.constantFrom<"succeeded" | "retried" | "limited">("succeeded", "retried", "limited"), {
    maxLength: 2,
  }),
  /** How long it is until rates may have opened. */
  passed: fc.constantFrom(1_000, 1_000, 12_000, 61_000),
  late: fc.array(someRun, { maxLength: 5 }),
  pausedQueues: fc.constantFrom<readonly string[]>([], [], ["a"]),
  pausedJobs: fc.constantFrom<readonly string[]>([], [], ["x"]),
  slots: fc.oneof(
    { arbitrary: fc.constant(null), weight: 3 },
    { arbitrary: fc.record({ queue, slots: fc.constantFrom(0, plenty) }), weight: 1 },
  ),
  workers: fc.array(someWorker, { minLength: 1, maxLength: 2 }),
});
type World = Parameters<Parameters<typeof someWorld.map>[0]>[0];

interface Built {
  readonly store: Store;
  readonly clock: ManualClock;
  readonly running: ReadonlyMap<string, Claimed>;
}

function idOf(position: number): string {
  return `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`;
}

function newRun({ delay, ...run }: World["early"][number], position: number): NewRun {
  return { id: idOf(position), ...run, ...(delay === 0 ? {} : { due: { after: delay } }) };
}

async function register(store: Store, id: string, more: Partial<World["workers"][number]>): Promise<void> {
  const host = { host: "nowhere", pid: 1 };
  const { queues = { "*": plenty }, abilities = everything, isQuiet = false } = more;
  await store.register({ id, ...host, queues, abilities });
  const state = isQuiet ? "quiet" : "working";
  await store.heartbeat(id, { state, memory: 0, delay: 0, leaked: 0, queues });
}

async function build(world: World): Promise<Built> {
  const clock = manualClock(start);
  const store = sqlite({ file: ":memory:", clock });
  await store.open();
  await store.insert(world.early.map(newRun));
  // It executes what it has taken, and draws from nothing that the runs are in.
  await register(store, "busy", { queues: { elsewhere: plenty } });
  const claimed = await store.claim({
    worker: "busy",
    queues: { "*": world.claimed },
    abilities: everything,
  });
  const ended = claimed.slice(0, world.ended.length);
  await store.settle(ended.map((one, position) => endingOf(one, world.ended[position] ?? "succeeded")));
  await clock.advance(world.passed);
  await store.promote(100);
  await store.insert(world.late.map((run, position) => newRun(run, 100 + position)));
  for (const name of world.pausedQueues) await store.pause({ queue: name });
  for (const name of world.pausedJobs) await store.pause({ job: name });
  if (world.slots !== null) await store.setSlots(world.slots.queue, world.slots.slots);
  for (const [position, worker] of world.workers.entries()) await register(store, `w${position}`, worker);
  const running = new Map(claimed.slice(ended.length).map((one) => [one.run, one]));
  return { store, clock, running };
}

function endingOf({ run, token, claim }: Claimed, how: World["ended"][number]) {
  const fence = { run, token, claim };
  if (how === "succeeded") return { ...fence, state: "succeeded" as const };
  const later = { ...fence, state: "scheduled" as const, due: { after: 20_000 } };
  return how === "retried" ? later : { ...later, giveBack: true, holdBack: 20_000 };
}

async function runsOf({ store }: Built): Promise<readonly StoredRun[]> {
  return (await store.list({}, { limit: 100 })).runs;
}

async function reasonsFor({ store, clock }: Built, id: string): Promise<Reason[]> {
  const [run] = await store.find([id]);
  if (run === undefined) return [];
  return reasonsOf(await gatherFacts({ store, clock, run, jobs: new Map() }));
}

/** The runs that the next claim of this worker executes. */
async function executedBy(world: World, position: number): Promise<string[]> {
  const { queues = {}, abilities = [], isQuiet = true } = world.workers[position] ?? {};
  if (isQuiet) return [];
  const { store } = await build(world);
  const set = world.slots === null ? {} : { [world.slots.queue]: world.slots.slots };
  const claimed = await store.claim({
    worker: `w${position}`,
    queues: withSlotsSet(queues, set),
    abilities,
  });
  await store.close();
  return claimed
    .filter(
      ({ paused, job, version }) =>
        !paused && abilities.some((one) => one.job === job && one.version >= version),
    )
    .map(({ run }) => run);
}

function gateNames(run: { readonly gates: readonly Gate[] }): string[] {
  return run.gates.map(({ kind, key }) => `${kind} ${key}`);
}

/** The ready runs of which no other one wants the same gate. */
function alone(world: World, runs: readonly StoredRun[]): StoredRun[] {
  const given = new Map([
    ...world.early.map((run, position): [string, World["early"][number]] => [idOf(position), run]),
    ...world.late.map((run, position): [string, World["early"][number]] => [idOf(100 + position), run]),
  ]);
  const ready = runs.filter(({ state }) => state === "ready");
  const wanted = ready.flatMap(({ id }) => gateNames(given.get(id) ?? { gates: [] }));
  return ready.filter(({ id }) =>
    gateNames(given.get(id) ?? { gates: [] }).every(
      (name) => wanted.filter((one) => one === name).length === 1,
    ),
  );
}

describe("what is told to stand in the way of a run", () => {
  test(
    "is nothing if and only if the next claim of some worker executes it",
    async () => {
      const met = new Set<string>();
      await fc.assert(
        fc.asyncProperty(someWorld, async (world) => {
          const built = await build(world);
          const executed = new Set<string>();
          for (const position of world.workers.keys())
            for (const run of await executedBy(world, position)) executed.add(run);
          const runs = await runsOf(built);
          for (const { id } of alone(world, runs)) {
            const reasons = await reasonsFor(built, id);
            for (const code of reasons.length === 0 ? ["free"] : reasons.map((one) => one.code))
              met.add(code);
            expect({ id, isFree: reasons.length === 0, reasons }).toMatchObject({ isFree: executed.has(id) });
          }
          for (const { id, state } of runs)
            if (state === "scheduled" || state === "waiting")
              expect(await reasonsFor(built, id)).not.toEqual([]);
          await built.store.close();
        }),
        { numRuns: 40 },
      );
      expect([...met]).toEqual(expect.arrayContaining(["free", "lock"]));
    },
    patience,
  );

  test.each(gates.slice(0, 3).map((gate): [string, Gate] => [gate.kind, gate]))(
    "is nothing for a run that was handed a place at a %s, though others are in line behind it",
    async (_, gate) => {
      const run: World["early"][number] = {
        job: "x",
        version: 1,
        queue: "a",
        priority: 0,
        gates: [gate],
        delay: 0,
      };
      const workers = [{ queues: { "*": plenty }, abilities: everything, isQuiet: false }];
      const quiet = { pausedQueues: [], pausedJobs: [], slots: null, late: [], workers };
      const early = Array.from({ length: 4 }, () => run);
      const world: World = { early, claimed: 6, ended: ["succeeded"], passed: 61_000, ...quiet };
      const built = await build(world);
      const runs = await runsOf(built);
      const [handed, ...others] = runs.filter(({ state }) => state === "ready");
      expect({ handed: handed?.state, others }).toEqual({ handed: "ready", others: [] });
      expect(runs.filter(({ state }) => state === "waiting")).not.toEqual([]);
      expect(await reasonsFor(built, handed?.id ?? "")).toEqual([]);
      expect(await executedBy(world, 0)).toEqual([handed?.id]);
      await built.store.close();
    },
  );

  test(
    "goes away by its remedy",
    async () => {
      await fc.assert(
        fc.asyncProperty(someWorld, fc.nat(), async (world, pick) => {
          const built = await build(world);
          const told = new Map<string, { run: StoredRun; reason: Reason }>();
          for (const run of await runsOf(built))
            for (const reason of await reasonsFor(built, run.id))
              told.set(`${run.state} ${reason.code}`, { run, reason });
          const chosen = [...told.values()][pick % told.size];
          if (chosen !== undefined && (await remedy(built, chosen.run, chosen.reason))) {
            const left = await reasonsFor(built, chosen.run.id);
            const after = left.filter(({ text }) => text === chosen.reason.text);
            expect({ before: chosen.reason, after }).toMatchObject({ after: [] });
          }
          await built.store.close();
        }),
        { numRuns: 40 },
      );
    },
    patience,
  );
});

/** Does what the reason says. False: what it says is to wait for others that are in line before. */
async function remedy(built: Built, run: StoredRun, { code, text }: Reason): Promise<boolean> {
  const { store, clock } = built;
  switch (code) {
    case "queue-paused":
      await store.resume({ queue: run.queue });
      return true;
    case "job-paused":
      await store.resume({ job: run.job });
      return true;
    case "no-slots":
      await store.setSlots(run.queue, undefined);
      return true;
    case "no-worker":
    case "undrawn":
    case "unable":
    case "quiet":
    case "full":
      await register(store, "another", {});
      return true;
    case "time":
      await store.change([run.id], { due: { after: 0 } });
      return true;
    case "queue-held":
    case "rate":
      if (text.includes("in line before it") || text.includes("has to start first")) return false;
      await clock.advance(61_000);
      await store.promote(100);
      return true;
    case "lock":
    case "limit":
      if (text.includes("in line before it") || text.includes("goes to somebody else")) return false;
      await endHolders(built, run.id, code);
      return true;
    default:
      return false;
  }
}

async function endHolders({ store, running }: Built, id: string, kind: "lock" | "limit"): Promise<void> {
  for (const gate of await store.standing(id)) {
    if (gate.kind !== kind || gate.isHolding) continue;
    for (const { run } of gate.holders) {
      const claimed = running.get(run);
      if (claimed !== undefined) await store.settle([endingOf(claimed, "succeeded")]);
      else await store.cancel([run], "ended by hand");
    }
  }
}
