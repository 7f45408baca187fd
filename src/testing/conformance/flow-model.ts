// The model test of dependencies and batches: random graphs of runs, counted in batches and batches of those, that end, are
// cancelled, removed and tried again at random; and a model of pure code that must agree with the store after each of it.
//
// The model counts nothing: it keeps how each run ended, be it gone since, and reckons every batch from that anew. What it
// says is the same in whatever order the ends of one call are worked off, so it holds a store that works them off later as well.
import assert from "node:assert/strict";
import { newId } from "../../kernel/index.js";
import type { Claimed, NewBatch, NewRun, Settlement, StoredRun } from "../../store/contract.js";
import {
  aRun,
  at,
  aWorker,
  backedOff,
  cancelledByItself,
  everything,
  failed,
  handedBack,
  succeeded,
  take,
  withCode,
} from "./build.js";
import type { Bench, Suite } from "./suite.js";

const longest = 8_000;
const sequences = 60;
const worker = "anna";
/** The queue of callbacks, from which nobody draws. */
const told = "told";

type End = "succeeded" | "failed" | "cancelled";
type Policy = NonNullable<NewRun["onParentFailure"]>;

interface Node {
  readonly id: string;
  readonly batch: string | undefined;
  readonly policy: Policy;
  readonly after: readonly string[];
  /** Of those the ones that are not fine by now. */
  readonly open: Set<string>;
  state: "ready" | "waiting" | "running" | End;
  reason: string | undefined;
  isAskedToEnd: boolean;
}

interface BatchNode {
  readonly asked: NewBatch & { readonly onSuccess: NewRun; readonly onFinished: NewRun };
  /** Its runs and batches, with how those that are gone ended. */
  readonly members: Map<string, "open" | End>;
  hasFinished: boolean;
  hasSucceeded: boolean;
}

const endings = {
  succeed: (claimed: Claimed) => succeeded(claimed),
  succeedWith: (claimed: Claimed) => succeeded(claimed, { output: '"done"' }),
  fail: (claimed: Claimed) => failed(claimed),
  cancel: (claimed: Claimed) => cancelledByItself(claimed),
  backOff: (claimed: Claimed) => backedOff(claimed, 0),
  handBack: (claimed: Claimed) => handedBack(claimed),
} satisfies Record<string, (claimed: Claimed) => Settlement>;

type EndingName = keyof typeof endings;
const endingNames = Object.keys(endings) as EndingName[];
const ends: Readonly<Partial<Record<EndingName, End>>> = {
  succeed: "succeeded",
  succeedWith: "succeeded",
  fail: "failed",
  cancel: "cancelled",
};

interface Wanted {
  /** How far before it, among all that were asked for, those are that it comes after. */
  readonly after: readonly number[];
  readonly policy: Policy;
  readonly isCounted: boolean;
}

type Command =
  | {
      readonly verb: "insert";
      readonly runs: readonly Wanted[];
      readonly batch: number;
      readonly isNew: boolean;
      readonly isReversed: boolean;
    }
  | { readonly verb: "claim"; readonly slots: number }
  | { readonly verb: "settle"; readonly claim: number; readonly count: number; readonly how: EndingName }
  | { readonly verb: "cancel" | "remove" | "retry"; readonly run: number; readonly count: number }
  | { readonly verb: "rescue" };

/** What the rules say. */
class Model {
  readonly runs = new Map<string, Node>();
  readonly batches = new Map<string, BatchNode>();
  readonly asked: string[] = [];
  readonly #news: (readonly [id: string, how: End | "removed"])[] = [];

  insert(runs: readonly NewRun[], batch: BatchNode | undefined): void {
    if (batch !== undefined) {
      this.batches.set(batch.asked.id, batch);
      if (batch.asked.batch !== undefined) this.#batch(batch.asked.batch).members.set(batch.asked.id, "open");
    }
    for (const { id, after = [], onParentFailure: policy = "fail", batch: counted } of runs) {
      const open = new Set(after);
      const node: Node = {
        id,
        batch: counted,
        policy,
        after,
        open,
        state: "waiting",
        reason: undefined,
        isAskedToEnd: false,
      };
      this.runs.set(id, node);
      if (counted !== undefined) this.#batch(counted).members.set(id, "open");
    }
    for (const { id } of runs) this.#begin(this.run(id));
    this.work();
  }

