// What can be imported from duckdive, in the order of its package.json: the source behind each path, and the page about it.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
/** @type {{ name: string, exports: Record<string, string | { types: string }> }} */
const description = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

/** @type {{ path: string, source: string, link: string }[]} */
export const importPaths = Object.entries(description.exports).flatMap(([subpath, target]) => {
  if (typeof target === "string") return [];
  const path = subpath.replace(".", description.name);
  const source = target.types.replace("./dist/", "src/").replace(/\.d\.ts$/, ".ts");
  return [{ path, source: root + source, link: `/api/${path}` }];
});
