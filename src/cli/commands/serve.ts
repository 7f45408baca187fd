// `duckdive serve [FILE…]`: the HTTP API, the dashboard, and workers, in one tree that is looked after.
//
// The web part has a process of its own beside those of the workers, so no job can take it down, and nothing of the
// application is loaded by whoever looks after both. With `--processes 0` there are no workers, and this process serves.
//
// It listens to this machine only unless told otherwise, and then it needs a token: without one, whoever reaches it could
// do everything.
import type { Command } from "commander";
import { defaults } from "../../job/index.js";
import { attendedBy } from "../../runner/index.js";
import { isLoopbackAddress } from "../../web/index.js";
import { UsageError } from "../errors.js";
import { gather, integer, slots, time } from "../parse.js";
import type { Perform } from "../perform.js";
import { servedPart, type Where } from "../serving.js";
import type { Cli } from "../session.js";
import { formatOf, supervisionOf } from "../supervision.js";
import { isInMemory } from "../target.js";
import { createTeller, formats } from "../teller.js";

interface ServeCommandOptions {
  readonly port?: string;
  readonly host?: string;
  readonly token?: string;
  readonly readToken?: string;
  readonly queues?: string[];
  readonly concurrency?: string;
  readonly drain?: string;
  readonly log?: string;
  readonly processes?: string;
  readonly watch?: boolean;
}

const usualPort = 3535;

export function defineServe(command: Command, perform: Perform): void {
  command
    .argument("[file...]", "files that export jobs, TypeScript or JavaScript; else the configuration")
    .option("--port <n>", `where it listens, ${usualPort} unless given; 0: any that is free`)
    .option(
      "--host <address>",
      "the address it listens on, 127.0.0.1 unless given; another one needs a token",
    )
    .option("--token <token>", "whoever sends it may do everything (else the variable DUCKDIVE_TOKEN)")
    .option("--read-token <token>", "whoever sends it may look (else the variable DUCKDIVE_READ_TOKEN)")
    .option(
      "--queues <slots>",
      'how many at once, by queue, in each worker: "mail=20,*=5" (else the configuration, else *=10)',
      gather,
    )
    .option("--concurrency <n>", 'how many at once of all other queues: the same as --queues "*=N"')
    .option("--drain <duration>", "how long a stop waits for what runs, 25s unless given")
    .option("--log <format>", `${formats.join(", ")}; pretty unless given`)
    .option(
      "--processes <n>",
      "how many worker processes are kept alive beside it, one for each core unless given; 0: none",
    )
    .option("--watch", "replace the processes when a file of this folder changes, for development")
    .action((files: string[], options: ServeCommandOptions) => perform((cli) => serve(cli, files, options)));
}

async function serve(cli: Cli, files: readonly string[], options: ServeCommandOptions): Promise<number> {
  const teller = createTeller(cli, formatOf(cli, options.log));
  const where = whereOf(cli, options);
  const queues = slots(options.queues, options.concurrency);
  const drain = options.drain === undefined ? undefined : time(options.drain, "--drain");
  const isMemory = isInMemory(cli.globals.store ?? cli.env.DUCKDIVE_STORE);
  const { processes, watch } = options;
  const supervision = supervisionOf(
    { ...(processes === undefined ? {} : { processes }), ...(watch === undefined ? {} : { watch }) },
    isMemory,
  );
  const part = process.env[attendedBy] === undefined ? undefined : process.env[servedPart];
  if (part === "jobs") {
    const { workHere } = await import("../work-here.js");
    return workHere({ cli, teller, files, queues, drain, untilEmpty: false });
  }
  if (part === "web" || supervision.processes === 0) {
    const { serveHere } = await import("../serve-here.js");
    return serveHere({ cli, teller, files, where });
  }
  const { superviseServing } = await import("../serving.js");
  return superviseServing({ ...supervision, cli, teller, where, drain: drain ?? defaults.drain });
}

/** @throws UsageError when others could reach it and nothing is asked of them */
function whereOf({ env }: Cli, options: ServeCommandOptions): Where {
  const { host = "127.0.0.1" } = options;
  const token = options.token ?? given(env.DUCKDIVE_TOKEN);
  const readToken = options.readToken ?? given(env.DUCKDIVE_READ_TOKEN);
  const port = options.port === undefined ? usualPort : integer(options.port, "--port", 0);
  if (port > 65_535) throw new UsageError(`--port is ${port}. Use one from 0 to 65535.`);
  if (token === undefined && readToken === undefined && !isLoopbackAddress(host)) {
    throw new UsageError(
      `--host ${host} can be reached from other machines, and whoever reaches it could do everything. Set a token: ` +
        "DUCKDIVE_TOKEN=$(openssl rand -hex 32) duckdive serve …; or leave --host out.",
    );
  }
  return { host, port, token, readToken };
}

function given(variable: string | undefined): string | undefined {
  return variable === "" ? undefined : variable;
}
