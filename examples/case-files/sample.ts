// The folder that `npm run demo` records when it is given none: a copy of sample-case/, with two files more.
//
// One is large enough to show progress, and made here instead of being kept in the repository. The other will vanish
// between the moment it is recorded and the moment it is copied: the demo takes it away while copying is paused. That
// fails for everybody, also for root, whom permissions do not stop.
//
// Before this file comes the demo. After it comes an ordinary folder.
import { cp, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isMissing } from "./copy.js";

/** Where the file that vanishes is, in the folder. */
export const vanishing = "letters/burn after reading.txt";

const largeFile = { path: "scans/panorama.raw", bytes: 24 * 1024 * 1024 };

/** Makes the folder, unless it is there. All of it or nothing: it gets its name when it is whole. */
export async function makeSample(folder: string): Promise<void> {
  if (await isThere(folder)) return;
  const unfinished = `${folder}.${process.pid}.part`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  await cp(fileURLToPath(new URL("./sample-case", import.meta.url)), unfinished, { recursive: true });
  await write(join(unfinished, vanishing), Buffer.from("Nobody will read this.\n"));
  await write(join(unfinished, largeFile.path), patternOf(largeFile.bytes));
  await rename(unfinished, folder);
}

async function write(path: string, content: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, "w");
  await file.writeFile(content);
  await file.close();
}

/** The same bytes each time, and no two pieces of it alike. */
function patternOf(bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  for (let offset = 0, value = 1; offset + 4 <= bytes; offset += 4) {
    value = (Math.imul(value, 1664525) + 1013904223) >>> 0;
    buffer.writeUInt32LE(value, offset);
  }
  return buffer;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
