// A link that leads nowhere is found here and not by a reader: every relative link of a page leads to a file that is there, every
// anchor to a heading of that page, and every path of this repository that stands in ticks is one.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function pagesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md") && !path.includes("node_modules"))
    .map((path) => `${folder}/${path.replaceAll("\\", "/")}`)
    .sort();
}

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...pagesBelow("docs"),
  ...pagesBelow("examples"),
];

/** A page without its code: what stands in a block is nobody's link and nobody's heading. */
function prose(page: string): string {
  return readFileSync(join(root, page), "utf8").replaceAll(/^(`{3,}).*?^\1$/gms, "");
}

/** The anchors that its headings get, as the places that show Markdown make them. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of prose(page).matchAll(/^#{1,6} (.+)$/gm)) {
    const text = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .trim()
      .toLowerCase();
    const anchor = text.replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, "").replaceAll(" ", "-");
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count += 1) unique = `${anchor}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

/** What is wrong with one link, or nothing. */
function fault(page: string, target: string): string | undefined {
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? join(root, page) : join(root, dirname(page), decodeURIComponent(path));
  if (!existsSync(file)) return `${target}: there is no ${relative(root, file)}`;
  if (anchor === undefined) return undefined;
  if (!file.endsWith(".md")) return `${target}: only pages have anchors`;
  return anchorsOf(relative(root, file)).has(anchor) ? undefined : `${target}: no heading has this anchor`;
}

function linksOf(page: string): string[] {
  const text = prose(page).replaceAll(/`[^`\n]*`/g, "");
  const inline = [...text.matchAll(/\]\(([^()\s]+)\)/g)];
  const named = [...text.matchAll(/^\[[^\]]+\]: (\S+)$/gm)];
  const pictures = [...text.matchAll(/<(?:img|a)\b[^>]*\b(?:src|href)="([^"]+)"/g)];
  return [...inline, ...named, ...pictures]
    .map(([, target = ""]) => target)
    .filter((to) => !/^[a-z]+:/.test(to));
}

/** Files and folders that a page names in ticks. One with a wildcard, or with a NAME to be filled in, is no path. */
function pathsNamedIn(page: string): string[] {
  const named = [...prose(page).matchAll(/`((?:src|test|docs|bench|examples|scripts)\/[\w./-]+)`/g)];
  return named.map(([, path = ""]) => path).filter((path) => !/\/[A-Z]+\//.test(path));
}

describe.each(pages)("%s", (page) => {
  test("has links that lead somewhere", () => {
    expect(linksOf(page).flatMap((target) => fault(page, target) ?? [])).toEqual([]);
  });

  // What a decision or the list of changes names was there then.
  test.skipIf(/^docs\/decisions\/|^CHANGELOG/.test(page))("names files that are there", () => {
    expect(pathsNamedIn(page).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

test("a link to what is not there is found, and so is an anchor that no heading has", () => {
  expect(fault("docs/glossary.md", "guide/none.md")).toContain("there is no docs/guide/none.md");
  expect(fault("docs/glossary.md", "guide/workers.md#none")).toContain("no heading has this anchor");
  expect(fault("docs/glossary.md", "guide/workers.md#deploys")).toBeUndefined();
});

test("every page of docs/ can be reached from the README", () => {
  const reached = new Set<string>();
  const follow = (page: string): void => {
    if (reached.has(page) || page === "CHANGELOG.md") return;
    reached.add(page);
    for (const target of linksOf(page)) {
      const file = relative(root, join(root, dirname(page), target.split("#")[0] ?? ""));
      if (file.endsWith(".md") && existsSync(join(root, file))) follow(file);
    }
  };
  follow("README.md");
  // Decisions are reached by their folder.
  const missed = pages.filter((page) => /^docs\/(?!decisions\/)/.test(page) && !reached.has(page));
  expect(missed).toEqual([]);
});
