// `duckdive work [FILE…]`: workers, in processes that are looked after, or one in this process.
//
// What is asked for is read here and refused here when it is wrong. Then one of two things is loaded and never both: the
// runner, which loads nothing of the application and starts this same command again in each of its processes; or the
// worker, with the application's jobs.
import type { Command } from "commander";
import { defaults } from "../../job/index.js";
import { type Bytes, bytes, didYouMean } from "../../kernel/index.js";
import { attendedBy } from "../../runner/index.js";
import { UsageError } from "../errors.js";
import { gather, integer, slots, time } from "../parse.js";
import type { Perform } from "../perform.js";
import type { Cli } from "../session.js";
import type { Supervision } from "../supervise.js";
import { isInMemory, memoryNotShared } from "../target.js";
import { createTeller, formats, type Teller } from "../teller.js";

interface WorkCommandOptions {
  readonly queues?: string[];
  readonly concurrency?: string;
  readonly drain?: string;
  readonly log?: string;
  readonly untilEmpty?: boolean;
  readonly processes?: string;
  readonly maxAge?: string;
  readonly maxRuns?: string;
  readonly maxMemory?: string;
  readonly maxBlock?: string;
  readonly watch?: boolean;
  readonly healthPort?: string;
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
    .option("--max-memory <size>", "replace a process that has grown over this: 512mb")
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

/** Without a word about processes, a database in memory is worked in the only process that has it. */
function supervisionOf(options: WorkCommandOptions, isMemory: boolean): Supervision {
  const { untilEmpty, processes, maxAge, maxRuns, maxMemory, maxBlock, watch, healthPort } = options;
  const number = processes === undefined ? undefined : integer(processes, "--processes", 0);
  const chosen = number ?? (untilEmpty === true || isMemory ? 0 : undefined);
  if (isMemory && chosen !== 0) throw memoryNotShared();
  const needed = { "max-age": maxAge, "max-runs": maxRuns, "max-memory": maxMemory, "max-block": maxBlock };
  const given = Object.entries({ ...needed, watch, "health-port": healthPort }).find(
    ([, value]) => value !== undefined,
  );
  if (chosen === 0 && given !== undefined) {
    throw new UsageError(
      `--${given[0]} is for processes that are looked after, and there are none with ` +
        `${withoutProcesses(number, isMemory)}`,
    );
  }
  return {
    processes: chosen,
    maxAge: maxAge === undefined ? undefined : time(maxAge, "--max-age"),
    maxRuns: maxRuns === undefined ? undefined : integer(maxRuns, "--max-runs", 1),
    maxMemory: maxMemory === undefined ? undefined : bytes(maxMemory as Bytes, "--max-memory"),
    maxBlock: maxBlock === undefined ? undefined : time(maxBlock, "--max-block"),
    isWatching: watch === true,
    health: healthPort === undefined ? undefined : healthOf(healthPort),
  };
}

function withoutProcesses(number: number | undefined, isMemory: boolean): string {
  if (isMemory) return "a database in memory. Use one in a file: --store sqlite:./duckdive.db.";
  return `${number === 0 ? "--processes 0" : "--until-empty alone"}. Say how many: --processes 1.`;
}

/** `8080`, `0.0.0.0:8080` or `[::]:8080`. */
function healthOf(address: string): { port: number; host?: string } {
  const [, bracketed, plain, port = ""] = /^(?:\[(.+)\]:|([^:]+):)?(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (port !== "" && Number(port) <= 65_535)
    return { port: Number(port), ...(host === undefined ? {} : { host }) };
  throw new UsageError(
    `--health-port is "${address}". Use a port, or a host and a port: 8080, 0.0.0.0:8080.`,
  );
}

function formatOf({ globals }: Cli, given: string | undefined): Teller["format"] {
  const wanted = given ?? (globals.json === true ? "json" : "pretty");
  const format = formats.find((one) => one === wanted);
  if (format !== undefined) return format;
  throw new UsageError(
    `--log is "${wanted}".${didYouMean(wanted, formats)} It is one of ${formats.join(", ")}.`,
  );
}
