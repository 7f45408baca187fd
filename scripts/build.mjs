// Builds `dist/` from `src/` with the TypeScript compiler. Run by `npm run build`, by `prepare` (so a clone has
// a `dist/` after `npm ci`), before the tests and before `npm run duckdive`: all of them run what users get.
//
// A fingerprint of every input (sources, compiler options, package.json) and of every file in `dist/` stands in
// `dist/.fingerprint`, so a build that is up to date costs milliseconds and one that is not is never used. The compiler writes into a
// folder of its own and only then are changed files moved into `dist/`, one rename each: a process that runs
// from `dist/` meanwhile sees whole files. With type errors the JavaScript is still written, the errors are
// shown and the fingerprint is not, so that the next build tries again.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const fingerprintFile = join(dist, ".fingerprint");

/**
 * @typedef {object} Build
 * @property {boolean} built whether the compiler ran
 * @property {string} errors what the compiler complained about; empty when all is well
 */

/**
 * Brings `dist/` up to date.
 * @param {{ force?: boolean }} [options] `force` runs the compiler even when nothing changed
 * @returns {Build}
 */
export function build(options = {}) {
  const inputs = fingerprintOfInputs();
  const isFresh = readIfThere(fingerprintFile) === inputs + fingerprintOfOutputs();
  if (isFresh && !options.force) return { built: false, errors: "" };
  const staging = join(root, ".cache", `build-${process.pid}`);
  try {
    const errors = compileInto(staging);
    moveChangedFiles(staging);
    if (errors) rmSync(fingerprintFile, { force: true });
    else writeFileSync(fingerprintFile, inputs + fingerprintOfOutputs());
    return { built: true, errors };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function fingerprintOfInputs() {
  const settings = ["package.json", "tsconfig.base.json", "tsconfig.build.json", "scripts/build.mjs"];
  const sources = filesBelow(join(root, "src")).map((path) => join("src", path));
  return fingerprint([...settings, ...sources]);
}

function fingerprintOfOutputs() {
  const outputs = filesBelow(dist).filter((path) => path !== ".fingerprint");
  return fingerprint(outputs.map((path) => join("dist", path)));
}

/** @param {string[]} paths */
function fingerprint(paths) {
  const hash = createHash("sha256");
  for (const path of paths)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  return hash.digest("hex");
}

/** @param {string} staging */
function compileInto(staging) {
  mkdirSync(staging, { recursive: true });
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const result = spawnSync(
    process.execPath,
    [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", staging, "--pretty", "false"],
    { cwd: root, encoding: "utf8" },
  );
  if (result.error) throw result.error;
  // What browsers are given is written as it is.
  for (const path of filesBelow(join(root, "src")).filter((file) => /\.(css|js)$/.test(file))) {
    mkdirSync(dirname(join(staging, path)), { recursive: true });
    copyFileSync(join(root, "src", path), join(staging, path));
  }
  return result.status === 0 ? "" : `${result.stdout}${result.stderr}`.trim();
}

/** @param {string} staging */
function moveChangedFiles(staging) {
  const fresh = new Set(filesBelow(staging));
  for (const path of fresh) {
    const target = join(dist, path);
    if (readIfThere(target) === readFileSync(join(staging, path), "utf8")) continue;
    mkdirSync(dirname(target), { recursive: true });
    renameSync(join(staging, path), target);
  }
  for (const path of filesBelow(dist)) {
    if (!fresh.has(path) && path !== ".fingerprint") rmSync(join(dist, path), { force: true });
  }
}

/** @param {string} folder */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { errors } = build({ force: !process.argv.includes("--if-stale") });
  if (errors) {
    console.error(errors);
    process.exitCode = 1;
  }
}
