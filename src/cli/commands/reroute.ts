// `duckdive reroute`: the runs of a job in another queue, from now on and without a deploy; and which jobs are.
import type { Command } from "commander";
import { interruptible } from "../bulk.js";
import { UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import { requireJob } from "../known.js";
import type { Perform } from "../perform.js";
import { type Cli, withSession } from "../session.js";
import { many } from "../words.js";

interface RerouteOptions {
  readonly back?: boolean;
  readonly leaveWaiting?: boolean;
}

export function defineReroute(command: Command, perform: Perform): void {
  command
    .argument("[job]", "the job, by name; without it: which jobs are rerouted")
    .argument("[queue]", "the queue that its runs go to")
    .option("--back", "to the queue of its definition again")
    .option("--leave-waiting", "leave the runs that wait where they are")
    .action((job: string | undefined, queue: string | undefined, options: RerouteOptions) =>
      perform((cli) => (job === undefined ? list(cli, options) : reroute(cli, job, queue, options))),
    );
}

async function reroute(
  cli: Cli,
  job: string,
  queue: string | undefined,
  { back, leaveWaiting }: RerouteOptions,
): Promise<ExitCode> {
  if (queue !== undefined && back === true)
    throw new UsageError("A queue and --back were both given. Use one: --back is the definition's queue.");
  if (queue === undefined && back !== true)
    throw new UsageError(`Where to? Use duckdive reroute ${job} QUEUE, or duckdive reroute ${job} --back.`);
  return withSession(cli, { access: "existing" }, async ({ duckdive, store }) => {
    const { output } = cli;
    const routes = await duckdive.reroutes();
    if (!Object.hasOwn(routes, job)) await requireJob(cli, store, job);
    const waiting = leaveWaiting !== true;
    const resting = { job, state: ["scheduled", "ready", "waiting"] } as const;
    const count = waiting ? await duckdive.count(resting) : 0;
    const told = { verb: "reroute", done: "moved" };
    const moved = await interruptible(cli, told, { count, from: undefined }, ({ signal, onProgress }) =>
      duckdive.reroute(job, queue, {
        waiting,
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onProgress }),
      }),
    );
    if (moved === undefined) return exits.failed;
    if (output.isJson) output.json({ job, queue: queue ?? null, moved });
    else {
      const where = queue === undefined ? "of its definition" : `${queue}, whatever its definition says`;
      output.line(`Runs of ${job} go to the queue ${where}. ${many(moved, "run")} that waited moved.`);
      if (queue !== undefined) output.line(`Undo: duckdive reroute ${job} --back`);
    }
    return exits.fine;
  });
}

async function list(cli: Cli, options: RerouteOptions): Promise<ExitCode> {
  if (options.back === true || options.leaveWaiting === true)
    throw new UsageError("Which job? Use duckdive reroute JOB QUEUE, or duckdive reroute JOB --back.");
  return withSession(cli, { access: "existing" }, async ({ duckdive }) => {
    const { output } = cli;
    const routes = Object.entries(await duckdive.reroutes()).map(([job, queue]) => ({ job, queue }));
    if (output.isJson) output.json(routes);
    else if (routes.length === 0) output.line("No job is rerouted.");
    else
      output.table(
        [
          { header: "job", cell: ({ job }) => job, least: 10 },
          { header: "queue", cell: ({ queue }) => queue },
        ],
        routes,
      );
    return exits.fine;
  });
}
