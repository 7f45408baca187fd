// An application that was put together in code: the module of a job is imported, and looked through.
//
// What it exports counts: jobs, and beside them a configuration, or what `open` gave back, which say what only the
// application knows. Node itself loads it, with whatever the program was started with (`--import`); TypeScript that Node
// cannot load is loaded as the command line does.
//
// Before this file comes the address of a module. After it comes the application.
import { fileURLToPath } from "node:url";
import { storeOf } from "../../address.js";
import { type AnyJob, collectJobs, isJob, shownModule, valuesIn } from "../../job/index.js";
import { isConfig, optionsOfOpened } from "../../open.js";
import type { OpenOptions } from "../../queue/index.js";
import type { Application, Load } from "./application.js";

type Options = OpenOptions<unknown, boolean> & { readonly store: string | object };

/** Imports a module. What it cannot do is said by the isolate. */
export const load: Load = async (source) => {
  const address = String(source);
  return applicationOf(await imported(address), shownModule(address));
};

async function imported(address: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return await import(address);
  } catch (error) {
    const isUnknown =
      error instanceof Error && "code" in error && error.code === "ERR_UNKNOWN_FILE_EXTENSION";
    if (!isUnknown) throw error;
    const { createJiti } = await import("jiti");
    return createJiti(import.meta.url, { interopDefault: false }).import(fileURLToPath(address));
  }
}

/** What is exported, as an application. */
function applicationOf(exports: Readonly<Record<string, unknown>>, where: string): Application {
  const [options] = valuesIn(exports, isJob).flatMap((value) => optionsIn(value) ?? []);
  const jobs = new Map<string, AnyJob>(options?.jobs === undefined ? [] : collectJobs(options.jobs));
  for (const [name, job] of collectJobs(new Set(valuesIn(exports, isJob).filter(isJob)))) jobs.set(name, job);
  return {
    jobs,
    where,
    middleware: options === undefined ? undefined : (options.middleware ?? []),
    adapter: options?.with,
    store:
      options === undefined
        ? undefined
        : () => storeOf(options.store, { ...options, migrate: false }, () => {}),
  };
}

function optionsIn(value: unknown): Options | undefined {
  return isConfig(value) ? value.options : optionsOfOpened(value);
}
