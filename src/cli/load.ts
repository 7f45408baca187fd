// Loading an application's own files: TypeScript or JavaScript, with `import` or `require`, on every Node.
//
// jiti reads them. `duckdive` and its subpaths are handed to them as this process has them already, so that a job file
// in a folder without an installed package works, and so that an application and its worker share one instance. Stack
// traces point into the file as it was written.
//
// Before this file come names of files. After it comes `collect`, which looks at what they export.
import { existsSync, readFileSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Jiti } from "jiti";
import { JobFileError } from "./errors.js";

/** A file, as people name it, and what it exports. */
export interface LoadedFile {
  readonly file: string;
  readonly exports: Readonly<Record<string, unknown>>;
}

export const configNames = ["ts", "mts", "js", "mjs"].map((extension) => `duckdive.config.${extension}`);

/** The configuration file of the working directory, if it has one. */
export function findConfig(folder: string): string | undefined {
  return configNames.find((name) => existsSync(resolve(folder, name)));
}

/**
 * Loads files, one after the other.
 *
 * @throws JobFileError naming the file: it is not there, or fails while it is loaded
 */
export async function loadFiles(names: readonly string[], folder: string): Promise<LoadedFile[]> {
  const paths = [...new Set(names.map((name) => resolve(folder, name)))];
  for (const path of paths) checkFile(path, folder);
  const jiti = await loader();
  const loaded: LoadedFile[] = [];
  for (const path of paths) {
    const file = relative(folder, path) || path;
    try {
      loaded.push({ file, exports: await jiti.import<Record<string, unknown>>(path) });
    } catch (error) {
      throw new JobFileError(`${file} cannot be loaded: ${described(error, folder)}`, { cause: error });
    }
  }
  return loaded;
}

function checkFile(path: string, folder: string): void {
  const name = relative(folder, path) || path;
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new JobFileError(`There is no file ${name}. Name a file that exports jobs, such as jobs.ts.`);
  }
  if (found.isDirectory()) {
    throw new JobFileError(`${name} is a folder. Name the files in it: ${name}/*.ts.`);
  }
}

/** What went wrong and where in the application's own files. */
function described(error: unknown, folder: string): string {
  if (!(error instanceof Error)) return String(error);
  const frame = (error.stack ?? "")
    .split("\n")
    .find((line) => /^\s+at /.test(line) && line.includes(folder) && !line.includes("node_modules"));
  const [, place] = /\(?((?:file:\/\/)?\/[^()]+:\d+:\d+)\)?$/.exec(frame ?? "") ?? [];
  return place === undefined
    ? `${error.name}: ${error.message}`
    : `${error.name}: ${error.message} (at ${place.replace("file://", "").replace(`${folder}/`, "")})`;
}

const packageRoot = new URL("../../", import.meta.url);

async function loader(): Promise<Jiti> {
  const { createJiti } = await import("jiti");
  process.setSourceMapsEnabled(true);
  return createJiti(import.meta.url, {
    virtualModules: await ownModules(),
    sourceMaps: true,
    interopDefault: false,
  });
}

/** The package as this process has it, by the names under which applications import it. */
async function ownModules(): Promise<Record<string, unknown>> {
  const manifest: { exports: Record<string, string | { default: string }> } = JSON.parse(
    readFileSync(new URL("package.json", packageRoot), "utf8"),
  );
  const isSource = fileURLToPath(import.meta.url).endsWith(".ts");
  const modules: Record<string, unknown> = {};
  for (const [subpath, { default: path }] of Object.entries(manifest.exports).filter(isModule)) {
    const own = isSource ? path.replace("./dist/", "./src/").replace(/\.js$/, ".ts") : path;
    modules[subpath.replace(".", "duckdive")] = await import(new URL(own, packageRoot).href);
  }
  return modules;
}

/** The kit for tests is not loaded for a worker: who imports it gets it from the installed package. */
function isModule(entry: [string, string | { default: string }]): entry is [string, { default: string }] {
  return typeof entry[1] === "object" && entry[0] !== "./testing";
}
