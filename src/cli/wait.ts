// `enqueue --wait`: waits for a run to end and prints what came of it.
//
// The output goes to standard output as JSON, so that a shell can use it; how it ended is the exit code. When nothing
// happens for a moment, why is said: most often no worker is running.
//
// Before this file comes `enqueue`. After it comes the run's outcome.
import type { AnyContract, Settled } from "../job/index.js";
import { systemClock } from "../kernel/index.js";
import { type ExitCode, exits } from "./exit.js";
import { time } from "./parse.js";
import type { Cli, Session } from "./session.js";
import { cleanLines } from "./text.js";

/** After this long without an end, say what it waits for. */
const patience = 2_000;

export async function waitFor(
  cli: Cli,
  { duckdive }: Session,
  contract: AnyContract,
  id: string,
  timeout: string | undefined,
): Promise<ExitCode> {
  const { output } = cli;
  if (!output.isJson) output.note(output.colors.dim(`run ${id}`));
  const explain = systemClock.after(patience, () => {
    if (output.isJson) return;
    duckdive.explain(id).then(
      ([first]) => output.note(output.colors.dim(first ?? "")),
      () => {},
    );
  });
  try {
    const limit = timeout === undefined ? {} : { timeout: time(timeout, "--timeout") };
    const outcome = await duckdive.run(contract, id).outcome(limit);
    print(cli, id, await shownOutcome(duckdive, id, outcome));
    return outcome.state === "succeeded" ? exits.fine : exits.failed;
  } finally {
    explain.cancel();
  }
}

/** As people may see it. */
async function shownOutcome(
  duckdive: Session["duckdive"],
  id: string,
  outcome: Settled<unknown>,
): Promise<Settled<unknown>> {
  if (outcome.state === "cancelled") return outcome;
  const run = await duckdive.get(id);
  if (outcome.state === "succeeded") return run === undefined ? outcome : { ...outcome, output: run.output };
  return { ...outcome, error: run?.error ?? outcome.error };
}

function print({ output }: Cli, id: string, outcome: Settled<unknown>): void {
  if (output.isJson) {
    output.json({ id, ...outcome });
    return;
  }
  const { red } = output.colors;
  switch (outcome.state) {
    case "succeeded":
      if (outcome.output !== undefined) output.json(outcome.output);
      break;
    case "failed":
      for (const line of cleanLines(`${red("failed:")} ${outcome.error.name}: ${outcome.error.message}`))
        output.note(line);
      output.note(`See: duckdive show ${id}`);
      break;
    case "cancelled":
      output.note(`cancelled: ${outcome.reason}`);
      break;
  }
}
