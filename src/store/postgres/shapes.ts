// Runs as the statements that record them take them: lists of what differs, and shapes of what most have in common.
import { NotBuiltError } from "../../kernel/index.js";
import { restartEntry } from "../../run/index.js";
import type { NewRun, Settlement } from "../contract.js";
import { Findings } from "../findings.js";
import type { Values } from "./session.js";
import { jsonText, plainList, textList } from "./text.js";
import { hashesOf, ruleOf } from "./unique.js";

/** Rows in one statement. */
export const largestInsert = 2_000;

/** Inputs of more characters than this may be too long, in bytes, to stand in their run. */
const surelyShort = 600;

/** Runs as the lists of `insert-runs.sql`: most of a batch are alike but for id and input. */
export function columnsOf(runs: readonly NewRun[]): Values & { readonly ids: string } {
  const shapes = new Map<string, number>();
  const needed = new Set(runs.flatMap(({ after = [] }) => after));
  const numbers: number[] = [];
  for (const [place, run] of runs.entries()) {
    const before = place === 0 || needed.size > 0 ? undefined : runs[place - 1];
    const same = before !== undefined && isAlike(run, before) ? numbers[place - 1] : undefined;
    numbers.push(same ?? numberOfShape(shapes, jsonText({ ...shapeOf(run), ...flowOf(run, needed) })));
  }
  return {
    ids: plainList(runs.map((run) => run.id)),
    inputs: textList(runs.map((run) => run.input)),
    numbers: plainList(numbers),
    shapes: `[${[...shapes.keys()].join(",")}]`,
    known: plainList(runs.flatMap((run) => (run.fresh ? [] : run.id))),
    isLong: String(runs.some(({ input }) => input !== undefined && input.length > surelyShort)),
    keys: hashesOf(runs),
  };
}

function numberOfShape(shapes: Map<string, number>, shape: string): number {
  const number = shapes.get(shape) ?? shapes.size + 1;
  shapes.set(shape, number);
  return number;
}

/** Whether two runs have one shape, as is seen without making it. */
function isAlike(run: NewRun, other: NewRun): boolean {
  return (
    run.job === other.job &&
    run.version === other.version &&
    run.queue === other.queue &&
    run.priority === other.priority &&
    run.release === other.release &&
    run.startWithin === other.startWithin &&
    run.finishWithin === other.finishWithin &&
    run.fair === other.fair &&
    run.parent === other.parent &&
    run.batch === other.batch &&
    run.waiting === other.waiting &&
    isSimple(run) &&
    isSimple(other)
  );
}

/** Nothing of its shape is an object. */
function isSimple({ due, tags, meta, gates, unique, after }: NewRun): boolean {
  return (
    due === undefined &&
    unique === undefined &&
    unlessEmpty(tags) === undefined &&
    unlessEmpty(meta) === undefined &&
    unlessEmpty(gates) === undefined &&
    unlessEmpty(after) === undefined
  );
}

export function shapeOf(run: Omit<NewRun, "id">): object {
  const { due } = run;
  return {
    job: run.job,
    version: run.version,
    queue: run.queue,
    priority: run.priority,
    due_at: due !== undefined && "at" in due ? due.at : undefined,
    due_after: due !== undefined && "after" in due ? due.after : undefined,
    waiting: run.waiting,
    start_within: run.startWithin,
    finish_within: run.finishWithin,
    tags: unlessEmpty(run.tags),
    meta: unlessEmpty(run.meta),
    release: run.release,
    gates: unlessEmpty(run.gates),
    fair: run.fair,
    parent: run.parent,
    unique: run.unique === undefined ? undefined : ruleOf(run.unique),
  };
}

/** The bits of a run's `durable` that say what it has to do with others; migration 0019 has them too. */
const flowBits = { followed: 16, comesAfter: 32, counted: 64 } as const;

/** Whether it waits for others to end. */
export function comesAfter({ after = [] }: Pick<NewRun, "after">): boolean {
  return after.length > 0;
}

/** What a run has to do with others, of which `needed` come after runs of the same call. */
function flowOf(run: NewRun, needed: ReadonlySet<string>): object {
  const flow =
    (needed.has(run.id) ? flowBits.followed : 0) |
    (comesAfter(run) ? flowBits.comesAfter : 0) |
    (run.batch === undefined ? 0 : flowBits.counted);
  if (flow === 0) return {};
  return { flow, batch: run.batch, waiting: run.waiting ?? (comesAfter(run) ? "dependency" : undefined) };
}

function unlessEmpty<T extends object>(value: T | undefined): T | undefined {
  return value === undefined || Object.keys(value).length === 0 ? undefined : value;
}

/** A settlement as the functions of the database take it. */
export function settlementItem(settlement: Settlement): object {
  const { restart } = settlement;
  if (restart === undefined) return settlement;
  const { input, version, times } = restart;
  return { ...settlement, restart: { input, version, entry: restartEntry(times) } };
}

/** What others may want to know of these, as far as it can be told before they are written. */
export function findingsOf(runs: readonly NewRun[], now: number): Findings {
  const found = new Findings();
  for (const { due, startWithin, finishWithin, unique } of runs) {
    if (unique?.onConflict.kind === "debounce") found.dueAt(now + unique.onConflict.delay);
    const runAt = due === undefined ? now : "at" in due ? due.at : now + due.after;
    if (runAt > now) found.dueAt(runAt);
    else found.claimable = true;
    if (startWithin !== undefined) found.dueAt(now + startWithin);
    if (finishWithin !== undefined) found.dueAt(now + finishWithin);
  }
  return found;
}

/** Runs that are recorded by something else than an insert come after no others, and are in no batch. */
export function refuseHanging(runs: readonly Omit<NewRun, "id">[]): void {
  const run = runs.find((one) => comesAfter(one) || one.batch !== undefined);
  if (run === undefined) return;
  throw new NotBuiltError(
    `A run of "${run.job}" asks to come after others, or for a batch, and is recorded by something else than an insert. ` +
      "Leave it out, or enqueue the run by itself.",
  );
}

/** A child outside of the call that it belongs to: its parent would not know of it. */
export function refuseChildren(runs: readonly Omit<NewRun, "id">[]): void {
  const child = runs.find(({ parent }) => parent !== undefined);
  if (child === undefined) return;
  throw new NotBuiltError(
    `A run of "${child.job}" asks for a parent. The postgres store records a child with the call of its parent only: ` +
      "start it with ctx.run, or leave the parent out.",
  );
}
