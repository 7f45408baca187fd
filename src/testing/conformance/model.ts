// The model test: random sequences of verbs, on the store and on a store of pure code, which must agree after each.
//
// The single tests know what they look for; this one finds what nobody thought of: a retry of a run whose zombie
// settles after a rescue that was paused. Commands name runs, workers and claims by number, so that a failing sequence
// shrinks to the few commands that matter. The seed is in the failure, and `seed` in the options replays it.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { Claimed, Settlement } from "../../store/contract.js";
import {
  aRun,
  at,
  aWorker,
  backedOff,
  cancelledByItself,
  everything,
  failed,
  handedBack,
  hour,
  parked,
  snoozed,
  succeeded,
  take,
  withCode,
} from "./build.js";
import { ModelStore } from "./model-state.js";
import type { Bench, Suite } from "./suite.js";

/** How long the walk may take, in milliseconds; it ends earlier when it has made all its sequences. */
const longest = 5_000;
const sequences = 60;
const workerNames = ["anna", "boris"];
const queueNames = ["a", "b"];

const endings = {
  succeed: (claimed: Claimed) => succeeded(claimed, { keep: 400 }),
  fail: (claimed: Claimed) => failed(claimed, { keep: hour }),
  cancel: (claimed: Claimed) => cancelledByItself(claimed, { keep: 200 }),
  backOff: (claimed: Claimed) => backedOff(claimed, 90),
  snooze: (claimed: Claimed) => snoozed(claimed, 30),
  handBack: (claimed: Claimed) => handedBack(claimed),
  park: (claimed: Claimed) => parked(claimed, "paused"),
} satisfies Record<string, (claimed: Claimed) => Settlement>;

const endingNames = Object.keys(endings) as (keyof typeof endings)[];

type Command =
  | { readonly verb: "insert"; readonly queue: number; readonly priority: number; readonly delay: number }
  | { readonly verb: "claim"; readonly worker: number; readonly named: number; readonly star: number }
  | { readonly verb: "settle"; readonly claim: number; readonly how: (typeof endingNames)[number] }
  | { readonly verb: "insertAgain" | "cancel" | "retry" | "remove"; readonly run: number }
  | { readonly verb: "register" | "rescue"; readonly worker: number }
  | { readonly verb: "pauseQueue" | "resumeQueue"; readonly queue: number }
  | { readonly verb: "advance"; readonly milliseconds: number }
  | { readonly verb: "promote" | "prune" | "pauseJob" | "resumeJob" };

interface Walk {
  readonly bench: Bench;
  readonly model: ModelStore;
  readonly ids: string[];
  readonly claims: Claimed[];
}

export function model(suite: Suite): void {
  suite.test(
    "random sequences of verbs leave the store as the model says, after each of them",
    async (bench) => {
      const { default: fc } = await import("fast-check");
      const which = fc.nat({ max: 1 });
      const some = fc.nat({ max: 40 });
      const command = fc.oneof(
        {
          weight: 4,
          arbitrary: fc.record({
            verb: fc.constant("insert" as const),
            queue: which,
            priority: fc.integer({ min: -1, max: 1 }),
            delay: fc.constantFrom(0, 0, 25, 120),
          }),
        },
        {
          weight: 5,
          arbitrary: fc.record({
            verb: fc.constant("claim" as const),
            worker: which,
            named: fc.nat({ max: 2 }),
            star: fc.nat({ max: 3 }),
          }),
        },
        {
          weight: 6,
          arbitrary: fc.record({
            verb: fc.constant("settle" as const),
            claim: some,
            how: fc.constantFrom(...endingNames),
          }),
        },
        {
          weight: 3,
          arbitrary: fc.record({
            verb: fc.constantFrom(
              "insertAgain" as const,
              "cancel" as const,
              "retry" as const,
              "remove" as const,
            ),
            run: some,
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            verb: fc.constantFrom("register" as const, "rescue" as const),
            worker: which,
          }),
        },
        {
          weight: 1,
          arbitrary: fc.record({
            verb: fc.constantFrom("pauseQueue" as const, "resumeQueue" as const),
            queue: which,
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            verb: fc.constant("advance" as const),
            milliseconds: fc.integer({ min: 1, max: 150 }),
          }),
        },
        {
          weight: 3,
          arbitrary: fc.record({
            verb: fc.constantFrom(
              "promote" as const,
              "prune" as const,
              "pauseJob" as const,
              "resumeJob" as const,
            ),
          }),
        },
      );
      const property = fc.asyncProperty(
        fc.array(command, { minLength: 8, maxLength: 45, size: "max" }),
        (commands) => follow(bench, commands),
      );
      await fc.assert(property, {
        numRuns: sequences,
        interruptAfterTimeLimit: longest,
        markInterruptAsFailure: false,
        ...(suite.seed === undefined ? {} : { seed: suite.seed }),
      });
    },
  );
}

async function follow(bench: Bench, commands: readonly Command[]): Promise<void> {
  await sweep(bench);
  const walk: Walk = { bench, model: new ModelStore(), ids: [], claims: [] };
  for (const name of workerNames) await obey(walk, { verb: "register", worker: workerNames.indexOf(name) });
  for (const command of commands) {
    await bench.clock.advance(1);
    walk.model.now = bench.clock.now();
    await obey(walk, command);
    walk.model.compare(await everything(bench.store));
  }
  const counts = await bench.store.countByState();
  for (const [state, count] of Object.entries(counts)) {
    assert.equal(
      count,
      [...walk.model.runs.values()].filter((run) => run.state === state).length,
      `${state} runs`,
    );
  }
}

