// `npm run check`: everything that can be said about the code without running it, one line per check, two checks
// at a time, all of them even when one fails. `npm run check -- types lint` runs only those; `npm run format`
// repairs what can be repaired and `npm run docs` rewrites what is generated.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import picocolors from "picocolors";

const root = fileURLToPath(new URL("..", import.meta.url));
const atOnce = 2;
const linesShown = 80;
/** @param {string} name */
const tool = (name) => join(root, "node_modules", ".bin", name);
/** @param {string} name */
const script = (name) => [process.execPath, join(root, "scripts", name)];

/**
 * The longest first, so that the last to end is a short one.
 * @type {{ name: string, what: string, command: string[] }[]}
 */
const checks = [
  { name: "exports", what: "the packed package loads and types as promised", command: script("exports.mjs") },
  { name: "spelling", what: "words are words", command: script("spelling.mjs") },
  {
    name: "unused",
    what: "no unused file, export or dependency",
    command: [tool("knip"), "--no-progress", "--no-config-hints"],
  },
  {
    name: "types",
    what: "the types hold",
    command: [
      process.execPath,
      join(root, "node_modules/typescript/bin/tsc"),
      "--noEmit",
      "-p",
      "tsconfig.json",
    ],
  },
  {
    name: "browser",
    what: "the types of the script of the dashboard hold",
    command: [
      process.execPath,
      join(root, "node_modules/typescript/bin/tsc"),
      "--noEmit",
      "-p",
      "src/web/assets/tsconfig.json",
    ],
  },
  {
    name: "lint",
    what: "format, lint, no floating promise",
    command: [tool("biome"), "check", "--error-on-warnings", "--max-diagnostics=50"],
  },
  { name: "arrows", what: "imports point down", command: script("arrows.mjs") },
  { name: "form", what: "stories, names, no machine paths", command: script("form.mjs") },
  { name: "claims", what: "what the docs say a test shows, a test shows", command: script("claims.mjs") },
  {
    name: "generated",
    what: "generated files are fresh",
    command: [...script("compile-sql.mjs"), "--check"],
  },
  {
    name: "figures",
    what: "README and docs/performance.md say what was measured",
    command: [process.execPath, join(root, "bench", "report.mjs"), "--check"],
  },
];

async function main() {
  const asked = process.argv.slice(2);
  const unknown = asked.find((name) => !checks.some((check) => check.name === name));
  if (unknown) {
    console.error(
      `There is no check called ${unknown}; there are ${checks.map(({ name }) => name).join(", ")}.`,
    );
    process.exitCode = 2;
    return;
  }
  const waiting = checks.filter(({ name }) => asked.length === 0 || asked.includes(name));
  /** @type {string[]} */
  const failed = [];
  const lane = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) {
      if (!(await passes(check))) failed.push(check.name);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  if (failed.length === 0) return;
  console.error(picocolors.red(`\nFailed: ${failed.join(", ")}. One alone: npm run check -- ${failed[0]}`));
  process.exitCode = 1;
}

/**
 * Runs one check and says how it went.
 * @param {{ name: string, what: string, command: string[] }} check
 * @returns {Promise<boolean>}
 */
async function passes({ name, what, command }) {
  const start = performance.now();
  const { status, output } = await run(command);
  const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const mark = status === 0 ? picocolors.green("ok    ") : picocolors.red("FAILED");
  console.log(`${mark} ${name.padEnd(10)} ${what.padEnd(46)} ${seconds.padStart(6)}`);
  if (status !== 0) console.log(excerpt(name, output.trim().split("\n")).replace(/^/gm, "       "));
  return status === 0;
}

/**
 * @param {string} name
 * @param {string[]} lines
 */
function excerpt(name, lines) {
  if (lines.length <= linesShown || process.argv.length === 3) return lines.join("\n");
  const rest = lines.length - linesShown;
  return `${lines.slice(0, linesShown).join("\n")}\n… and ${rest} more lines: npm run check -- ${name}`;
}

/**
 * @param {string[]} command
 * @returns {Promise<{ status: number | null, output: string }>}
 */
function run([program = "", ...parameters]) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
  });
}

await main();
