// What a command works with: its output, and a client on the store that is meant.
//
// Nothing is loaded before it is needed: `--version` and `--help` never come here, and what runs jobs is loaded by the
// first command that opens a store. A command that only looks never makes a database and never migrates one, so that
// looking at a system with a newer tool does not change it under the workers.
//
// Before this file comes `main`. After it come the commands.
import type { IsolateSource } from "../isolate/index.js";
import type { Log } from "../job/index.js";
import type { Config } from "../open.js";
import type { OpenOptions } from "../queue/index.js";
import type { Store } from "../store/contract.js";
import type { LoadedFile } from "./load.js";
import type { Output } from "./output.js";
import {
  type ConfiguredStore,
  chooseStore,
  requireStore,
  shownStore,
  type Target,
  type ValueOptions,
} from "./target.js";

/** What is given to every command. */
export interface Globals {
  readonly store?: string;
  readonly schema?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

export interface Cli {
  readonly output: Output;
  readonly globals: Globals;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadStream;
}

/** The configuration file, loaded. */
export interface LoadedConfig extends LoadedFile {
  readonly config: Config;
}

type Assembly = ReturnType<typeof import("../open.js").assemble<unknown, boolean>>;

export interface Session extends Assembly {
  readonly target: Target;
  /** Slots by queue, when the configuration says. */
  readonly queues: Record<string, number> | undefined;
}

/** How a command treats the store. */
type Access =
  /** Looks at, or acts on, what is there. */
  | "existing"
  /** Makes the database when it is not there, and brings it up to date. */
  | "create"
  /** Makes it, and leaves the tables alone. */
  | "bare";

export interface SessionOptions {
  readonly access: Access;
  /** The configuration, when the command has loaded it already. */
  readonly configured?: LoadedConfig | undefined;
  readonly jobs?: OpenOptions["jobs"];
  /** Else those of the configuration. */
  readonly schedules?: OpenOptions["schedules"] | undefined;
  readonly log?: Log;
  /** Where isolated jobs are found, on the store that is meant. */
  readonly isolates?: ((target: Target) => IsolateSource) | undefined;
}

/** The configuration that is meant: the one that was named, else that of the working directory. */
export async function loadConfig({ globals, folder }: Cli): Promise<LoadedConfig | undefined> {
  const { findConfig, loadFiles } = await import("./load.js");
  const file = globals.config ?? findConfig(folder);
  if (file === undefined) return undefined;
  const [{ configOf }, [loaded]] = await Promise.all([import("./collect.js"), loadFiles([file], folder)]);
  return loaded === undefined ? undefined : { ...loaded, config: configOf(loaded) };
}

/**
 * Which store is meant; loads the configuration only when nothing before it says so, or when it is named: then its keys and
 * what it wants redacted count for that store.
 */
export async function findTarget(cli: Cli, configured?: LoadedConfig): Promise<Target> {
  const { globals, env } = cli;
  const isSaid = globals.store !== undefined || (env.DUCKDIVE_STORE ?? "") !== "";
  const isWanted = !isSaid || globals.config !== undefined;
  const loaded = configured ?? (isWanted ? await loadConfig(cli) : undefined);
  if (loaded === undefined) return chooseStore(globals, env);
  const target = chooseStore(globals, env, storeIn(loaded));
  return { ...target, options: { ...target.options, ...valueOptionsIn(loaded) } };
}

function valueOptionsIn({ config }: LoadedConfig): ValueOptions {
  const { encryption, redact } = config.options;
  return {
    ...(encryption === undefined ? {} : { encryption }),
    ...(redact === undefined ? {} : { redact }),
  };
}

function storeIn({ file, config }: LoadedConfig): ConfiguredStore {
  const { store, direct, schema, notify, prepare } = config.options;
  const options = Object.entries({ direct, schema, notify, prepare });
  return { store, file, ...Object.fromEntries(options.filter(([, value]) => value !== undefined)) };
}

/**
 * Opens the store that is meant.
 *
 * @throws StoreError around whatever the store says, with the store's name
 */
export async function openSession(cli: Cli, options: SessionOptions): Promise<Session> {
  const target = await findTarget(cli, options.configured);
  if (options.access === "existing") requireStore(target);
  const [{ assemble }, { storeOf }, { systemClock }, { forPeople }] = await Promise.all([
    import("../open.js"),
    import("../address.js"),
    import("../kernel/index.js"),
    import("../queue/index.js"),
  ]);
  const openOptions = openOptionsOf(cli, options, target);
  const store = (onError: (error: unknown) => void): Store => {
    try {
      return storeOf(target.store, openOptions, onError);
    } catch (error) {
      throw new StoreError(error, target);
    }
  };
  const isolates = options.isolates?.(target);
  const assembly = assemble<unknown, boolean>({
    clock: systemClock,
    options: openOptions,
    store,
    ...(isolates === undefined ? {} : { isolates }),
  });
  // What a command line shows is for the eyes of people.
  const duckdive = { ...assembly.duckdive, ...forPeople(assembly.duckdive) };
  return { ...assembly, duckdive, target, queues: openOptions.queues };
}

function openOptionsOf(
  cli: Cli,
  { access, configured, jobs, schedules, log }: SessionOptions,
  target: Target,
): OpenOptions<unknown, boolean> {
  const { store: _, direct, schema, notify, prepare, ...own } = configured?.config.options ?? { store: "" };
  return {
    ...own,
    ...target.options,
    jobs: jobs ?? [],
    ...(schedules === undefined ? {} : { schedules }),
    log: own.log ?? log ?? quietLog(cli),
    migrate: access === "create" && own.migrate !== false,
  };
}

/** A command that answers says what went wrong besides, and nothing else. */
function quietLog({ output }: Cli): Log {
  const say = (message: string, fields?: object): void => {
    const error = fields !== undefined && "error" in fields ? `: ${String(fields.error)}` : "";
    output.note(`duckdive: ${message}${error}`);
  };
  return { debug() {}, info() {}, warn: say, error: say };
}

/** Whatever a store says when it cannot be used, with which store it is. Printed as its cause. */
export class StoreError extends Error {
  readonly target: Target;

  constructor(cause: unknown, target: Target) {
    super(`the store is ${shownStore(target)}, ${target.from}`, { cause });
    this.target = target;
  }
}

/** Opens, connects, lets the command work, and closes, whatever happens. */
export async function withSession<T>(
  cli: Cli,
  options: SessionOptions,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(cli, options);
  try {
    await connect(session);
    return await use(session);
  } finally {
    await session.duckdive.close();
  }
}

/** Connects now. @throws StoreError */
export async function connect(session: Session): Promise<void> {
  try {
    await session.duckdive.ready();
  } catch (error) {
    throw new StoreError(error, session.target);
  }
}
