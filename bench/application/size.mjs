// What an installation takes on the disk: the package as it would be published, installed into an empty folder with all it
// brings along, and each of the peers in the version that is measured. Nothing of anybody's is executed.
//
// A peer that cannot be fetched is left out, with a line that says so.
import { execFile } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, "bench", "package.json"), "utf8"));

export const name = "size.sqlite";
export const unit = "MB";
export const rounds = 1;
export const note =
  "npm install into an empty folder, scripts not executed, sizes of files, with libsql, which is most of it; .packages: how many " +
  "packages; .postgres: with pg instead; .packed: what is downloaded of duckdive itself";

/** What each needs in the same folder, beyond its own dependencies. */
const together = { plainjob: ["better-sqlite3"], sidequest: ["@sidequest/postgres-backend"] };
const peers = [
  "graphile-worker",
  "pg-boss",
  "bullmq",
  "bee-queue",
  "@dbos-inc/dbos-sdk",
  "sidequest",
  "plainjob",
];

/** @param {import("../run.mjs").Options} options */
export async function run({ quick, folder }) {
  const { path, size } = await pack(folder);
  const own = await installed(join(folder, "own"), [path]);
  const bare = await installed(join(folder, "bare"), [path, "pg"], ["--omit=optional"]);
  /** @type {Record<string, import("../run.mjs").Figure>} */
  const also = {
    packages: { value: own.packages, unit: "packages" },
    postgres: { value: bare.megabytes, unit, workload: "size.postgres", note: "duckdive without libsql, pg" },
    "postgres.packages": {
      value: bare.packages,
      unit: "packages",
      workload: "size.postgres.packages",
      part: "packages",
    },
    packed: { value: size / 1024, unit: "kB" },
  };
  for (const peer of quick ? [] : peers) {
    const found = await sizeOf(peer, folder);
    if (found === undefined) continue;
    const who = peer.replace("@dbos-inc/dbos-sdk", "dbos");
    const workload = peer === "plainjob" ? name : "size.postgres";
    const { megabytes, packages, exact } = found;
    also[`peer.${who}`] = { value: megabytes, unit, workload, peer: who, note: exact };
    also[`peer.${who}.packages`] = {
      value: packages,
      unit: "packages",
      workload: `${workload}.packages`,
      part: "packages",
      peer: who,
    };
  }
  return { value: own.megabytes, also };
}

/** @param {string} folder */
async function pack(folder) {
  const { stdout } = await execute(
    "npm",
    ["pack", "--json", "--ignore-scripts", "--pack-destination", folder],
    {
      cwd: root,
    },
  );
  const [{ filename, size }] = JSON.parse(stdout);
  return { path: join(folder, filename), size: Number(size) };
}

/**
 * @param {string} peer
 * @param {string} folder
 */
async function sizeOf(peer, folder) {
  const wanted = [peer, ...(Object.entries(together).find(([one]) => one === peer)?.[1] ?? [])];
  const exact = wanted.map((one) => `${one}@${manifest.dependencies[one] ?? "latest"}`);
  try {
    const sizes = await installed(join(folder, peer.replaceAll("/", "-")), exact, ["--force"]);
    return { ...sizes, exact: exact.join(", ") };
  } catch (error) {
    console.error(
      `${exact.join(", ")} could not be installed: ${error instanceof Error ? error.message : error}`,
    );
    return undefined;
  }
}

/**
 * @param {string} folder
 * @param {string[]} wanted
 * @param {string[]} options
 */
async function installed(folder, wanted, options = []) {
  mkdirSync(folder, { recursive: true });
  const how = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
  await execute("npm", ["install", "--prefix", folder, ...how, ...options, ...wanted], { cwd: folder });
  const modules = join(folder, "node_modules");
  return { megabytes: bytesBelow(modules) / 2 ** 20, packages: packagesIn(modules) };
}

/**
 * What the files hold: how much the disk takes for them depends on its blocks.
 * @param {string} folder
 * @returns {number}
 */
function bytesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    return sum + (entry.isDirectory() ? bytesBelow(path) : lstatSync(path).size);
  }, 0);
}

/** @param {string} modules a folder called node_modules */
function packagesIn(modules) {
  const listed = JSON.parse(readFileSync(join(modules, ".package-lock.json"), "utf8")).packages;
  return Object.keys(listed).length;
}
