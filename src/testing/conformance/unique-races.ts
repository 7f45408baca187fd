// Unique keys under many: callers at once, and commands at random, after each of which a key is held by exactly the runs
// that its rules name, as they are read from the runs themselves.
import assert from "node:assert/strict";
import type { Arbitrary, default as FastCheck } from "fast-check";
import type { Claimed, Inserted, Store, StoredRun, Unique } from "../../store/contract.js";
import {
  aRun,
  backedOff,
  enter,
  failed,
  hour,
  minute,
  only,
  second,
  settle,
  succeeded,
  take,
} from "./build.js";
import { keyed, live, request } from "./keys.js";
import type { Suite } from "./suite.js";

export function racing(suite: Suite): void {
  suite.shared("requests at once, one is created and the others get that one", async ({ store, another }) => {
    const other = await another();
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => request(index % 2 === 0 ? store : other, keyed())),
    );
    assert.equal(answers.filter(({ created }) => created).length, 1);
    assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
    assert.equal(await store.count({}), 1);
  });

  suite.shared("that all reject, one is created and the others are refused", async ({ store, another }) => {
    const other = await another();
    const calls = await Promise.allSettled(
      Array.from({ length: 32 }, (_, index) =>
        request(index % 2 === 0 ? store : other, keyed({ onConflict: { kind: "reject" } })),
      ),
    );
    assert.equal(calls.filter(({ status }) => status === "fulfilled").length, 1);
    assert.equal(await store.count({}), 1);
  });

  suite.test("commands at random, a key is held by whom its rule says", async ({ store, clock }) => {
    const { default: fc } = await import("fast-check");
    const worker = await enter(store);
    const property = fc.asyncProperty(
      fc.array(commandsOf(fc), { minLength: 5, maxLength: 30 }),
      async (commands) => {
        const context: Asked = { asked: new Map(), prefix: `${store.now()} `, claimed: [] };
        for (const one of commands) await obey(store, clock, worker, one, context);
        await settle(store, ...context.claimed.map((claimed) => succeeded(claimed)));
        await store.cancel([...context.asked.keys()], "over");
        await clock.advance(hour);
      },
    );
    await fc.assert(property, { numRuns: 25, ...(suite.seed === undefined ? {} : { seed: suite.seed }) });
  });
}

// ── Commands at random ──────────────────────────────────────────────────────────────────────────────────────────

type Command =
  | { readonly do: "insert"; readonly unique: Unique; readonly delay: number }
  | { readonly do: "claim" | "succeed" | "fail" | "backOff" | "advance" | "cancel" | "retry" };

function commandsOf(fc: typeof FastCheck): Arbitrary<Command> {
  return fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("insert" as const),
        unique: rulesOf(fc),
        delay: fc.constantFrom(0, 15 * second),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom("claim", "succeed", "fail", "backOff", "advance", "cancel", "retry"),
      }),
    },
  );
}

function rulesOf(fc: typeof FastCheck): Arbitrary<Unique> {
  const key = fc.constantFrom("a", "b");
  const onConflict: Arbitrary<Unique["onConflict"]> = fc.oneof(
    fc.constantFrom({ kind: "ignore" } as const, { kind: "reject" } as const),
    fc.constant({ kind: "replace", fields: ["input"] } as const),
    fc.constant({ kind: "debounce", delay: 20 * second, atMost: minute } as const),
  );
  return fc.oneof(
    fc.record({ key, while: fc.subarray([...live], { minLength: 1 }), onConflict }),
    fc.record({ key, window: fc.constantFrom(second, 40 * second), onConflict }),
  );
}

interface Asked {
  /** What each run that was created asked for. */
  readonly asked: Map<string, Unique>;
  /** Before each key: apart from those of the sequences before. */
  readonly prefix: string;
  /** What runs. */
  readonly claimed: Claimed[];
}

/** Who holds a key by the words of the contract, read from the runs as they stand. */
async function holdersOf(store: Store, key: string, { asked }: Asked): Promise<StoredRun[]> {
  const now = store.now();
  const runs = await store.find([...asked.keys()]);
  return runs.flatMap((run) => {
    const rule = run === undefined ? undefined : asked.get(run.id);
    if (run === undefined || rule === undefined || rule.key !== key) return [];
    const isHeld =
      rule.window === undefined ? rule.while?.includes(run.state) : run.requestedAt + rule.window > now;
    return isHeld === true ? [run] : [];
  });
}

async function ask(
  store: Store,
  { unique: rule, delay }: Command & { do: "insert" },
  context: Asked,
): Promise<void> {
  const unique = { ...rule, key: context.prefix + rule.key };
  const holders = await holdersOf(store, unique.key, context);
  const run = aRun({ unique, due: { after: delay }, input: "2" });
  if (holders.length > 0 && unique.onConflict.kind === "reject") {
    const isHolder = (error: unknown): boolean =>
      error instanceof Error && "existing" in error && holders.some(({ id }) => id === error.existing);
    await assert.rejects(store.insert([run]), isHolder);
    return;
  }
  const answer: Inserted = only(await store.insert([run]));
  assert.equal(answer.created, holders.length === 0);
  if (answer.created) {
    context.asked.set(run.id, unique);
    return;
  }
  const met = holders.find(({ id }) => id === answer.id);
  assert.ok(met !== undefined, "the run that was met holds the key");
  const isChanged =
    ["scheduled", "ready", "waiting"].includes(met.state) && unique.onConflict.kind !== "ignore";
  assert.equal(answer.changed, isChanged ? true : undefined);
}

async function obey(
  store: Store,
  clock: { advance(milliseconds: number): Promise<void> },
  worker: string,
  one: Command,
  context: Asked,
): Promise<void> {
  if (one.do === "insert") return ask(store, one, context);
  const ids = [...context.asked.keys()];
  if (one.do === "advance") {
    await clock.advance(10 * second);
    await store.promote(100);
  } else if (one.do === "cancel") await store.cancel(ids.slice(-1), "not wanted");
  else if (one.do === "retry") {
    const id = ids.at(-1);
    const run = id === undefined ? undefined : (await store.find([id]))[0];
    if (id === undefined || run === undefined) return;
    const key = context.asked.get(id)?.key ?? "";
    const others = (await holdersOf(store, key, context)).filter((holder) => holder.id !== id);
    const may = (run.state === "failed" || run.state === "cancelled") && others.length === 0;
    assert.deepEqual(await store.retry([id]), [may]);
  } else {
    context.claimed.push(...(await take(store, worker, { "*": 1 })));
    const claimed = one.do === "claim" ? undefined : context.claimed.shift();
    if (claimed === undefined) return;
    if (one.do === "succeed") await settle(store, succeeded(claimed));
    else if (one.do === "fail") await settle(store, failed(claimed));
    else if (one.do === "backOff") await settle(store, backedOff(claimed, 5 * second));
  }
}
