// Seeing that the program has changed, for development.
//
// An editor writes a file in several steps and a build writes many files, so a change counts when it has been quiet for
// a moment. What a build or the application writes, its log too, is no change of the program; a folder or a file that was
// named is watched, whatever it is called. The library that watches is loaded only here, when somebody watches.
//
// Before this file comes a list of paths. After it comes a round of replacement.
import { basename, relative, resolve, sep } from "node:path";
import type { Clock, Timer } from "../kernel/index.js";

const ignoredFolders = new Set(["node_modules", ".git", "dist"]);
const ignoredFile = /\.(db|db-wal|db-shm|log)$/;

/** How long nothing may change before what has changed counts, in milliseconds. */
const quietFor = 100;

/** Whether a change of this path says nothing about the program. Both are absolute, or relative to the same folder. */
export function isIgnored(path: string, watched: readonly string[]): boolean {
  const inside = watched
    .map((folder) => relative(resolve(folder), resolve(path)))
    .filter((below) => !below.startsWith(".."));
  if (inside.includes("")) return false;
  const shortest = inside.sort((one, other) => one.length - other.length)[0];
  const parts = (shortest ?? path).split(sep);
  return parts.some((part) => ignoredFolders.has(part)) || ignoredFile.test(basename(path));
}

export interface Watching {
  close(): Promise<void>;
}

export interface WatchParts {
  readonly paths: readonly string[];
  readonly clock: Clock;
  readonly onChange: (paths: readonly string[]) => void;
  readonly onError: (error: unknown) => void;
}

/** Watches from when it resolves until it is closed. */
export async function watchFiles({ paths, clock, onChange, onError }: WatchParts): Promise<Watching> {
  const { watch } = await import("chokidar");
  const changed = new Set<string>();
  let timer: Timer | undefined;
  const watcher = watch([...paths], { ignoreInitial: true, ignored: (path) => isIgnored(path, paths) });
  watcher.on("error", onError);
  watcher.on("all", (_event, path) => {
    changed.add(path);
    timer?.cancel();
    timer = clock.after(quietFor, () => {
      const all = [...changed];
      changed.clear();
      onChange(all);
    });
  });
  await new Promise<void>((ready) => watcher.once("ready", ready));
  return {
    async close() {
      timer?.cancel();
      await watcher.close();
    },
  };
}
