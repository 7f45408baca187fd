// `npm run violence:mutants -- [--only name,…] [--seconds N]`: the harness against the product with one line of it broken.
//
// The mutant is made in a copy of the repository, never in the checkout: the line is replaced, SQL is compiled, the package
// is built, and the copy's own harness is run on it. A mutant that is not caught shows a check that is missing. Ends with 0
// when all were caught.
//
// Before this file come the mutants. After it comes the table.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { mutants } from "./harness/mutants.mjs";

/** @typedef {import("./harness/mutants.mjs").Mutant} Mutant */

const root = fileURLToPath(new URL("../..", import.meta.url));
const parts = [
  "src",
  "scripts",
  "test/postgres",
  "test/violence/harness",
  "package.json",
  "tsconfig.base.json",
];

const { values } = parseArgs({ options: { only: { type: "string" }, seconds: { type: "string" } } });

/** A copy in which a mutant can be made. */
function copyOfAll() {
  const copy = mkdtempSync(join(tmpdir(), "duckdive-mutant-"));
  for (const part of [...parts, "tsconfig.build.json"])
    cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  const caches = join(root, ".cache", "postgres");
  mkdirSync(join(copy, ".cache"));
  if (existsSync(caches)) symlinkSync(caches, join(copy, ".cache", "postgres"));
  return copy;
}

/** @param {string} copy @param {Mutant} mutant */
function make(copy, { name, file, text, instead }) {
  const path = join(copy, file);
  const before = readFileSync(path, "utf8");
  if (before.split(text).length !== 2)
    throw new Error(`${name}: ${file} does not hold this text, or not once. Has the code moved on?\n${text}`);
  writeFileSync(
    path,
    before.replace(text, () => instead),
  );
  const [, folder, migration] = /^(.*\/migrations)\/([^/]+\.sql)$/.exec(file) ?? [];
  if (folder !== undefined && migration !== undefined)
    forget(join(copy, folder, "checksums.json"), migration);
  run(copy, "scripts/compile-sql.mjs", "--write");
  run(copy, "scripts/build.mjs");
}

/** A migration that was never released may change. @param {string} checksums @param {string} migration */
function forget(checksums, migration) {
  const known = JSON.parse(readFileSync(checksums, "utf8"));
  delete known[migration];
  writeFileSync(checksums, JSON.stringify(known));
}

/** @param {string} copy @param {...string} command */
function run(copy, ...command) {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: copy, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
}

/**
 * Runs the harness on it.
 * @param {string} copy
 * @param {Mutant} mutant
 * @returns {Promise<{ rules: string[], violations: number, seconds: number, command: string }>}
 */
async function judge(copy, { store, faults, seconds, rest = 20, seed }) {
  const report = join(copy, "report.json");
  const given = ["--store", store, "--faults", faults, "--seconds", values.seconds ?? String(seconds)];
  const all = [...given, "--rest", String(rest), "--seed", seed];
  const begin = performance.now();
  const main = join(copy, "test/violence/harness/main.mjs");
  const child = spawn(process.execPath, [main, ...all, "--quiet", "--report", report], {
    cwd: copy,
    stdio: "pipe",
  });
  let said = "";
  child.stdout.on("data", (data) => {
    said += data;
  });
  child.stderr.on("data", (data) => {
    said += data;
  });
  const [code] = await once(child, "close");
  if (code !== 0 && code !== 1) throw new Error(`the harness could not do its work:\n${said}`);
  const { violations, folder } = JSON.parse(readFileSync(report, "utf8"));
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  return {
    rules: [...new Set(violations.map((/** @type {{ rule: string }} */ { rule }) => rule))],
    violations: violations.length,
    seconds: Math.round((performance.now() - begin) / 1_000),
    command: all.join(" "),
  };
}

const only = values.only?.split(",");
const unknown = only?.find((name) => !mutants.some((mutant) => mutant.name === name));
if (unknown !== undefined)
  throw new RangeError(
    `There is no mutant "${unknown}"; there are ${mutants.map(({ name }) => name).join(", ")}.`,
  );

const chosen = mutants.filter(({ name }) => only === undefined || only.includes(name));
let survivors = 0;
for (const mutant of chosen) {
  const copy = copyOfAll();
  try {
    make(copy, mutant);
    const { rules, violations, seconds, command } = await judge(copy, mutant);
    if (violations === 0) survivors += 1;
    const fate = violations === 0 ? "SURVIVED" : `caught by ${violations} violations`;
    console.log(`${mutant.name}: ${fate} in ${seconds} s\n  ${mutant.breaks} (${mutant.file})\n  ${command}`);
    for (const rule of rules) console.log(`  it does not hold that ${rule}`);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
console.log(`${chosen.length} mutants, ${survivors} survivors`);
process.exitCode = survivors === 0 ? 0 : 1;
