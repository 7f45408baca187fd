// Holds the small rules of form that no other tool knows: a source file opens with its story, no folder is named
// after nothing in particular, no type is forced through `unknown`, no work is left behind as a note, and no file
// names a path of somebody's machine. It reads what git tracks or would track.
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const namelessFolders = new Set(["utils", "util", "helpers", "common", "classes", "types", "misc", "lib"]);
const isGenerated = /(^|\/)(package-lock\.json|statements\.ts)$/;
const isBinary = /\.(png|jpe?g|gif|ico|webp|pdf|zip|gz|db|woff2?)$/;
// Spelled in pieces, so that this file does not break its own rules.
const homes = new RegExp(`(^|[^\\w.~-])(/(home|Users|root|${"wo"}rk)/[\\w.-]+|[A-Z]:\\\\+Users)`);
const leftovers = new RegExp(`\\b(${"TO"}DO|${"FIX"}ME|${"X"}XX)\\b`);

const forced = new RegExp(`\\bas ${"unknown"} as\\b`);

/**
 * Judges one file.
 * @param {string} path from the root of the repository, with forward slashes
 * @param {string} text
 * @returns {string[]} one sentence for each thing that should not be
 */
export function formErrors(path, text) {
  if (isGenerated.test(path) || isBinary.test(path)) return [];
  return [...nameErrors(path), ...storyErrors(path, text), ...lineErrors(path, text)];
}

/** @param {string} path */
function nameErrors(path) {
  if (!path.startsWith("src/")) return [];
  const folder = path
    .split("/")
    .slice(0, -1)
    .find((name) => namelessFolders.has(name));
  return folder ? [`${path}: a folder called ${folder} says nothing; name it after what it holds.`] : [];
}

/**
 * @param {string} path
 * @param {string} text
 */
function storyErrors(path, text) {
  const hasStory = /^(src|scripts|bench|examples)\/.*\.(ts|mjs)$/.test(path) && !path.endsWith(".test.ts");
  if (!hasStory || /^(#!.*\n)?(\/\/|\/\*)/.test(text)) return [];
  return [`${path}:1: open with the story of this file: what it does, why, what comes before and after it.`];
}

/**
 * @param {string} path
 * @param {string} text
 */
function lineErrors(path, text) {
  const isCode = /\.(ts|mjs|js|tsx)$/.test(path);
  return text.split("\n").flatMap((line, index) => {
    const at = `${path}:${index + 1}`;
    const errors = [];
    if (homes.test(line)) errors.push(`${at}: names a path of somebody's machine.`);
    if (isCode && leftovers.test(line)) errors.push(`${at}: do it, or file an issue; no notes in the code.`);
    if (isCode && forced.test(line)) errors.push(`${at}: forcing a type through unknown hides a mistake.`);
    return errors;
  });
}

/** @param {string} path */
function isFile(path) {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function main() {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
  });
  const paths = listed.split("\0").filter((path) => path !== "" && isFile(join(root, path)));
  const errors = paths.flatMap((path) => formErrors(path, readFileSync(join(root, path), "utf8")));
  for (const error of errors) console.error(error);
  if (errors.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
