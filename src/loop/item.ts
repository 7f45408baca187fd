// What a handler of many runs is given for each of them, and what it gave back for each.
//
// Before this file comes the `ctx` of a run, of which an item has those parts that make sense for one of many. After it
// comes the call.
import { type BatchItem, isOutcome } from "../job/index.js";
import { DuckdiveError } from "../kernel/index.js";
import type { Ended } from "../run/index.js";
import type { RunContext } from "./context.js";
import { endOfOutcome, endOfOutput } from "./ending.js";
import type { KnownJob } from "./environment.js";

/** A handler of many runs returned what does not say what becomes of which run. */
export class BatchResultError extends DuckdiveError {
  static readonly code = "BATCH_RESULT";
  readonly code: string = BatchResultError.code;
}

export function itemOf({ ctx }: Pick<RunContext, "ctx">, input: unknown): BatchItem<unknown> {
  const { runId, attempt, token, meta } = ctx;
  return {
    runId,
    attempt,
    token,
    meta,
    input,
    // Made when they are reached for, as in the context itself.
    get log() {
      return ctx.log;
    },
    get progress() {
      return ctx.progress;
    },
    get fail() {
      return ctx.fail;
    },
    get cancel() {
      return ctx.cancel;
    },
    get snooze() {
      return ctx.snooze;
    },
    get rateLimited() {
      return ctx.rateLimited;
    },
  };
}

/**
 * What a handler gave back, for each of so many items in their order. Where it said nothing, a run has succeeded.
 *
 * @throws BatchResultError
 */
export function resultsOf(returned: unknown, items: number, job: string): readonly unknown[] {
  if (returned === undefined) return [];
  const remedy =
    "Return nothing when all have succeeded, or a list of what becomes of each, in the order of the items.";
  if (!Array.isArray(returned)) {
    const what = isOutcome(returned) ? `one ${returned.kind}(…)` : `a value of type ${typeof returned}`;
    throw new BatchResultError(
      `Job "${job}" was given ${items} runs at once and returned ${what}. ${remedy}`,
    );
  }
  if (returned.length > items) {
    throw new BatchResultError(
      `Job "${job}" was given ${items} runs at once and returned a list of ${returned.length}. ${remedy}`,
    );
  }
  return returned;
}

/** What became of one run, from what was given back for it. Throws what makes its attempt fail. */
export async function endOfResult(
  result: unknown,
  known: KnownJob,
  context: Pick<RunContext, "checkOutcomes">,
): Promise<Ended> {
  context.checkOutcomes(result);
  if (!isOutcome(result)) return endOfOutput(result, known);
  if (result.kind === "restart") {
    throw new BatchResultError(
      `Job "${known.job.name}" gave back ctx.restart(…) for one of many runs, which have nothing on record to begin without. ` +
        "Enqueue a run with the other input.",
    );
  }
  if (result.kind !== "succeed") return endOfOutcome(result, known);
  throw new BatchResultError(
    `Job "${known.job.name}" gave back ctx.succeed(…) for one of many runs, which share no transaction with it. Write in a transaction of your own in the handler, or handle one run at a time.`,
  );
}
