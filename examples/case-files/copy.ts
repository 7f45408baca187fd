// Copies one file into the case store, so that whatever happens, the store has the whole right file or none.
//
// The bytes go to a temporary name while their SHA-256 is taken, are forced to the disk, are read back and compared,
// and only then get their real name, which is one step for whoever looks. Doing it again finds the right copy by its
// checksum and leaves it. Two executions at once, which happens when a worker was taken for dead, use two temporary
// names; the second rename replaces the first copy by an equal one.
//
// Before this file comes a run of `copy-file`. After it comes the manifest of the case.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

export interface Copied {
  readonly sha256: string;
  readonly size: number;
  /** False: a right copy was there, and nothing was written. */
  readonly written: boolean;
}

export interface CopyOptions {
  readonly source: string;
  readonly target: string;
  /** In the same file system as the target, and of this execution only. */
  readonly temporary: string;
  readonly signal: AbortSignal;
  /** Called with the bytes done so far, for each piece of a file. */
  readonly onProgress: (done: number) => void;
}

/** @throws CopyFailedError: the copy is not what the source is, or the source changed meanwhile */
export async function copyChecked(options: CopyOptions): Promise<Copied> {
  const { source, target, temporary, signal } = options;
  const before = await stat(source);
  const present = await checksumOf(target, signal);
  if (present !== undefined && present === (await checksumOf(source, signal)))
    return { sha256: present, size: before.size, written: false };
  try {
    const sha256 = await write(options);
    const after = await stat(source);
    if (after.size !== before.size || after.mtimeMs !== before.mtimeMs)
      throw new CopyFailedError(`"${source}" changed while it was copied. It is tried again.`);
    if ((await checksumOf(temporary, signal)) !== sha256)
      throw new CopyFailedError(`The copy of "${source}" does not read back as written. Check the disk.`);
    await mkdir(dirname(target), { recursive: true });
    await rename(temporary, target);
    await syncFolder(dirname(target));
    return { sha256, size: after.size, written: true };
  } finally {
    await rm(temporary, { force: true });
  }
}

export class CopyFailedError extends Error {
  readonly code = "COPY_FAILED";
}

async function write({ source, temporary, signal, onProgress }: CopyOptions): Promise<string> {
  await mkdir(dirname(temporary), { recursive: true });
  const hash = createHash("sha256");
  const file = await open(temporary, "w");
  let done = 0;
  try {
    for await (const piece of createReadStream(source, { highWaterMark: 256 * 1024, signal })) {
      hash.update(piece);
      await file.writeFile(piece);
      done += piece.length;
      onProgress(done);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

/** The SHA-256 of a file, in hexadecimal; undefined when there is none. */
export async function checksumOf(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(path, signal === undefined ? {} : { signal }))
      hash.update(piece);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return hash.digest("hex");
}

/** Writes a small file whole: after a crash it is the old one or the new one. */
export async function writeWhole(path: string, content: string | Buffer): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  const file = await open(temporary, "w");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** A rename is on the disk when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, "r");
    await handle.sync();
  } catch (error) {
    // Windows cannot open folders, and needs not.
    if (process.platform !== "win32") throw error;
  } finally {
    await handle?.close();
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
