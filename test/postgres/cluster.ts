// The files a new server begins with. `initdb` needs one to two seconds for them, and makes the same ones each time, so
// what it made is kept beside the other caches of this repository, by the programs that made it, and copied from then
// on. A cache that cannot be read or written costs time and nothing else. All servers have the same system identifier,
// which only matters to a standby, and there it is wanted.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Binaries } from "./binaries.js";

const run = promisify(execFile);
const caches = fileURLToPath(new URL("../../.cache/postgres", import.meta.url));

/** Makes the data directory of an empty server. */
export async function makeCluster(data: string, binaries: Binaries): Promise<void> {
  const form = formOf(binaries);
  const cache = join(caches, nameOf(binaries, form));
  const isCopied = await copyCluster(cache, data, binaries).then(
    () => true,
    () => false,
  );
  if (isCopied) return;
  await rm(data, { recursive: true, force: true });
  await run(join(binaries.folder, "initdb"), ["-D", data, "--no-sync", ...form], binaries.options);
  await keep(data, cache).catch(() => {});
}

/** Copies the data directory of a server that does not run. */
export async function copyCluster(from: string, to: string, { options }: Binaries): Promise<void> {
  await run("cp", ["-R", "-p", from, to]);
  const { uid, gid } = options;
  if (uid !== undefined) await run("chown", ["-R", `${uid}:${gid}`, to]);
}

/** Text is ordered as people do it, which is what most databases in the field were made with. */
function formOf({ version }: Binaries): string[] {
  const order = version >= 15 ? ["--locale-provider=icu", "--icu-locale=en-US"] : [];
  return ["--encoding=UTF8", "--locale=C", ...order, "--auth=trust", "--username=postgres"];
}

function nameOf({ folder, version }: Binaries, form: readonly string[]): string {
  const { size, mtimeMs } = statSync(join(folder, "postgres"));
  const hash = createHash("sha256").update(JSON.stringify([size, mtimeMs, form]));
  return `${version}-${hash.digest("hex").slice(0, 16)}`;
}

/** Several processes may do this at once: the first one's whole copy stays, and no half of one is ever seen. */
async function keep(data: string, cache: string): Promise<void> {
  const half = `${cache}-${process.pid}`;
  try {
    await mkdir(caches, { recursive: true });
    await run("cp", ["-R", "-p", data, half]);
    await rename(half, cache);
  } finally {
    await rm(half, { recursive: true, force: true });
  }
}
