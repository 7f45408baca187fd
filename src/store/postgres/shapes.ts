// Runs as the statements that record them take them: lists of what differs, and shapes of what most have in common.
import { NotBuiltError } from "../../kernel/index.js";
import type { NewRun } from "../contract.js";
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
  const numbers = runs.map((run) => {
    const shape = jsonText(shapeOf(run));
    const number = shapes.get(shape) ?? shapes.size + 1;
    shapes.set(shape, number);
    return number;
  });
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
    unique: run.unique === undefined ? undefined : ruleOf(run.unique),
  };
}

function unlessEmpty<T extends object>(value: T | undefined): T | undefined {
  return value === undefined || Object.keys(value).length === 0 ? undefined : value;
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

/** What the contract names and this version does not do is refused, before anything is written. */
export function refuseUnbuilt(runs: readonly Omit<NewRun, "id">[]): void {
  for (const run of runs) {
    const unbuilt = unbuiltPart(run);
    if (unbuilt === undefined) continue;
    throw new NotBuiltError(
      `A run of "${run.job}" asks for ${unbuilt}, which this version of the postgres store cannot do yet. ` +
        "Leave it out, or use a newer version.",
    );
  }
}

function unbuiltPart(run: Omit<NewRun, "id">): string | undefined {
  if (run.parent !== undefined) return "a parent";
  if (run.batch !== undefined) return "a batch";
  if (run.after !== undefined && run.after.length > 0) return "other runs to end first (`after`)";
  return undefined;
}
