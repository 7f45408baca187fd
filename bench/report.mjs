// `npm run bench:report`: writes docs/performance.md, its pictures, and the section of README.md that says what duckdive costs, from
// bench/results/ and nothing else. With `--check` it writes nothing, and fails when any of them is not what it would write.
//
// Before this file comes `npm run bench -- --save`. After it come the readers.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { performancePage } from "./report/page.mjs";
import { readmeWith, summaryChart } from "./report/readme.mjs";
import { readResults, worksOf } from "./report/results.mjs";

const pictures = "docs/pictures/performance";

/**
 * What each file should hold.
 * @param {string} root the folder of the repository
 * @returns {Map<string, string>} by path
 */
export function reportOf(root) {
  const results = readResults(join(root, "bench", "results"));
  const works = worksOf(results);
  const page = performancePage(results, works);
  const summary = summaryChart(works);
  if (summary !== undefined) page.pictures.set("summary.svg", summary);
  return new Map([
    ["docs/performance.md", page.page],
    ["README.md", readmeWith(readFileSync(join(root, "README.md"), "utf8"), results, works)],
    ...[...page.pictures].map(([name, content]) => /** @type {const} */ ([`${pictures}/${name}`, content])),
  ]);
}

/**
 * Writes what is not as it should be, or with `check` only names it.
 * @param {string} root
 * @param {{ check: boolean }} options
 * @returns {string[]} the paths
 */
export function report(root, { check }) {
  const wanted = reportOf(root);
  const stale = [...wanted]
    .filter(([path, content]) => textAt(join(root, path)) !== content)
    .map(([path]) => path);
  const folder = join(root, pictures);
  const left = (existsSync(folder) ? readdirSync(folder) : [])
    .map((name) => `${pictures}/${name}`)
    .filter((path) => !wanted.has(path));
  if (!check) {
    for (const path of stale) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), wanted.get(path) ?? "");
    }
    for (const path of left) rmSync(join(root, path));
  }
  return [...stale, ...left];
}

/** @param {string} path */
function textAt(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const check = process.argv.includes("--check");
  const changed = report(fileURLToPath(new URL("..", import.meta.url)), { check });
  for (const path of changed) console.log(path);
  if (check && changed.length > 0) {
    console.error("These are not what bench/results/ says: npm run bench:report");
    process.exitCode = 1;
  }
}
