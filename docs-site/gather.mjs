// Copies the pages of the repository and their pictures into `pages/`, which VitePress builds from: it finds Vue only for pages
// that lie below its own folder. Pages are not changed on the way, and `pages/` is made anew each time.
//
// What pages link to and is no page (a source, a dashboard's JSON) goes along as it is, at the path that it has. The licence
// and the folder of decisions are linked to as well, and become pages here.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { titleOf } from "./.vitepress/sidebar.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = fileURLToPath(new URL("pages", import.meta.url));

/** @returns {string[]} the pages, from the root of the repository */
function gather() {
  const below = ["docs", "examples"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((path) => join(folder, path)),
  );
  const texts = below.filter((path) => path.endsWith(".md"));
  const all = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ...texts];
  for (const page of all) cpSync(join(root, page), join(pages, page));
  cpSync(join(root, "docs/pictures"), join(pages, "docs/pictures"), { recursive: true });
  return all;
}

/**
 * Takes along what a page links to and is no page.
 * @param {string} page
 */
function takeAlong(page) {
  for (const [, target = ""] of readFileSync(join(root, page), "utf8").matchAll(/\]\(([^()#\s:]+)\)/g)) {
    const path = join(dirname(page), target);
    const isOther =
      !/\.(md|png|svg)$/.test(path) && existsSync(join(root, path)) && statSync(join(root, path)).isFile();
    if (isOther) cpSync(join(root, path), join(pages, "public", path));
  }
}

rmSync(pages, { recursive: true, force: true });
mkdirSync(pages);
const gathered = gather();
for (const page of gathered) takeAlong(page);

const decisions = gathered.filter((page) => page.startsWith("docs/decisions/")).sort();
const rows = decisions.map((page) => `- [${titleOf(page)}](${page.split("/").at(-1)})`);
writeFileSync(join(pages, "docs/decisions/index.md"), `# Decisions\n\n${rows.join("\n")}\n`);
writeFileSync(join(pages, "LICENSE.md"), `# Licence\n\n${readFileSync(join(root, "LICENSE"), "utf8")}`);
