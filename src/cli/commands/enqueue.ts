// `duckdive enqueue JOB [JSON|-]`: records a run, or with `--lines` one for each line of standard input.
//
// Where the job's definition is at hand (`--jobs FILE`, or the configuration) its input is checked now, and queue and
// policy are the job's own. Where it is not, the run is recorded waiting, and a worker that knows the job checks it
// first: nothing unchecked is ever executed. The id goes to standard output, what is to be said of it to standard error.
import type { Command } from "commander";
import type { AnyContract } from "../../job/index.js";
import { didYouMean } from "../../kernel/index.js";
import { contractsOf } from "../collect.js";
import { UnknownJobError, UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import { recordLines } from "../lines.js";
import { loadFiles } from "../load.js";
import { gather, jsonInput, requestOptions } from "../parse.js";
import type { Perform } from "../perform.js";
import { checkedRecorder, type Recorder, uncheckedRecorder } from "../record.js";
import { type Cli, type LoadedConfig, loadConfig, type Session, withSession } from "../session.js";
import { waitFor } from "../wait.js";

interface EnqueueCommandOptions {
  readonly lines?: boolean;
  readonly delay?: string;
  readonly runAt?: string;
  readonly priority?: string;
  readonly tag?: string[];
  readonly meta?: string[];
  readonly id?: string;
  readonly queue?: string;
  readonly jobs?: string[];
  readonly wait?: boolean;
  readonly timeout?: string;
}

export function defineEnqueue(command: Command, perform: Perform): void {
  command
    .argument("<job>", "the job, by name")
    .argument("[json]", "the input; - reads it from standard input")
    .option("--lines", "standard input has one input a line: record a run for each")
    .option("--delay <duration>", "start it after that long, such as 10m")
    .option("--run-at <date>", "start it at that time")
    .option("--priority <n>", "from -10 to 10, bigger is sooner")
    .option("--tag <tag>", "for finding it; may be given several times", gather)
    .option("--meta <name=value>", "travels with it; may be given several times", gather)
    .option("--id <uuid>", "an id of your own: asking twice with one id is asking once")
    .option("--queue <name>", "where it waits, only when the job's definition is not at hand")
    .option(
      "--jobs <file>",
      "check the input by the definition in this file; may be given several times",
      gather,
    )
    .option("--wait", "wait for the result and print it; the exit code says how it ended")
    .option("--timeout <duration>", "wait no longer than that")
    .action((job: string, json: string | undefined, options: EnqueueCommandOptions) =>
      perform((cli) => enqueue(cli, job, json, options)),
    );
}

async function enqueue(
  cli: Cli,
  job: string,
  json: string | undefined,
  options: EnqueueCommandOptions,
): Promise<ExitCode> {
  checkOptionsTogether(json, options);
  const request = requestOptions(options);
  const config = await loadConfig(cli);
  const contract = await findContract(cli, job, options, config);
  if (contract !== undefined && options.queue !== undefined)
    throw new UsageError(`Job "${job}" has its own queue, and its definition is at hand. Leave --queue out.`);
  return withSession(cli, { access: "create", configured: config }, async (session) => {
    const recorder =
      contract === undefined
        ? await uncheckedRecorder(cli, session, { job, queue: options.queue, request })
        : checkedRecorder(session, { contract, request });
    if (options.lines === true) return recordLines(cli, job, recorder);
    const input = await readInput(cli, job, json);
    return recordOne(cli, session, recorder, input, options);
  });
}

function checkOptionsTogether(
  json: string | undefined,
  { lines, id, wait, timeout }: EnqueueCommandOptions,
): void {
  if (lines === true && json !== undefined && json !== "-")
    throw new UsageError("--lines reads inputs from standard input. Leave the JSON argument out.");
  if (lines === true && id !== undefined)
    throw new UsageError("--lines records many runs, and --id is one. Leave one out.");
  if (lines === true && wait === true)
    throw new UsageError("--lines records many runs; --wait is for one. Watch them: duckdive runs --watch");
  if (timeout !== undefined && wait !== true)
    throw new UsageError("--timeout says how long to --wait. Give both, or neither.");
}

/** The definition that the input is checked by; undefined: there is none at hand. */
async function findContract(
  { folder }: Cli,
  job: string,
  { jobs }: EnqueueCommandOptions,
  config: LoadedConfig | undefined,
): Promise<AnyContract | undefined> {
  if (jobs === undefined && config === undefined) return undefined;
  const known =
    jobs === undefined
      ? new Map<string, AnyContract>((config?.config.options.jobs ?? []).map((one) => [one.name, one]))
      : contractsOf(await loadFiles(jobs, folder));
  const contract = known.get(job);
  if (contract !== undefined) return contract;
  const names = [...known.keys()];
  const where = jobs === undefined ? config?.file : jobs.join(", ");
  throw new UnknownJobError(
    `No job in ${where} is called "${job}".${didYouMean(job, names)} Known: ${names.join(", ") || "none"}.`,
  );
}

async function readInput({ stdin }: Cli, job: string, json: string | undefined): Promise<unknown> {
  if (json === undefined) return undefined;
  if (json !== "-") {
    return jsonInput(
      json,
      `The input of job "${job}"`,
      `Quote it for the shell: duckdive enqueue ${job} '{"userId": 7}'.`,
    );
  }
  let text = "";
  stdin.setEncoding("utf8");
  for await (const part of stdin) text += String(part);
  return jsonInput(text, "Standard input", "Give one JSON value; for one on each line use --lines.");
}

async function recordOne(
  cli: Cli,
  session: Session,
  recorder: Recorder,
  input: unknown,
  { wait, timeout }: EnqueueCommandOptions,
): Promise<ExitCode> {
  const { output } = cli;
  const [recorded] = await recorder.record([input]);
  if (recorded === undefined) return exits.failed;
  const { id, created } = recorded;
  if (!created) output.note("It had been recorded before: this is that run.");
  if (wait === true) return waitFor(cli, session, recorder.contract, id, timeout);
  if (output.isJson) output.json({ id, created, job: recorder.contract.name, checked: recorder.isChecked });
  else {
    output.line(id);
    if (!recorder.isChecked)
      output.note(output.colors.dim("Recorded, to be checked by a worker that knows the job."));
  }
  return exits.fine;
}
