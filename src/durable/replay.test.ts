// Handlers made at random, killed at every write: whatever is interrupted where, the result and the branches taken are
// those of the execution that was not.
//
// A program is a tree of calls, sequences, `all`, `race`, `allSettled` and `try`. The world settles what the handler waits
// for one at a time, in an order that depends on names alone. A kill happens before or after a write is kept.
import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, systemClock } from "../kernel/index.js";
import type { Entry } from "../store/contract.js";
import { createDurable, type DurableCalls } from "./calls.js";

type Program =
  | { readonly kind: "step"; readonly fails: number }
  | { readonly kind: "sleep" }
  | { readonly kind: "sequence" | "all" | "race" | "settled"; readonly parts: readonly Program[] }
  | { readonly kind: "try"; readonly body: Program; readonly rescue: Program };

const attempts = 3;

const programs: fc.Arbitrary<Program> = fc.letrec<{ program: Program }>((tie) => ({
  program: fc.oneof(
    { maxDepth: 3, depthIdentifier: "program" },
    fc.record({ kind: fc.constant("step" as const), fails: fc.integer({ min: 0, max: attempts }) }),
    fc.constant<Program>({ kind: "sleep" }),
    fc.record({
      kind: fc.constantFrom("sequence" as const, "all" as const, "race" as const, "settled" as const),
      parts: fc.array(tie("program"), { minLength: 1, maxLength: 4 }),
    }),
    fc.record({ kind: fc.constant("try" as const), body: tie("program"), rescue: tie("program") }),
  ),
})).program;

/** What a run has on record, and what a world outside of it does. */
class World {
  readonly entries = new Map<string, Entry>();
  readonly tries = new Map<string, number>();
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

  /** Time has come for one of what is waited for: sleeps settle one at a time, in the order of their names. */
  wake(names: readonly string[]): void {
    const [first] = names.toSorted();
    const entry = this.entries.get(first ?? "");
    if (entry === undefined) throw new Error("a run waits for what is not on record");
    if (entry.kind === "sleep")
      this.entries.set(entry.name, { ...entry, state: "done", position: this.#next++ });
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
): Promise<{ result: string; world: World }> {
  const world = new World();
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
      hasHistory: world.entries.size > 0,
      retry: { attempts, backoff: { kind: "fixed", base: 1, factor: 1, cap: 1, jitter: 0 } },
      clock: systemClock,
      random: () => 0.5,
      signal: () => new AbortController().signal,
      newRun: () => Promise.reject(new Error("no children here")),
      find: async () => [],
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

test("a handler that is killed at any write comes to the same result by the same branches", {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      const whole = await live(program);
      for (let write = 1; write <= Math.min(whole.world.writes, 12); write += 1) {
        for (const isKept of [true, false]) {
          const broken = await live(program, { write, isKept });
          expect(broken.result).toBe(whole.result);
          const failed = [...broken.world.entries.values()].filter(({ state }) => state === "failed");
          for (const { name, attempts: tried } of failed) expect(tried, name).toBe(attempts);
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