/** Empties the store, so that every sequence begins alike. */
async function sweep({ store }: Bench): Promise<void> {
  await store.rescue(workerNames.map((worker) => ({ worker })));
  for (const target of await store.paused()) await store.resume(target);
  const ids = (await everything(store)).map((run) => run.id);
  assert.ok((await store.remove(ids)).every((removed) => removed));
}

function obey(walk: Walk, command: Command): Promise<void> {
  switch (command.verb) {
    case "insert":
      return insert(walk, command);
    case "claim":
      return claim(walk, command);
    case "settle":
      return settle(walk, command);
    case "insertAgain":
    case "cancel":
    case "retry":
    case "remove":
      return handle(walk, command.verb, command.run);
    case "register":
    case "rescue":
      return employ(walk, command.verb, at(workerNames, command.worker));
    case "pauseQueue":
    case "resumeQueue":
      return holdQueue(walk, command.verb, at(queueNames, command.queue));
    case "pauseJob":
    case "resumeJob":
      return holdJob(walk, command.verb);
    case "promote":
    case "prune":
      return keepUp(walk, command.verb);
    case "advance":
      return walk.bench.clock.advance(command.milliseconds);
  }
}

async function insert(
  { bench, model, ids }: Walk,
  command: Extract<Command, { verb: "insert" }>,
): Promise<void> {
  const queue = at(queueNames, command.queue);
  const run = aRun({ id: newId(), queue, priority: command.priority, due: { after: command.delay } });
  ids.push(run.id);
  const created = model.insert(run.id, queue, command.priority, command.delay);
  assert.deepEqual(await bench.store.insert([run]), [{ id: run.id, created }]);
}

async function claim(
  { bench, model, claims }: Walk,
  command: Extract<Command, { verb: "claim" }>,
): Promise<void> {
  const worker = at(workerNames, command.worker);
  const queues = { [at(queueNames, 0)]: command.named, "*": command.star };
  if (!model.workers.has(worker)) {
    await assert.rejects(take(bench.store, worker, queues), withCode("WORKER_LOST"));
    return;
  }
  const claimed = await take(bench.store, worker, queues);
  model.claimed(worker, queues, claimed);
  claims.push(...claimed);
}

/** Any claim that was ever made settles here: the older ones are zombies. */
async function settle(
  { bench, model, claims }: Walk,
  command: Extract<Command, { verb: "settle" }>,
): Promise<void> {
  const claimed = claims.at(-1 - (command.claim % Math.max(1, claims.length)));
  if (claimed === undefined) return;
  const settlement: Settlement = endings[command.how](claimed);
  assert.deepEqual(await bench.store.settle([settlement]), [model.settle(settlement)]);
}

async function handle(
  { bench, model, ids }: Walk,
  verb: "insertAgain" | "cancel" | "retry" | "remove",
  which: number,
): Promise<void> {
  const id = ids[which % Math.max(1, ids.length)];
  if (id === undefined) return;
  const { store } = bench;
  if (verb === "insertAgain") {
    const created = model.insert(id, "b", 0, 0);
    assert.deepEqual(await store.insert([aRun({ id, queue: "b" })]), [{ id, created }]);
  } else if (verb === "cancel") {
    const [did] = await store.cancel([id], "the first reason");
    const expected = model.cancel(id, "the first reason");
    if (expected !== undefined) assert.equal(did, expected);
  } else if (verb === "retry") assert.deepEqual(await store.retry([id]), [model.retry(id)]);
  else assert.deepEqual(await store.remove([id]), [model.remove(id)]);
}

async function employ({ bench, model }: Walk, verb: "register" | "rescue", worker: string): Promise<void> {
  if (verb === "rescue") {
    const rescued = await bench.store.rescue([{ worker }]);
    assert.deepEqual(new Set(rescued.map((run) => run.run)), model.rescue(worker));
  } else if (!model.workers.has(worker)) {
    await bench.store.register(aWorker({ id: worker }));
    model.workers.add(worker);
  }
}

async function holdQueue(
  { bench, model }: Walk,
  verb: "pauseQueue" | "resumeQueue",
  queue: string,
): Promise<void> {
  if (verb === "pauseQueue") {
    await bench.store.pause({ queue });
    model.pausedQueues.add(queue);
  } else {
    await bench.store.resume({ queue });
    model.pausedQueues.delete(queue);
  }
}

async function holdJob({ bench, model }: Walk, verb: "pauseJob" | "resumeJob"): Promise<void> {
  if (verb === "pauseJob") {
    await bench.store.pause({ job: "copy" });
    model.jobPaused = true;
  } else {
    await bench.store.resume({ job: "copy" });
    model.resumeJob();
  }
}

async function keepUp({ bench, model }: Walk, verb: "promote" | "prune"): Promise<void> {
  if (verb === "promote") assert.deepEqual(await bench.store.promote(1_000), model.promote());
  else assert.equal(await bench.store.prune(1_000), model.prune());
}