  /** One that was just recorded looks at those that it comes after as if each had told it now. */
  #begin(node: Node): void {
    for (const id of [...node.open]) {
      const { state } = this.run(id);
      if (state === "succeeded" || state === "failed" || state === "cancelled") this.#hear(node, id, state);
    }
    this.#letGo(node);
  }

  #hear(node: Node, id: string, how: End | "removed"): void {
    if (how === "succeeded" || node.policy === "run") {
      node.open.delete(id);
      this.#letGo(node);
    } else if (node.state === "waiting") {
      this.end(node, node.policy === "cancel" ? "cancelled" : "failed", "dependency");
    }
  }

  #letGo(node: Node): void {
    if (node.state === "waiting" && node.open.size === 0) node.state = "ready";
  }

  end(node: Node, state: End, reason?: string): void {
    node.state = state;
    node.reason = reason;
    node.isAskedToEnd = false;
    if (node.batch !== undefined) this.#batch(node.batch).members.set(node.id, state);
    this.#news.push([node.id, state]);
  }

  /** Tells of every end, and of what follows from that. */
  work(): void {
    for (let next = this.#news.shift(); next !== undefined; next = this.#news.shift()) {
      const [id, how] = next;
      for (const node of this.runs.values()) if (node.open.has(id)) this.#hear(node, id, how);
    }
    for (const batch of this.batches.values()) {
      const is = this.standing(batch);
      if (is !== "open") batch.hasFinished = true;
      if (is === "succeeded") batch.hasSucceeded = true;
    }
  }

  cancel(node: Node): boolean {
    if (hasEnded(node) || node.isAskedToEnd) return false;
    if (node.state === "running") node.isAskedToEnd = true;
    else this.end(node, "cancelled", "by hand");
    return true;
  }

  remove(node: Node): boolean {
    if (node.state === "running") return false;
    if (!hasEnded(node) && node.batch !== undefined)
      this.#batch(node.batch).members.set(node.id, "cancelled");
    this.runs.delete(node.id);
    this.#news.push([node.id, "removed"]);
    return true;
  }

  retry(node: Node): boolean {
    if (node.state !== "failed" && node.state !== "cancelled") return false;
    for (const id of [...node.open]) {
      const need = this.runs.get(id);
      if (need === undefined || need.state === "succeeded") node.open.delete(id);
    }
    node.state = node.open.size === 0 ? "ready" : "waiting";
    node.reason = undefined;
    if (node.batch !== undefined) this.#batch(node.batch).members.set(node.id, "open");
    return true;
  }

  counts(batch: BatchNode): Record<"total" | End, number> {
    const counts = { total: 0, succeeded: 0, failed: 0, cancelled: 0 };
    for (const [id, known] of batch.members) {
      const inner = this.batches.get(id);
      const is = inner === undefined ? known : this.standing(inner);
      counts.total += 1;
      if (is !== "open") counts[is] += 1;
    }
    return counts;
  }

  standing(batch: BatchNode): "open" | End {
    const { total, succeeded: good, failed: bad, cancelled } = this.counts(batch);
    if (good + bad + cancelled < total) return "open";
    if (bad > 0) return "failed";
    return cancelled > 0 ? "cancelled" : "succeeded";
  }

  run(id: string): Node {
    const node = this.runs.get(id);
    assert.ok(node !== undefined, `the model has no run ${id}`);
    return node;
  }

  #batch(id: string): BatchNode {
    const batch = this.batches.get(id);
    assert.ok(batch !== undefined, `the model has no batch ${id}`);
    return batch;
  }
}

function hasEnded({ state }: Node): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

interface Walk {
  readonly bench: Bench;
  readonly model: Model;
  claims: Claimed[];
}

