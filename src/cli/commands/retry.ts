// `duckdive retry`: failed and cancelled runs again, with all attempts; one of them from a step on, if that is wanted.
import type { Command } from "commander";
import { NotRetryableError, type Step, UnknownStepError } from "../../queue/index.js";
import { type Action, type ActOptions, act, addActOptions } from "../act.js";
import { type ExitCode, exits } from "../exit.js";
import { filterFrom, isEmpty } from "../filter.js";
import { findId } from "../find.js";
import type { Perform } from "../perform.js";
import { type Cli, type Session, withSession } from "../session.js";
import { many } from "../words.js";

const action: Action = {
  verb: "retry",
  done: "retried",
  states: ["failed", "cancelled"],
  apply: (duckdive, target, _, bulk) => duckdive.retry(target, bulk),
};

export function defineRetry(command: Command, perform: Perform): void {
  addActOptions(command, {
    flag: "--from <step>",
    also: "of one run: forget what it has on record from this step on; of many: ",
  }).action((ids: string[], options: ActOptions) =>
    perform((cli) => {
      const [id, other] = ids;
      const { from, all } = options;
      const isOne =
        id !== undefined && other === undefined && all !== true && isEmpty(filterFrom(options)(0));
      return isOne && from !== undefined
        ? retryFrom(cli, id, from, options.dryRun === true)
        : act(cli, action, ids, options);
    }),
  );
}

/** A single run is done in one chunk, so that there is no cursor in it. */
async function retryFrom(cli: Cli, given: string, from: string, isDry: boolean): Promise<ExitCode> {
  const { output } = cli;
  return withSession(cli, { access: "existing" }, async ({ duckdive, store }) => {
    const id = await findId(store, given);
    const forgotten = forgottenIn(id, await duckdive.steps(id), from);
    if (isDry) {
      await refuseOthers(duckdive, id);
      if (output.isJson) output.json({ action: "retry", count: 1, id, from, forgotten, dryRun: true });
      else
        output.line(
          `Would retry ${id}, and forget ${many(forgotten.length, "step")}: ${forgotten.join(", ")}`,
        );
      return exits.fine;
    }
    const count = await duckdive.retry(id, { from });
    if (output.isJson) output.json({ action: "retry", count, id, from, forgotten });
    else if (count > 0)
      output.line(`1 run retried from "${from}" on, ${many(forgotten.length, "step")} forgotten.`);
    else output.note(`${id} goes on already: somebody else has retried it.`);
    return count > 0 ? exits.fine : exits.failed;
  });
}

/** What settled from the step on, and what is pending. @throws UnknownStepError */
function forgottenIn(runId: string, steps: readonly Step[], from: string): string[] {
  const first = steps.find(({ name }) => name === from);
  if (first === undefined)
    throw new UnknownStepError({ runId, step: from, known: steps.map(({ name }) => name) });
  const start = first.position ?? Number.POSITIVE_INFINITY;
  return steps.filter(({ position = Number.POSITIVE_INFINITY }) => position >= start).map(({ name }) => name);
}

async function refuseOthers(duckdive: Session["duckdive"], runId: string): Promise<void> {
  const state = (await duckdive.get(runId))?.state ?? "gone";
  if (!action.states.some((one) => one === state)) throw new NotRetryableError({ runId, state });
}
