// The application of the command line, as its isolates load it: the same files, read by the same loader.
//
// What the files export is what the worker found there; the configuration says what only an application can know. The
// store that was named on the command line comes before that of the configuration, as it does for the worker.
//
// Before this file comes the worker, which says what it has loaded. After it come the isolates.
import { storeOf } from "../address.js";
import type { Application, Load } from "../isolate/inside/application.js";
import { collectJobs } from "../job/index.js";
import type { Config } from "../open.js";
import { configOf, jobsOf } from "./collect.js";
import { loadFiles } from "./load.js";

/** What a worker tells its isolates: plain data. */
export interface IsolatedFiles {
  readonly folder: string;
  /** Those that export jobs. */
  readonly files: readonly string[];
  readonly config: string | undefined;
  /** The store and its options, where they can be told in words. */
  readonly store: string | undefined;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Loads what the worker has loaded. */
export const load: Load = async (source) => {
  const { folder, files, config, store, options } = source as IsolatedFiles;
  const loaded = await loadFiles(files, folder);
  const [configFile] = config === undefined ? [] : await loadFiles([config], folder);
  const configured = configFile === undefined ? undefined : configOf(configFile).options;
  return {
    jobs: loaded.length > 0 ? jobsOf(loaded) : collectJobs(configured?.jobs ?? []),
    where: (files.length > 0 ? files : [config]).join(", "),
    ...partsOf(configured, store, options),
  };
};

function partsOf(
  configured: Config["options"] | undefined,
  store: string | undefined,
  options: IsolatedFiles["options"],
): Pick<Application, "middleware" | "adapter" | "store"> {
  const place = store ?? configured?.store;
  const open = { ...options, with: configured?.with, migrate: false };
  return {
    middleware: configured?.middleware ?? [],
    adapter: configured?.with,
    store: place === undefined ? undefined : () => storeOf(place, open, () => {}),
  };
}
