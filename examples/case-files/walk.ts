// Walks a folder: every file once, in an order that is the same each time, and nothing left out without a word.
//
// What is not a plain file is not copied but told: a symbolic link is not followed (it may lead out of the folder, or
// round in a circle), a socket, a pipe or a device has no content to keep. A folder that cannot be read and a name that
// is not text are told as well. Names are compared byte by byte, so that two machines walk alike.
//
// Before this file comes the folder of a case. After it comes `record-case`, which asks for one run per file.
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

/** Something below the folder. `path` is relative to it, with forward slashes. */
export type Entry =
  | { readonly kind: "file"; readonly path: string; readonly size: number }
  | { readonly kind: "skipped"; readonly path: string; readonly why: string };

/** Everything below a folder, folders in the place of their name. @throws when the folder itself cannot be read */
export async function* walk(folder: string, below = ""): AsyncGenerator<Entry> {
  const names = await readdir(Buffer.from(join(folder, below)), { encoding: "buffer", withFileTypes: true });
  names.sort((one, other) => Buffer.compare(one.name, other.name));
  for (const entry of names) {
    const name = textOf(entry.name);
    if (name === undefined) {
      yield { kind: "skipped", path: join(below, String(entry.name)), why: "its name is not UTF-8" };
      continue;
    }
    const path = below === "" ? name : `${below}/${name}`;
    if (entry.isDirectory()) yield* folderIn(folder, path);
    else yield entry.isFile() ? await fileIn(folder, path) : { kind: "skipped", path, why: kindOf(entry) };
  }
}

async function* folderIn(folder: string, path: string): AsyncGenerator<Entry> {
  try {
    yield* walk(folder, path);
  } catch (error) {
    yield { kind: "skipped", path: `${path}/`, why: `it cannot be read: ${codeOf(error)}` };
  }
}

async function fileIn(folder: string, path: string): Promise<Entry> {
  try {
    const { size } = await lstat(join(folder, path));
    return { kind: "file", path, size };
  } catch (error) {
    return { kind: "skipped", path, why: `it cannot be looked at: ${codeOf(error)}` };
  }
}

function textOf(name: Buffer): string | undefined {
  const text = name.toString("utf8");
  return Buffer.from(text, "utf8").equals(name) ? text : undefined;
}

function kindOf(entry: Dirent<Buffer>): string {
  if (entry.isSymbolicLink()) return "a symbolic link is not followed";
  if (entry.isSocket()) return "a socket has no content";
  if (entry.isFIFO()) return "a pipe has no content";
  return "a device has no content";
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
