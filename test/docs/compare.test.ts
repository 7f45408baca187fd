// Comparisons grow old when the others move on. Each page names the version that was read, and it has to be the one that
// is measured: who raises a version in bench/ is sent to the page, to read it again.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const { dependencies } = JSON.parse(read("bench/package.json")) as { dependencies: Record<string, string> };
const table = read("docs/compare/index.md");

test.each([
  ["bullmq", "bullmq"],
  ["pg-boss", "pg-boss"],
  ["graphile-worker", "graphile-worker"],
  ["dbos", "@dbos-inc/dbos-sdk"],
  ["sidequest", "sidequest"],
])("docs/compare/%s.md is about the version that is measured", (page, name) => {
  const version = dependencies[name] ?? "not in bench/package.json";
  expect(read(`docs/compare/${page}.md`)).toContain(`\`${name}\` ${version}`);
  expect(table).toContain(`| ${version} |`);
});

test("the table has a page for each that it names, and says of what version duckdive is", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const pages = [...table.matchAll(/\| \[[^\]]+\]\((\w[\w-]*\.md)\)/g)].map(([, page = ""]) => page);
  expect(pages).toHaveLength(6);
  expect(table).toContain(`| Version read | ${version} |`);
  for (const page of pages) expect(read(`docs/compare/${page}`)).toContain("## Take duckdive when");
});
