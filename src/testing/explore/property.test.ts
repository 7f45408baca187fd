// Jobs made at random, of which it is known what in them is not idempotent: the exploration names that, all of it and
// nothing else.
//
// A program is a tree of steps, transactions, sleeps, signals, polls, children and what runs side by side. An effect
// either adds to a list, which shows when it is done twice, or writes by a key, which does not.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import Database from "libsql";
import { expect, test } from "vitest";
import { z } from "zod";
import { type AnyJob, type Context, job, signal } from "../../job/index.js";
import { sqlite } from "../../with/sqlite.js";
import { explore } from "./index.js";

type Effect = "adds" | "writes by key";

type Program =
  | { readonly kind: "step"; readonly effect: Effect; readonly fails: boolean }
  | { readonly kind: "poll" | "tx" | "outside"; readonly effect: Effect }
  | { readonly kind: "sleep" | "signal" }
  | { readonly kind: "sequence" | "all" | "child"; readonly parts: readonly Program[] };

const effect = fc.constantFrom<Effect>("adds", "writes by key");
const leaf: fc.Arbitrary<Program> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("step" as const), effect, fails: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("poll" as const, "tx" as const), effect }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("outside" as const), effect }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("sleep" as const, "signal" as const) }) },
);
const sideBySide: fc.Arbitrary<Program> = fc.record({
  kind: fc.constant("all" as const),
  parts: fc.array(leaf, { minLength: 1, maxLength: 3 }),
});
const grandchild: fc.Arbitrary<Program> = fc.record({
  kind: fc.constant("child" as const),
  parts: fc.array(leaf, { minLength: 1, maxLength: 1 }),
});
const inChild = fc.oneof(
  { weight: 6, arbitrary: leaf },
  { weight: 2, arbitrary: sideBySide },
  { weight: 1, arbitrary: grandchild },
);
const child: fc.Arbitrary<Program> = fc.record({
  kind: fc.constant("child" as const),
  parts: fc.array(inChild, { minLength: 1, maxLength: 2 }),
});
const withChildren: fc.Arbitrary<Program> = fc.record({
  kind: fc.constant("all" as const),
  parts: fc.array(fc.oneof(leaf, child), { minLength: 2, maxLength: 2 }),
});
const programs: fc.Arbitrary<Program> = fc.record({
  kind: fc.constant("sequence" as const),
  parts: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: leaf },
      { weight: 2, arbitrary: sideBySide },
      { weight: 2, arbitrary: child },
      { weight: 1, arbitrary: withChildren },
    ),
    { minLength: 1, maxLength: 3 },
  ),
});

class World {
  readonly list: string[] = [];
  readonly byKey = new Map<string, number>();
  readonly #folder: string | undefined;
  readonly db: InstanceType<typeof Database> | undefined;
  readonly file: string;

  constructor(hasTransactions: boolean) {
    this.file = ":memory:";
    if (!hasTransactions) return;
    this.#folder = mkdtempSync(join(tmpdir(), "duckdive-explore-"));
    this.file = join(this.#folder, "app.db");
    this.db = new Database(this.file);
    this.db.exec("pragma synchronous = off");
    this.db.exec("create table ledger (what text)");
  }

  do(what: Effect, name: string): void {
    if (what === "adds") this.list.push(name);
    else this.byKey.set(name, 1);
  }

  [Symbol.dispose](): void {
    this.db?.close();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

const go = signal("go", z.object({ by: z.string() }));
const noInput = undefined;

/** The job of a program, and those of its children. */
function jobsOf(program: Program, world: World): AnyJob[] {
  const children: AnyJob[] = [];

  function make(name: string, parts: readonly Program[]): AnyJob {
    const made = job({
      name,
      async handle(_input: undefined, ctx) {
        for (const [number, part] of parts.entries()) await perform(part, `${name}.${number}`, ctx);
      },
    });
    return made;
  }

  /** Jobs are made before any of them runs: all processes must have them. */
  function collect(part: Program, path: string): void {
    if (!("parts" in part)) return;
    if (part.kind === "child") children.push(make(path, part.parts));
    for (const [number, inner] of part.parts.entries()) collect(inner, `${path}.${number}`);
  }

  async function perform(part: Program, path: string, ctx: Context): Promise<void> {
    const inner = (one: Program, number: number): Promise<void> => perform(one, `${path}.${number}`, ctx);
    switch (part.kind) {
      case "step":
        await ctx.step(
          path,
          ({ attempt }) => {
            world.do(part.effect, path);
            if (part.fails && attempt === 1) throw new Error("not yet");
          },
          { retry: { attempts: 5 } },
        );
        return;
      case "poll":
        await ctx.poll(path, { every: "1m", timeout: "1h" }, async ({ attempt }) => {
          world.do(part.effect, path);
          return attempt < 2 ? undefined : attempt;
        });
        return;
      case "tx":
        await ctx.tx(path, () => {
          world.db?.exec(`insert into ledger values ('${path}')`);
          if (part.effect === "adds") world.list.push(path);
        });
        return;
      case "outside":
        world.do(part.effect, path);
        return;
      case "sleep":
        return ctx.sleep(path, "1h");
      case "signal":
        await ctx.waitFor(path, go, { timeout: "2h" });
        return;
      case "sequence":
        for (const [number, one] of part.parts.entries()) await inner(one, number);
        return;
      case "all":
        await Promise.all(part.parts.map(inner));
        return;
      case "child": {
        const child = children.find((one) => one.name === path);
        if (child !== undefined) await ctx.run(path, child, noInput);
      }
    }
  }

  collect(program, "at.0");
  return [make("at", [program]), ...children];
}

/** What is not idempotent in a program, as the report names it. */
function expected(program: Program, owner: string, path: string): string[] {
  if ("parts" in program) {
    const inner = program.kind === "child" ? path : owner;
    return program.parts.flatMap((part, number) => expected(part, inner, `${path}.${number}`));
  }
  if (!("effect" in program) || program.effect !== "adds") return [];
  return [program.kind === "outside" ? `${owner}: outside of a step` : `${owner}: ${path}`];
}

function has(program: Program, kind: Program["kind"]): boolean {
  return program.kind === kind || ("parts" in program && program.parts.some((part) => has(part, kind)));
}

/** As many jobs as the suite has time for; `EXPLORED=200 SEED=…` makes more, and others. */
const numRuns = Number(process.env["EXPLORED"] ?? 8);
const seed = Number(process.env["SEED"] ?? 7);

test("the report names what is not idempotent, no more and no less", { timeout: 1_800_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      const hasTransactions = has(program, "tx");
      const [root] = jobsOf(program, new World(false));
      if (root === undefined) throw new Error("there is no job");
      const report = await explore(root, noInput, {
        world: () => new World(hasTransactions),
        jobs: (world) => jobsOf(program, world),
        observe: ({ list, byKey, db }) => ({
          list,
          byKey,
          ledger: db?.prepare("select what from ledger").all(),
        }),
        with: ({ db }) => (db === undefined ? undefined : sqlite(db)),
        file: ({ file }) => file,
        ...(has(program, "signal")
          ? { signals: (queue, run) => queue.signal(run, go, { by: "somebody" }) }
          : {}),
      });
      const named = report.findings.map(({ job: of, step }) => `${of}: ${step}`);
      expect([...new Set(named)].sort(), String(report)).toEqual(
        [...new Set(expected(program, "at", "at.0"))].sort(),
      );
    }),
    { numRuns, seed },
  );
});
