// A small disk of the harness's own, a tmpfs, so that it can be full. Only root may mount one.
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/**
 * @typedef {object} Disk
 * @property {string} folder
 * @property {() => Promise<void>} fill until there is no room for a byte more
 * @property {() => Promise<void>} empty takes out what `fill` has put in
 * @property {() => void} end
 */

/**
 * @param {string} folder
 * @param {number} size in megabytes
 * @returns {Disk | undefined} undefined: this user may not
 */
export function mountDisk(folder, size) {
  mkdirSync(folder, { recursive: true });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}m`, "tmpfs", folder], {
    stdio: "ignore",
  });
  if (mounted.status !== 0) return undefined;
  chmodSync(folder, 0o777);
  const ballast = join(folder, "ballast");
  return {
    folder,
    async fill() {
      const file = openSync(ballast, "a");
      try {
        for (let amount = 2 ** 20; amount >= 1; amount >>= 1) {
          const bytes = Buffer.alloc(amount);
          while (isWritten(file, bytes)) await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        closeSync(file);
      }
    },
    async empty() {
      rmSync(ballast, { force: true });
    },
    end() {
      spawnSync("umount", ["--lazy", folder], { stdio: "ignore" });
    },
  };
}

/** @param {number} file @param {Buffer} bytes */
function isWritten(file, bytes) {
  try {
    return writeSync(file, bytes) === bytes.length;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}
