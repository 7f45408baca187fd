// Checks a finished case against its source, byte by byte, without asking the jobs.
//
// Before this file comes a case that has ended. After it comes the exit code of the demo.
import { join } from "node:path";
import { type Case, placesOf } from "./case.js";
import { checksumOf } from "./copy.js";
import type { Manifest } from "./summary.js";
import { walk } from "./walk.js";

/** What is not as it should be, in sentences; none: every copy is right, and there is nothing else in the store. */
export async function differences(given: Case, manifest: Manifest): Promise<string[]> {
  const { files } = placesOf(given);
  const found: string[] = [];
  const copied = manifest.files.filter(({ state }) => state === "succeeded");
  for (const { path, sha256 } of copied) {
    const copy = await checksumOf(join(files, path));
    const source = await checksumOf(join(given.folder, path));
    if (copy === undefined) found.push(`${path}: the copy is missing.`);
    else if (copy !== sha256) found.push(`${path}: the copy has not the checksum of case.json.`);
    else if (source !== undefined && source !== copy)
      found.push(`${path}: the source has changed since it was copied.`);
  }
  const known = new Set(copied.map(({ path }) => path));
  if (known.size > 0)
    for await (const { path } of walk(files))
      if (!known.has(path)) found.push(`${path}: nobody asked for this copy.`);
  return found;
}
