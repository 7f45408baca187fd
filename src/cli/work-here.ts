// A worker in this process: its jobs found, its store opened, its life lived.
//
// What it runs comes from the files, each exported job; without files from the configuration, which also says what
// only an application can know: an adapter, middleware, a log.
//
// Before this file comes `work`. After it comes `serve`.
import type { IsolateSource } from "../isolate/index.js";
import type { AnyJob } from "../job/index.js";
import type { Duration } from "../kernel/index.js";
import type { Schedule } from "../queue/index.js";
import { attend } from "../runner/child/index.js";
import { configOf, isConfigFile, jobsOf, schedulesOf } from "./collect.js";
import { JobFileError, UsageError } from "./errors.js";
import type { ExitCode } from "./exit.js";
import type { IsolatedFiles } from "./isolated.js";
import { configNames, type LoadedFile, loadFiles } from "./load.js";
import { serve } from "./serve.js";
import { type Cli, connect, type LoadedConfig, loadConfig, openSession } from "./session.js";
import { isInMemory, memoryNotShared, type Target } from "./target.js";
import type { Teller } from "./teller.js";

export interface Work {
  readonly cli: Cli;
  readonly teller: Teller;
  readonly files: readonly string[];
  readonly queues: Record<string, number> | undefined;
  readonly drain: Duration | undefined;
  readonly untilEmpty: boolean;
}

export async function workHere({ cli, teller, files, queues, drain, untilEmpty }: Work): Promise<ExitCode> {
  // First of all: while the application loads, a signal or the end of the runner may come.
  const attendant = attend();
  const { config, jobs, schedules, jobFiles } = await findJobs(cli, files);
  const session = await openSession(cli, {
    access: "create",
    configured: config,
    jobs,
    schedules,
    log: teller.log,
    isolates: (target) => isolateSource(cli, jobFiles, config, target),
  });
  try {
    if (attendant !== undefined && isInMemory(session.target.store)) throw memoryNotShared();
    await connect(session);
    return await serve({ session, teller, queues, drain, untilEmpty, jobs, attendant, env: cli.env });
  } finally {
    await session.duckdive.close();
  }
}

async function findJobs(
  cli: Cli,
  names: readonly string[],
): Promise<{
  config: LoadedConfig | undefined;
  jobs: readonly AnyJob[];
  schedules?: readonly Schedule[] | undefined;
  /** Those that export the jobs; none: the configuration has them. */
  jobFiles: readonly LoadedFile[];
}> {
  const files = await loadFiles(names, cli.folder);
  const configs = files.filter(isConfigFile);
  const [named, second] = configs;
  if (second !== undefined)
    throw new UsageError(`Two configurations were named: ${named?.file}, ${second.file}. Name one.`);
  const config = named === undefined ? await loadConfig(cli) : { ...named, config: configOf(named) };
  const others = files.filter((file) => !configs.includes(file));
  if (others.length > 0)
    return {
      config,
      jobs: [...jobsOf(others).values()],
      schedules: schedulesIn(others, config),
      jobFiles: others,
    };
  const jobs = config?.config.options.jobs ?? [];
  if (jobs.length > 0) return { config, jobs, jobFiles: [] };
  throw new JobFileError(
    config === undefined
      ? `There is nothing to work. Name files that export jobs (duckdive work jobs.ts), or write ${configNames[0]}.`
      : `${config.file} has no jobs. List them: config({ store, jobs: [welcome] }).`,
  );
}

/** Isolates load what this worker has loaded. */
function isolateSource(
  { folder }: Cli,
  files: readonly LoadedFile[],
  config: LoadedConfig | undefined,
  { store, options }: Target,
): IsolateSource {
  const source: IsolatedFiles = {
    folder,
    files: files.map(({ file }) => file),
    config: config?.file,
    store: typeof store === "string" ? store : undefined,
    options: { ...options },
  };
  return { loader: new URL("./isolated.js", import.meta.url).href, sourceOf: () => source };
}

/** Files that export none say nothing of schedules: another process may have them. */
function schedulesIn(
  files: readonly LoadedFile[],
  config: LoadedConfig | undefined,
): readonly Schedule[] | undefined {
  const own = schedulesOf(files);
  return own.length > 0 ? own : config?.config.options.schedules;
}
