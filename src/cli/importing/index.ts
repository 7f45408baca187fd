// `duckdive move --from bullmq:redis://…`: what waits in another queue becomes runs here.
//
// Without `--remove` originals stay, and may be brought again, which is once. With it each is removed when its run is recorded and
// was read back. A rehearsal, `--dry-run`, opens no store and counts what there is.
//
// Before this file comes the command `move`. After it come the sources and the bringing.
import type { AnyContract } from "../../job/index.js";
import { didYouMean, withoutSecrets } from "../../kernel/index.js";
import { StoreUnreachableError } from "../../store/errors.js";
import { contractsOf } from "../collect.js";
import { UsageError } from "../errors.js";
import type { ExitCode } from "../exit.js";
import { loadFiles } from "../load.js";
import { type Cli, loadConfig, withSession } from "../session.js";
import { count } from "../words.js";
import { type Bringing, bring, rehearse } from "./bring.js";
import { type Mapping, mappingOf } from "./mapping.js";
import type { Source, SourceOptions } from "./source.js";
import { tellAll } from "./telling.js";

export interface ImportOptions {
  readonly from: string;
  readonly to?: string | undefined;
  readonly fromSchema?: string | undefined;
  readonly toSchema?: string | undefined;
  readonly jobs?: string[] | undefined;
  readonly mapping?: string | undefined;
  readonly queue?: string[] | undefined;
  readonly remove?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

type Open = (options: SourceOptions) => Promise<Source>;

/** Each is loaded when it is asked for. */
const sources: Readonly<Record<string, { readonly scheme: RegExp; readonly open: Open }>> = {
  bullmq: { scheme: /^rediss?:$/, open: async (options) => (await import("./bullmq.js")).bullmq(options) },
  resque: { scheme: /^rediss?:$/, open: async (options) => (await import("./resque.js")).resque(options) },
  "pg-boss": {
    scheme: /^postgres(ql)?:$/,
    open: async (options) => (await import("./pg-boss.js")).pgBoss(options),
  },
  "graphile-worker": {
    scheme: /^postgres(ql)?:$/,
    open: async (options) => (await import("./graphile-worker.js")).graphileWorker(options),
  },
};

/** Which other queue an address is of, and where it is; undefined: it is no other queue's. */
function otherQueue(from: string): { readonly kind: string; readonly url: string } | undefined {
  const [, kind = "", url = ""] = /^([a-z-]+):(.+)$/.exec(from) ?? [];
  return Object.hasOwn(sources, kind) ? { kind, url } : undefined;
}

/** Whether an address is of another queue, known or not: a name and an address. */
export function isOtherQueue(from: string): boolean {
  return otherQueue(from) !== undefined || /^[\w-]+:\w+:\/\//.test(from);
}

export async function importing(cli: Cli, options: ImportOptions): Promise<ExitCode> {
  const { kind, url } = checkedSource(options.from);
  const { output } = cli;
  const config = await loadConfig(cli);
  const jobs = await contracts(cli, options, config?.config.options.jobs);
  const mapping = await loadMapping(cli, options);
  const given = { url, schema: options.fromSchema, queues: options.queue ?? [] };
  const source = await opening(() => sources[kind]?.open(given), url);
  const tell = (number: number): void => output.progress(`${count(number)} read`);
  const bringing: Bringing = { source, mapping, jobs, tell };
  try {
    if (options.dryRun === true) return tellAll(cli, source.name, await rehearse(bringing), "rehearsed");
    checkRemoval(source, options);
    const { to, toSchema } = options;
    if (to === undefined)
      throw new UsageError(
        "Where to? Give a store: --to sqlite:./jobs.db, or --dry-run to see what there is.",
      );
    const { schema: _, store: __, ...globals } = cli.globals;
    const there = {
      ...cli,
      globals: { ...globals, store: to, ...(toSchema === undefined ? {} : { schema: toSchema }) },
    };
    const tallies = await withSession(there, { access: "create", configured: config }, (session) =>
      bring(bringing, session, options.remove === true),
    );
    return tellAll(cli, source.name, tallies, options.remove === true ? "moved" : "copied");
  } finally {
    output.progress("");
    await source.close();
  }
}

function checkedSource(from: string): { kind: string; url: string } {
  const other = otherQueue(from);
  const [kind = ""] = from.split(":");
  const scheme = other === undefined ? undefined : sources[other.kind]?.scheme;
  if (other !== undefined && URL.canParse(other.url) && scheme?.test(new URL(other.url).protocol) === true)
    return other;
  throw new UsageError(
    `"${withoutSecrets(from)}" is no address of another queue.${didYouMean(kind, Object.keys(sources))} Use one such as bullmq:redis://localhost, ` +
      "resque:redis://localhost, pg-boss:postgres://localhost/app or graphile-worker:postgres://localhost/app.",
  );
}

function checkRemoval(source: Source, { remove }: ImportOptions): void {
  if (!source.mustRemove || remove === true) return;
  throw new UsageError(
    `${source.name}'s jobs have no ids, so one that was brought and left would be brought again as another. Give --remove, or ` +
      "--dry-run to see what there is.",
  );
}

/** @throws StoreUnreachableError, UsageError */
async function opening(open: () => Promise<Source> | undefined, url: string): Promise<Source> {
  try {
    const source = await open();
    if (source !== undefined) return source;
  } catch (cause) {
    if (cause instanceof UsageError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StoreUnreachableError(
      `${withoutSecrets(url)} cannot be reached: ${reason}. Check the address after --from, and that its server is up.`,
      { cause },
    );
  }
  throw new UsageError(`${withoutSecrets(url)} is of no queue that is known.`);
}

async function contracts(
  { folder }: Cli,
  { jobs }: ImportOptions,
  configured: readonly AnyContract[] | undefined,
): Promise<ReadonlyMap<string, AnyContract>> {
  if (jobs !== undefined) return contractsOf(await loadFiles(jobs, folder));
  return new Map((configured ?? []).map((job) => [job.name, job]));
}

async function loadMapping({ folder }: Cli, { mapping }: ImportOptions): Promise<Mapping> {
  if (mapping === undefined) return new Map();
  const [loaded] = await loadFiles([mapping], folder);
  return loaded === undefined ? new Map() : mappingOf(loaded);
}
