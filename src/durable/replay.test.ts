// Handlers made at random, killed at every write: whatever is interrupted where, the result and the branches taken are
// those of the execution that was not.
//
// A program is a tree of calls (steps, sleeps, signals, children), sequences, loops, `all`, `race`, `allSettled` and `try`. The world settles what the handler waits
// for one at a time, in an order that depends on names alone. A kill happens before or after a write is kept.
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { job, signal } from "../job/index.js";
import { decode, systemClock } from "../kernel/index.js";
import type { Entry, StoredRun } from "../store/contract.js";
import { createDurable, type DurableCalls } from "./calls.js";

type Program =
  | { readonly kind: "step"; readonly fails: number }
  | { readonly kind: "sleep" | "signal" | "many" }
  | { readonly kind: "child"; readonly fails: boolean }
  | { readonly kind: "loop"; readonly times: number; readonly body: Program }
  | { readonly kind: "sequence" | "all" | "race" | "settled"; readonly parts: readonly Program[] }
  | { readonly kind: "try"; readonly body: Program; readonly rescue: Program };

const attempts = 3;

const programs: fc.Arbitrary<Program> = fc.letrec<{ program: Program }>((tie) => ({
  program: fc.oneof(
    { maxDepth: 3, depthIdentifier: "program" },
    fc.record({ kind: fc.constant("step" as const), fails: fc.integer({ min: 0, max: attempts }) }),
    fc.constantFrom<Program>({ kind: "sleep" }, { kind: "signal" }, { kind: "many" }),
    fc.record({ kind: fc.constant("child" as const), fails: fc.boolean() }),
    fc.record({
      kind: fc.constant("loop" as const),
      times: fc.integer({ min: 1, max: 3 }),
      body: tie("program"),
    }),
    fc.record({
      kind: fc.constantFrom("sequence" as const, "all" as const, "race" as const, "settled" as const),
      parts: fc.array(tie("program"), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant("try" as const), body: tie("program"), rescue: tie("program") }),
  ),
})).program;

const leaf = job({ name: "leaf", input: z.string(), output: z.string(), handle: (word) => word });
const go = signal("go", z.string());
/** What the world gives to those who wait. */
const settledBy: Partial<Record<Entry["kind"], string>> = { child: '"a child"', signal: '"a signal"' };

/** What a run has on record, and what a world outside of it does. */
class World {
  readonly entries = new Map<string, Entry>();
  readonly tries = new Map<string, number>();
  /** The calls whose child fails. */
  readonly failing = new Set<string>();
  writes = 0;
  executions = 0;
  #next = 1;

  write(entries: readonly Entry[]): Entry[] {
    const from = this.#next;
    for (const entry of entries) {
      if (this.entries.get(entry.name)?.position !== undefined) continue;
      const position = entry.state === "pending" ? undefined : this.#next++;
      this.entries.set(entry.name, {
        ...entry,
        position,
        due: entry.due === undefined ? undefined : { at: 1 },
      });
    }
    return [...this.entries.values()].filter((entry) => (entry.position ?? 0) >= from);
  }

  /** One of what is waited for comes: a time, a signal, the end of a child; in the order of their names. */
  wake(names: readonly string[]): void {
    const [first] = names.toSorted();
    const entry = this.entries.get(first ?? "");
    if (entry === undefined) throw new Error("a run waits for what is not on record");
    if (entry.kind === "step") return;
    const position = this.#next++;
    if (this.failing.has(entry.name)) {
      const error = { name: "Error", message: `${entry.name} fails` };
      this.entries.set(entry.name, { ...entry, state: "failed", error, position });
    } else this.entries.set(entry.name, { ...entry, state: "done", value: settledBy[entry.kind], position });
  }
}

async function perform(program: Program, calls: DurableCalls, world: World, path: string): Promise<unknown> {
  const inner = (part: Program, number: number) => perform(part, calls, world, `${path}.${number}`);
  switch (program.kind) {
    case "step":
      return calls.step(
        path,
        ({ attempt }) => {
          world.tries.set(path, (world.tries.get(path) ?? 0) + 1);
          if (attempt <= program.fails) throw new Error(`${path} fails`);
          return `${path} in attempt ${attempt}`;
        },
        { retry: { attempts, backoff: { kind: "fixed", base: 1, jitter: 0 } } },
      );
    case "sleep":
      await calls.sleep(path, "1h");
      return path;
    case "signal":
      return calls.waitFor(path, go);
    case "child":
      if (program.fails) world.failing.add(path);
      return calls.run(path, leaf, path);
    case "many":
      return calls.runAll(path, leaf, [path, "and another"]);
    case "loop": {
      const results: unknown[] = [];
      for (let time = 0; time < program.times; time += 1) results.push(await inner(program.body, time));
      return results;
    }
    case "sequence": {
      const results: unknown[] = [];
      for (const [number, part] of program.parts.entries()) results.push(await inner(part, number));
      return results;
    }
    case "all":
      return Promise.all(program.parts.map(inner));
    case "race":
      return Promise.race(program.parts.map(inner));
    case "settled":
      return (await Promise.allSettled(program.parts.map(inner))).map((one) =>
        one.status === "fulfilled" ? one.value : `rejected: ${one.reason.message}`,
      );
    case "try":
      try {
        return await inner(program.body, 0);
      } catch (error) {
        return [(error as Error).message, await inner(program.rescue, 1)];
      }
  }
}

class Killed extends Error {}

/** Executes a program until it ends, killed once at a write: before it is kept, or after. */
async function live(
  program: Program,
  kill?: { readonly write: number; readonly isKept: boolean },
  world = new World(),
): Promise<{ result: string; world: World }> {
  for (;;) {
    world.executions += 1;
    if (world.executions > 500) throw new Error("it never ends");
    let die: (error: Error) => void = () => {};
    const killed = new Promise<never>((_resolve, reject) => {
      die = reject;
    });
    const durable = createDurable({
      journal: {
        history: new Map(world.entries),
        write: async (entries) => {
          world.writes += 1;
          if (world.writes !== kill?.write) return world.write(entries);
          if (kill.isKept) world.write(entries);
          die(new Killed());
          return new Promise(() => {});
        },
      },
      run: "00000000-0000-7000-8000-000000000001",
      job: "program",
      now: 1,
      retry: { attempts, backoff: { kind: "fixed", base: 1, factor: 1, cap: 1, jitter: 0 } },
      clock: systemClock,
      random: () => 0.5,
      signal: () => new AbortController().signal,
      newRun: async ({ name }) => ({ id: "", job: name, version: 1, queue: "default", priority: 0 }),
      find: async (ids) =>
        ids.map((id) => ({ id, state: "succeeded", output: '"one of many"' }) as StoredRun),
      heldLocks: async () => new Set<string>(),
      origin: "run",
      onLost: () => {},
      onLife: () => {},
    });
    const ended = perform(program, durable.calls(""), world, "at").then(
      (value) => `returned ${JSON.stringify(value)}`,
      (error: Error) => `threw ${error.message}`,
    );
    const result = ended.then(async (said) => {
      await durable.end();
      return said;
    });
    try {
      const end = await Promise.race([result, durable.suspended, killed]);
      if (typeof end === "string") return { result: end, world };
      world.wake(end);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      durable.seal();
    }
  }
}

function hasRace(program: Program): boolean {
  switch (program.kind) {
    case "race":
      return true;
    case "sequence":
    case "all":
    case "settled":
      return program.parts.some(hasRace);
    case "loop":
      return hasRace(program.body);
    case "try":
      return hasRace(program.body) || hasRace(program.rescue);
    default:
      return false;
  }
}

/** Executed once more over what is on record by then, it comes to the same, and nothing is done again. */
async function expectSameAgain(
  program: Program,
  { result, world }: { readonly result: string; readonly world: World },
): Promise<void> {
  const done = [...world.entries.values()].filter(({ state }) => state !== "pending").map(({ name }) => name);
  const tries = done.map((name) => world.tries.get(name));
  const again = await live(program, undefined, world);
  expect(again.result).toBe(result);
  expect(done.map((name) => world.tries.get(name))).toEqual(tries);
}

test("a handler that is killed at any write comes to the same result by the same branches", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      const whole = await live(program);
      for (let write = 1; write <= Math.min(whole.world.writes, 12); write += 1) {
        for (const isKept of [true, false]) {
          const broken = await live(program, { write, isKept });
          // Who wins a race that nothing is on record of is not decided yet, and a crash may decide it otherwise.
          if (!hasRace(program)) expect(broken.result).toBe(whole.result);
          await expectSameAgain(program, broken);
          const failed = [...broken.world.entries.values()].filter(({ state }) => state === "failed");
          for (const { name, kind, attempts: tried } of failed) {
            if (kind === "step") expect(tried, name).toBe(attempts);
          }
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("a step is tried as often as its policy says, and its value is the one on record", async () => {
  const { result, world } = await live({ kind: "step", fails: 2 });
  expect(result).toBe('returned "at in attempt 3"');
  expect(world.tries.get("at")).toBe(3);
  expect(decode(world.entries.get("at")?.value ?? "")).toBe("at in attempt 3");
});
