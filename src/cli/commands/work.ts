// `duckdive work [FILE…]`: workers, in processes that are looked after, or one in this process.
//
// What is asked for is read here and refused here when it is wrong. Then one of two things is loaded and never both: the
// runner, which loads nothing of the application and starts this same command again in each of its processes; or the
// worker, with the application's jobs.
import type { Command } from "commander";
import { defaults } from "../../job/index.js";
import { attendedBy } from "../../runner/index.js";
import { gather, slots, time } from "../parse.js";
import type { Perform } from "../perform.js";
import type { Cli } from "../session.js";
import { formatOf, type SupervisionOptions, supervisionOf } from "../supervision.js";
import { isInMemory } from "../target.js";
import { createTeller, formats } from "../teller.js";

interface WorkCommandOptions extends SupervisionOptions {
  readonly queues?: string[];
  readonly concurrency?: string;
  readonly drain?: string;
  readonly log?: string;
}

export function defineWork(command: Command, perform: Perform): void {
  command
    .argument("[file...]", "files that export jobs, TypeScript or JavaScript; else the configuration")
    .option(
      "--queues <slots>",
      'how many at once, by queue, in each process: "mail=20,*=5" (else the configuration, else *=10)',
      gather,
    )
    .option("--concurrency <n>", 'how many at once of all other queues: the same as --queues "*=N"')
    .option("--drain <duration>", "how long a stop waits for what runs, 25s unless given")
    .option("--log <format>", `${formats.join(", ")}; pretty unless given`)
    .option("--until-empty", "stop when nothing is left that could run now")
    .option(
      "--processes <n>",
      "how many worker processes are kept alive, one for each core unless given; 0: work in this process, with nobody to look after it",
    )
    .option("--max-age <duration>", "replace a process that is as old as this")
    .option("--max-runs <n>", "replace a process that has executed as many runs")
    .option(
      "--max-memory <size>",
      "replace a process that has grown over this: 512mb (else its share of the container's limit; 0: never)",
    )
    .option(
      "--max-block <duration>",
      "kill a process whose event loop stands still for longer, 10s unless given",
    )
    .option("--watch", "replace the processes when a file of this folder changes, for development")
    .option(
      "--health-port <address>",
      "answer whether it is well at this port, or HOST:PORT; of this machine only unless a host is given",
    )
    .action((files: string[], options: WorkCommandOptions) => perform((cli) => work(cli, files, options)));
}

async function work(cli: Cli, files: readonly string[], options: WorkCommandOptions): Promise<number> {
  const teller = createTeller(cli, formatOf(cli, options.log));
  const queues = slots(options.queues, options.concurrency);
  const drain = options.drain === undefined ? undefined : time(options.drain, "--drain");
  const supervision = supervisionOf(options, isInMemory(cli.globals.store ?? cli.env.DUCKDIVE_STORE));
  if (process.env[attendedBy] === undefined && supervision.processes !== 0) {
    const { supervise } = await import("../supervise.js");
    return supervise({ ...supervision, cli, teller, drain: drain ?? defaults.drain });
  }
  const { workHere } = await import("../work-here.js");
  return workHere({ cli, teller, files, queues, drain, untilEmpty: options.untilEmpty === true });
}
