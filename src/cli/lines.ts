// `enqueue --lines`: one input a line from standard input, recorded in batches of a thousand.
//
// A batch is recorded whole or not at all, so when a line is bad the answer can say exactly which lines are recorded
// and how to go on from there. Reading waits for writing, so an endless stream takes no memory.
//
// Before this file comes `enqueue`. After it comes the recorder.
import { createInterface } from "node:readline";
import { UsageError } from "./errors.js";
import { codeOf, type ExitCode, exits } from "./exit.js";
import { jsonInput } from "./parse.js";
import type { Recorder } from "./record.js";
import type { Cli } from "./session.js";
import { count, many } from "./words.js";

const batchSize = 1_000;

interface Line {
  readonly number: number;
  readonly input: unknown;
}

export async function recordLines(cli: Cli, job: string, recorder: Recorder): Promise<ExitCode> {
  const { stdin, output } = cli;
  if (stdin.isTTY === true)
    throw new UsageError(
      `--lines reads standard input. Pipe inputs in: cat inputs.jsonl | duckdive enqueue ${job} --lines`,
    );
  const start = performance.now();
  let batch: Line[] = [];
  let number = 0;
  let recordedLines = 0;
  let runs = 0;

  async function flush(): Promise<void> {
    if (batch.length === 0) return;
    const recorded = await recorder.record(batch.map(({ input }) => input)).catch(async (error: unknown) => {
      const refused = await firstRefused(recorder, batch);
      if (refused !== undefined) output.note(`Line ${count(refused)} is refused:`);
      throw error;
    });
    if (output.isJson) {
      recorded.forEach(({ id, created }, place) => {
        output.jsonLine({ line: batch[place]?.number, id, created });
      });
    }
    runs += recorded.length;
    recordedLines = batch.at(-1)?.number ?? recordedLines;
    batch = [];
    output.progress(
      `${count(runs)} recorded, ${count(Math.round((1_000 * runs) / (performance.now() - start)))} a second`,
    );
  }

  try {
    for await (const line of createInterface({ input: stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (line.trim() === "") continue;
      batch.push({
        number,
        input: jsonInput(line, `Line ${count(number)}`, "Each line has to be one JSON value."),
      });
      if (batch.length === batchSize) await flush();
    }
    await flush();
  } catch (error) {
    sayWhereItStopped(cli, error, runs, recordedLines);
    throw error;
  }
  output.progress("");
  if (!output.isJson) {
    output.line(
      `${many(runs, "run")} of ${job} recorded in ${((performance.now() - start) / 1_000).toFixed(1)} s.`,
    );
    if (!recorder.isChecked && runs > 0)
      output.note(output.colors.dim("They are to be checked by a worker that knows the job."));
  }
  return exits.fine;
}

/** Which line of a batch that was not recorded is the one at fault. */
async function firstRefused({ judge }: Recorder, batch: readonly Line[]): Promise<number | undefined> {
  for (const { number, input } of batch) {
    try {
      await judge(input);
    } catch {
      return number;
    }
  }
  return undefined;
}

function sayWhereItStopped({ output }: Cli, error: unknown, runs: number, lines: number): void {
  if (codeOf(error) === undefined) return;
  output.note(
    lines === 0
      ? "Nothing was recorded."
      : `${many(runs, "run")} of lines 1 to ${count(lines)} recorded, nothing of later lines. Go on with: tail -n +${lines + 1}`,
  );
}
