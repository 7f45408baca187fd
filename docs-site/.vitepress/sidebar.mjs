// The list beside every page: the guides in the order in which somebody meets them, the rest by folder. A page is called
// what its first heading says, and one that nobody has put in an order comes last in its group, so none is missing.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { importPaths } from "../import-paths.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** @type {{ text: string, folder: string, first: string[], collapsed: boolean }[]} */
const groups = [
  {
    text: "Guide",
    folder: "docs/guide",
    first: [
      "how-to-fail",
      "first-job",
      "testing",
      "workers",
      "transactions",
      "sqlite",
      "postgres",
      "postgres-operations",
      "policies",
      "unique",
      "schedules",
      "flows",
      "durable",
      "transactional-work",
      "explore",
      "versions",
      "after-the-response",
      "web",
      "dashboard",
      "operations",
    ],
    collapsed: false,
  },
  {
    text: "Reference",
    folder: "docs/reference",
    first: ["cli", "http", "durable", "defaults"],
    collapsed: true,
  },
  { text: "Beside others", folder: "docs/compare", first: ["index"], collapsed: true },
  { text: "Moving here", folder: "docs/migrate", first: [], collapsed: true },
  { text: "Decisions", folder: "docs/decisions", first: [], collapsed: true },
  {
    text: "More",
    folder: "docs",
    first: ["architecture", "reliability", "performance", "scaling"],
    collapsed: true,
  },
];

/**
 * What a page is called: its first heading, without ticks.
 * @param {string} path
 */
export function titleOf(path) {
  const [, title = path] = /^# (.+)$/m.exec(readFileSync(join(root, path), "utf8")) ?? [];
  return title.replaceAll("`", "");
}

/**
 * The pages of a folder, those first that are named.
 * @param {string} folder
 * @param {string[]} first
 */
function pagesOf(folder, first) {
  const names = readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => name.slice(0, -".md".length))
    .sort();
  const ordered = [
    ...first.filter((name) => names.includes(name)),
    ...names.filter((name) => !first.includes(name)),
  ];
  return ordered.map((name) => ({ text: titleOf(`${folder}/${name}.md`), link: `/${folder}/${name}` }));
}

const reference = {
  text: "API",
  link: "/api/index",
  items: importPaths.map(({ path, link }) => ({ text: path, link })),
};

const everything = [
  { text: "Tutorial", link: "/docs/tutorial/index" },
  ...groups.map(({ text, folder, first, collapsed }) => ({ text, collapsed, items: pagesOf(folder, first) })),
  { ...reference, collapsed: true },
];

export const sidebar = { "/": everything, "/api/": [reference] };