export function flowModel(suite: Suite): void {
  suite.test("whatever happens to runs of a graph, the store is as the rules say", async (bench) => {
    const { default: fc } = await import("fast-check");
    const some = fc.nat({ max: 60 });
    const wanted = fc.record({
      after: fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 3 }),
      policy: fc.constantFrom<Policy>("fail", "fail", "cancel", "run"),
      isCounted: fc.boolean(),
    });
    const command = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          verb: fc.constant("insert" as const),
          runs: fc.array(wanted, { maxLength: 5 }),
          batch: some,
          isNew: fc.boolean(),
          isReversed: fc.boolean(),
        }),
      },
      {
        weight: 5,
        arbitrary: fc.record({ verb: fc.constant("claim" as const), slots: fc.integer({ min: 1, max: 6 }) }),
      },
      {
        weight: 7,
        arbitrary: fc.record({
          verb: fc.constant("settle" as const),
          claim: some,
          count: fc.integer({ min: 1, max: 4 }),
          how: fc.constantFrom(...endingNames),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          verb: fc.constantFrom("cancel" as const, "remove" as const, "retry" as const, "retry" as const),
          run: some,
          count: fc.integer({ min: 1, max: 3 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ verb: fc.constant("rescue" as const) }) },
    );
    const property = fc.asyncProperty(
      fc.array(command, { minLength: 10, maxLength: 40, size: "max" }),
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
  await store.rescue([{ worker }]);
  await store.remove((await everything(store)).map(({ id }) => id));
  await store.register(aWorker({ id: worker }));
  const walk: Walk = { bench, model: new Model(), claims: [] };
  for (const command of commands) {
    await clock.advance(1);
    await obey(walk, command);
    await compare(walk);
  }
  await finish(walk);
}

function obey(walk: Walk, command: Command): Promise<void> {
  switch (command.verb) {
    case "insert":
      return insert(walk, command);
    case "claim":
      return claim(walk, command.slots);
    case "settle":
      return settle(walk, command.claim, command.count, command.how);
    case "cancel":
    case "remove":
    case "retry":
      return handle(walk, command.verb, command.run, command.count);
    case "rescue":
      return rescue(walk);
  }
}

async function insert(walk: Walk, command: Extract<Command, { verb: "insert" }>): Promise<void> {
  const { model, bench } = walk;
  const known = [...model.batches.values()];
  const other = known.length === 0 ? undefined : at(known, command.batch % known.length);
  const created = command.isNew ? aBatchNode(other) : undefined;
  const counted = created ?? other;
  const ids = [...model.asked];
  const runs = command.runs.map(({ after, policy, isCounted }): NewRun => {
    const needs = after.flatMap((back) => ids.at(-back) ?? []);
    const run = aRun({
      after: [...new Set(needs)].filter((id) => model.runs.has(id) || !model.asked.includes(id)),
      onParentFailure: policy,
      batch: isCounted ? counted?.asked.id : undefined,
    });
    ids.push(run.id);
    return run;
  });
  const batches = created === undefined ? [] : [created.asked];
  const recorded = bench.store.insert(command.isReversed ? [...runs].reverse() : runs, batches);
  const isClosed = (batch: BatchNode | undefined): boolean =>
    batch?.hasFinished === true && model.standing(batch) !== "open";
  const outer = created?.asked.batch === undefined ? undefined : other;
  const needsOther =
    outer ?? (created === undefined && runs.some(({ batch }) => batch !== undefined) ? other : undefined);
  if (isClosed(needsOther)) {
    await assert.rejects(recorded, withCode("BATCH_FINISHED"));
    return;
  }
  await recorded;
  model.asked.push(...runs.map(({ id }) => id));
  model.insert(runs, created);
}

/** A new batch; every other one is counted in one that is there. */
function aBatchNode(other: BatchNode | undefined): BatchNode {
  const callback = (): NewRun => aRun({ queue: told });
  const outer = other !== undefined && other.members.size % 2 === 0 ? other.asked.id : undefined;
  return {
    asked: { id: newId(), name: "batch", onSuccess: callback(), onFinished: callback(), batch: outer },
    members: new Map(),
    hasFinished: false,
    hasSucceeded: false,
  };
}

async function claim(walk: Walk, slots: number): Promise<void> {
  const { model, bench } = walk;
  const ready = [...model.runs.values()].filter(({ state }) => state === "ready");
  const claimed = await take(bench.store, worker, { "*": slots, [told]: 0 });
  assert.equal(claimed.length, Math.min(slots, ready.length), "as many are claimed as are ready");
  for (const one of claimed) {
    const node = model.run(one.run);
    assert.equal(node.state, "ready", "only what is ready is claimed");
    assert.equal(one.batch, node.batch);
    node.state = "running";
  }
  walk.claims.push(...claimed);
}

async function settle(walk: Walk, first: number, count: number, how: EndingName): Promise<void> {
  const { model, bench } = walk;
  if (walk.claims.length === 0) return;
  const from = first % walk.claims.length;
  const some = walk.claims.slice(from, from + count);
  walk.claims = walk.claims.filter((one) => !some.includes(one));
  const answers = await bench.store.settle(some.map((one) => endings[how](one)));
  assert.ok(answers.every(({ taken }) => taken));
  for (const { run } of some) {
    const node = model.run(run);
    const end = ends[how] ?? (node.isAskedToEnd ? "cancelled" : undefined);
    if (end !== undefined) model.end(node, end, "of its own");
    else node.state = "ready";
  }
  model.work();
}

async function handle(
  walk: Walk,
  verb: "cancel" | "remove" | "retry",
  first: number,
  count: number,
): Promise<void> {
  const { model, bench } = walk;
  const all = [...model.runs.keys()];
  if (all.length === 0) return;
  const ids = all.slice(first % all.length, (first % all.length) + count);
  const { store } = bench;
  const answers = await (verb === "cancel" ? store.cancel(ids, "by hand") : store[verb](ids));
  ids.forEach((id, index) => {
    const node = model.run(id);
    assert.equal(answers[index], model[verb](node), `${verb} of one that is ${node.state}`);
    // Each is worked off before the next is looked at.
    model.work();
  });
}

async function rescue(walk: Walk): Promise<void> {
  const { model, bench } = walk;
  await bench.store.rescue([{ worker }]);
  await bench.store.register(aWorker({ id: worker }));
  for (const { run } of walk.claims) {
    const node = model.run(run);
    if (node.isAskedToEnd) model.end(node, "cancelled", "by hand");
    else node.state = "ready";
  }
  walk.claims = [];
  model.work();
}

/** Works off all that can run: then whoever waits does so for one that failed, and was not tried again. */
async function finish(walk: Walk): Promise<void> {
  const { model } = walk;
  while ([...model.runs.values()].some(({ state }) => state === "ready" || state === "running")) {
    await claim(walk, 1_000);
    await settle(walk, 0, 1_000, "succeed");
    await compare(walk);
  }
  for (const { state, open } of model.runs.values()) {
    if (state !== "waiting") continue;
    assert.ok([...open].some((id) => ["failed", "cancelled", "waiting"].includes(model.run(id).state)));
  }
}

async function compare({ bench: { store }, model }: Walk): Promise<void> {
  const all = await everything(store);
  const callbacks = new Set(all.filter(({ queue }) => queue === told).map(({ id }) => id));
  const runs = all.filter(({ queue }) => queue !== told);
  assert.deepEqual(new Set(runs.map(({ id }) => id)), new Set(model.runs.keys()), "the runs that there are");
  for (const run of runs) compareRun(run, model.run(run.id));
  const batches = await store.batches([...model.batches.keys()]);
  [...model.batches.values()].forEach((batch, index) => {
    const row = batches[index];
    assert.ok(row !== undefined);
    const { total, succeeded: good, failed: bad, cancelled, finishedAt, succeededAt } = row;
    assert.deepEqual(
      { total, succeeded: good, failed: bad, cancelled },
      model.counts(batch),
      "the counts of a batch",
    );
    const isTold = {
      finished: callbacks.has(batch.asked.onFinished.id),
      succeeded: callbacks.has(batch.asked.onSuccess.id),
    };
    assert.deepEqual(isTold, { finished: batch.hasFinished, succeeded: batch.hasSucceeded }, "what was told");
    assert.deepEqual(
      [finishedAt !== undefined, succeededAt !== undefined],
      [isTold.finished, isTold.succeeded],
    );
  });
}

function compareRun(run: StoredRun, node: Node): void {
  assert.equal(run.state, node.state, `the state of a run after ${[...node.open].join(", ")}`);
  assert.equal(run.batch, node.batch);
  assert.deepEqual(new Set(run.after ?? []), node.open, "those that are not fine");
  assert.equal(run.waiting?.reason, node.state === "waiting" ? "dependency" : undefined);
  assert.equal(run.reason === "dependency", node.reason === "dependency");
  if (node.reason !== "dependency") return;
  const blamed: unknown = run.error?.data;
  assert.ok(
    node.after.some((id) => JSON.stringify(blamed) === JSON.stringify({ run: id })),
    "the run that is blamed is one that it came after",
  );
}
