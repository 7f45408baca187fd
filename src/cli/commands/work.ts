// `duckdive work [FILE…]`: a worker in a process of its own.
//
// What it runs comes from the files, each exported job; without files from the configuration, which also says what
// only an application can know: an adapter, middleware, a log. What happens in between is told a line an event.
import type { Command } from "commander";
import type { AnyJob } from "../../job/index.js";
import { didYouMean } from "../../kernel/index.js";
import { configOf, isConfigFile, jobsOf } from "../collect.js";
import { JobFileError, UsageError } from "../errors.js";
import type { ExitCode } from "../exit.js";
import { configNames, loadFiles } from "../load.js";
import { gather, slots, time } from "../parse.js";
import type { Perform } from "../perform.js";
import { serve } from "../serve.js";
import { type Cli, connect, type LoadedConfig, loadConfig, openSession } from "../session.js";
import { createTeller, formats, type Teller } from "../teller.js";

interface WorkCommandOptions {
  readonly queues?: string[];
  readonly concurrency?: string;
  readonly drain?: string;
  readonly log?: string;
  readonly untilEmpty?: boolean;
}

export function defineWork(command: Command, perform: Perform): void {
  command
    .argument("[file...]", "files that export jobs, TypeScript or JavaScript; else the configuration")
    .option(
      "--queues <slots>",
      'how many at once, by queue: "mail=20,*=5" (else the configuration, else *=10)',
      gather,
    )
    .option("--concurrency <n>", 'how many at once of all other queues: the same as --queues "*=N"')
    .option("--drain <duration>", "how long a stop waits for what runs, 25s unless given")
    .option("--log <format>", `${formats.join(", ")}; pretty unless given`)
    .option("--until-empty", "stop when nothing is left that could run now")
    .action((files: string[], options: WorkCommandOptions) => perform((cli) => work(cli, files, options)));
}

async function work(cli: Cli, files: readonly string[], options: WorkCommandOptions): Promise<ExitCode> {
  const teller = createTeller(cli, formatOf(cli, options.log));
  const queues = slots(options.queues, options.concurrency);
  const drain = options.drain === undefined ? undefined : time(options.drain, "--drain");
  const { config, jobs } = await findJobs(cli, files);
  const session = await openSession(cli, { access: "create", configured: config, jobs, log: teller.log });
  try {
    await connect(session);
    return await serve({ session, teller, queues, drain, untilEmpty: options.untilEmpty === true, jobs });
  } finally {
    await session.duckdive.close();
  }
}

function formatOf({ globals }: Cli, given: string | undefined): Teller["format"] {
  const wanted = given ?? (globals.json === true ? "json" : "pretty");
  const format = formats.find((one) => one === wanted);
  if (format !== undefined) return format;
  throw new UsageError(
    `--log is "${wanted}".${didYouMean(wanted, formats)} It is one of ${formats.join(", ")}.`,
  );
}

async function findJobs(
  cli: Cli,
  names: readonly string[],
): Promise<{ config: LoadedConfig | undefined; jobs: readonly AnyJob[] }> {
  const files = await loadFiles(names, cli.folder);
  const configs = files.filter(isConfigFile);
  const [named, second] = configs;
  if (second !== undefined)
    throw new UsageError(`Two configurations were named: ${named?.file}, ${second.file}. Name one.`);
  const config = named === undefined ? await loadConfig(cli) : { file: named.file, config: configOf(named) };
  const others = files.filter((file) => !configs.includes(file));
  if (others.length > 0) return { config, jobs: [...jobsOf(others).values()] };
  const jobs = config?.config.options.jobs ?? [];
  if (jobs.length > 0) return { config, jobs };
  throw new JobFileError(
    config === undefined
      ? `There is nothing to work. Name files that export jobs (duckdive work jobs.ts), or write ${configNames[0]}.`
      : `${config.file} has no jobs. List them: config({ store, jobs: [welcome] }).`,
  );
}
