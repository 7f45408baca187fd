// A temporary folder for a server, and who the server runs as. PostgreSQL and PgBouncer refuse to run as root: there they
// run as `nobody`, who is on every machine, so the folder is made where nobody can get at it and becomes theirs.
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/** Who servers run as; empty for whoever runs this. */
export function someUser(): User {
  if (process.getuid?.() !== 0) return {};
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === "nobody") return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error("PostgreSQL does not run as root, and there is no user `nobody` to run it as.");
}

/** Makes an empty folder that belongs to the user, in a place that the user can reach. */
export function folderOf({ uid, gid }: User, name: string): string {
  for (const place of [tmpdir(), "/tmp"]) {
    const folder = mkdtempSync(join(place, `duckdive-${name}-`));
    if (uid === undefined || gid === undefined) return folder;
    chmodSync(folder, 0o755);
    chownSync(folder, uid, gid);
    if (spawnSync("test", ["-w", folder], { uid, gid }).status === 0) return folder;
    rmdirSync(folder);
  }
  throw new Error(`Neither ${tmpdir()} nor /tmp is a place that user ${uid} can reach.`);
}
