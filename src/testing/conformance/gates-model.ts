// The model test of gates: random verbs of several workers on runs with several gates, and what must hold after each.
//
// It keeps no model of the store, but reckons from what all runs say of themselves: that no gate has more inside than its
// limit, that nobody stands in line before an open one, and that of two for the same one gate the older starts first. In the end all
// that was begun is finished, and every run must have ended: nothing may be left asleep in a line.
import assert from "node:assert/strict";
import type { Claimed, Gate, Settlement, StoredRun } from "../../store/contract.js";
import {
  aRun,
  at,
  aWorker,
  backedOff,
  cancelledByItself,
  everything,
  failed,
  handedBack,
  snoozed,
  succeeded,
  take,
} from "./build.js";
import { limit, lock } from "./gates-build.js";
import type { Bench, Suite } from "./suite.js";

const longest = 6_000;
const sequences = 50;
const workerNames = ["anna", "boris"];

const [all, a, b, c] = [limit("all", 3), limit("a", 1), limit("b", 2), lock("c")];
const attempt = lock("d", "attempt");
/** What the runs ask for: alone, together, and the other way round. */
const gateLists: readonly (readonly Gate[])[] = [
  [a],
  [c],
  [all],
  [b],
  [a, b],
  [b, a],
  [all, a],
  [all, c, b],
  [attempt, all],
  [],
];

const endings = {
  succeed: (claimed: Claimed) => succeeded(claimed),
  succeedWith: (claimed: Claimed) => succeeded(claimed, { output: '"done"' }),
  fail: (claimed: Claimed) => failed(claimed),
  cancel: (claimed: Claimed) => cancelledByItself(claimed),
  backOff: (claimed: Claimed) => backedOff(claimed, 9),
  snooze: (claimed: Claimed) => snoozed(claimed, 3),
  handBack: (claimed: Claimed) => handedBack(claimed),
} satisfies Record<string, (claimed: Claimed) => Settlement>;

const endingNames = Object.keys(endings) as (keyof typeof endings)[];

type Command =
  | { readonly verb: "insert"; readonly gates: number; readonly priority: number; readonly count: number }
  | { readonly verb: "claim"; readonly worker: number; readonly slots: number }
  | {
      readonly verb: "settle";
      readonly claim: number;
      readonly count: number;
      readonly how: (typeof endingNames)[number];
    }
  | { readonly verb: "cancel" | "remove" | "retry"; readonly run: number }
  | { readonly verb: "rescue"; readonly worker: number }
  | { readonly verb: "advance"; readonly milliseconds: number };

interface Asked {
  readonly id: string;
  readonly list: number;
  readonly priority: number;
  hasStarted: boolean;
}

interface Walk {
  readonly bench: Bench;
  /** In the order of their age. */
  readonly asked: Asked[];
  open: Claimed[];
}

export function gatesModel(suite: Suite): void {
  suite.test("whatever workers do, gates hold what they promise after each of it", async (bench) => {
    const { default: fc } = await import("fast-check");
    const some = fc.nat({ max: 40 });
    const command = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          verb: fc.constant("insert" as const),
          gates: fc.nat({ max: gateLists.length - 1 }),
          priority: fc.constantFrom(0, 0, 0, 1),
          count: fc.integer({ min: 1, max: 4 }),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          verb: fc.constant("claim" as const),
          worker: fc.nat({ max: 1 }),
          slots: fc.integer({ min: 1, max: 4 }),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({
          verb: fc.constant("settle" as const),
          claim: some,
          count: fc.integer({ min: 1, max: 3 }),
          how: fc.constantFrom(...endingNames),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          verb: fc.constantFrom("cancel" as const, "remove" as const, "retry" as const),
          run: some,
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ verb: fc.constant("rescue" as const), worker: fc.nat({ max: 1 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          verb: fc.constant("advance" as const),
          milliseconds: fc.integer({ min: 1, max: 12 }),
        }),
      },
    );
    const property = fc.asyncProperty(
      fc.array(command, { minLength: 8, maxLength: 40, size: "max" }),
      (commands) => follow(bench, commands),
    );
    await fc.assert(property, {
      numRuns: sequences,
      interruptAfterTimeLimit: longest,
      markInterruptAsFailure: false,
      ...(suite.seed === undefined ? {} : { seed: suite.seed }),
    });
  });
}

async function follow(bench: Bench, commands: readonly Command[]): Promise<void> {
  const { store, clock } = bench;
  await store.rescue(workerNames.map((worker) => ({ worker })));
  await store.remove((await everything(store)).map(({ id }) => id));
  for (const id of workerNames) await store.register(aWorker({ id }));
  const walk: Walk = { bench, asked: [], open: [] };
  for (const command of commands) {
    await clock.advance(1);
    await obey(walk, command);
    await check(walk);
  }
  await finish(walk);
}

function obey(walk: Walk, command: Command): Promise<void> {
  switch (command.verb) {
    case "insert":
      return insert(walk, command);
    case "claim":
      return claim(walk, at(workerNames, command.worker), command.slots);
    case "settle":
      return settleSome(walk, command.claim, command.count, command.how);
    case "cancel":
    case "remove":
    case "retry":
      return handle(walk, command.verb, command.run);
    case "rescue":
      return rescue(walk, at(workerNames, command.worker));
    case "advance":
      return pass(walk, command.milliseconds);
  }
}

async function insert(
  { bench: { store, clock }, asked }: Walk,
  { gates, priority, count }: Extract<Command, { verb: "insert" }>,
): Promise<void> {
  for (let number = 0; number < count; number++) {
    const run = aRun({ gates: at(gateLists, gates), priority });
    await store.insert([run]);
    asked.push({ id: run.id, list: gates, priority, hasStarted: false });
    await clock.advance(1);
  }
}

async function claim(walk: Walk, worker: string, slots: number): Promise<void> {
  const { store } = walk.bench;
  const before = new Map((await everything(store)).map((run) => [run.id, run]));
  const claimed = await take(store, worker, { "*": slots });
  walk.open.push(...claimed);
  for (const { run } of claimed) {
    const own = walk.asked.find(({ id }) => id === run);
    assert.ok(own !== undefined);
    if (!own.hasStarted) assertOldest(walk, own, before);
    own.hasStarted = true;
  }
}

/**
 * Among runs that ask for the same one gate, at one priority, whoever starts for the first time is the oldest. With several
 * gates two that ask for the same may be turned away at different ones, and the younger find its own open first.
 */
function assertOldest({ asked }: Walk, own: Asked, before: ReadonlyMap<string, StoredRun>): void {
  if (at(gateLists, own.list).length > 1) return;
  for (const other of asked) {
    if (other === own) return;
    const run = before.get(other.id);
    const isInFront =
      other.list === own.list &&
      other.priority === own.priority &&
      !other.hasStarted &&
      (run?.state === "ready" || run?.state === "waiting");
    assert.ok(!isInFront, "an older run of the same kind should have started first");
  }
}

async function settleSome(
  walk: Walk,
  which: number,
  count: number,
  how: (typeof endingNames)[number],
): Promise<void> {
  const from = which % Math.max(1, walk.open.length);
  const settled = walk.open.splice(from, count);
  await walk.bench.store.settle(settled.map(endings[how]));
}

async function handle(
  { bench: { store }, asked }: Walk,
  verb: "cancel" | "remove" | "retry",
  which: number,
): Promise<void> {
  const own = asked[which % Math.max(1, asked.length)];
  if (own === undefined) return;
  if (verb === "cancel") await store.cancel([own.id], "no");
  else if (verb === "remove") await store.remove([own.id]);
  // A second life is no first start.
  else if ((await store.retry([own.id]))[0] === true) own.hasStarted = true;
}

async function rescue(walk: Walk, worker: string): Promise<void> {
  const { store } = walk.bench;
  const rescued = new Set((await store.rescue([{ worker }])).map(({ run }) => run));
  walk.open = walk.open.filter(({ run }) => !rescued.has(run));
  await store.register(aWorker({ id: worker }));
}

async function pass({ bench: { store, clock } }: Walk, milliseconds: number): Promise<void> {
  await clock.advance(milliseconds);
  await store.promote(1_000);
}

/** What must hold whenever a verb has answered. */
async function check({ bench: { store }, asked }: Walk): Promise<void> {
  const runs = await everything(store);
  const gatesOf = new Map(asked.map(({ id, list }) => [id, at(gateLists, list)]));
  const inside = new Map<string, number>();
  for (const { id, state } of runs) {
    if (state !== "running") continue;
    for (const { kind, key } of gatesOf.get(id) ?? []) {
      const name = `${kind} ${key}`;
      inside.set(name, (inside.get(name) ?? 0) + 1);
    }
  }
  for (const { kind, key, limit: most } of gateLists.flat()) {
    assert.ok((inside.get(`${kind} ${key}`) ?? 0) <= most, `more run at ${kind} ${key} than may`);
  }
  const looked = new Set<string>();
  for (const { id, waiting } of runs) {
    if (waiting?.reason !== "admission" || waiting.on === undefined || looked.has(waiting.on)) continue;
    looked.add(waiting.on);
    const gate = (await store.standing(id)).find(({ kind, key }) => `${kind} ${key}` === waiting.on);
    assert.ok(gate?.isParked, "whoever waits for a gate stands in line at it");
    assert.equal(gate.used, gate.limit, `somebody is in line at ${waiting.on}, where a place is free`);
  }
}

/** Ends what is under way, and lets everything else come to its end. */
async function finish(walk: Walk): Promise<void> {
  const { store } = walk.bench;
  for (let round = 0; round < 200; round++) {
    await settleSome(walk, 0, walk.open.length, "succeed");
    await pass(walk, 10);
    for (const worker of workerNames) await claim(walk, worker, 3);
    const left = (await everything(store)).filter(({ finishedAt }) => finishedAt === undefined);
    if (left.length === 0) return;
  }
  assert.fail("runs are left that nothing brings to their end");
}
