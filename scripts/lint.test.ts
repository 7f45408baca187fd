// Shows that the linter really follows types: a promise that nobody awaits is caught wherever it comes from.
// If an upgrade of the linter loses one of these, this test says so and not a lost write in production.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lint-"));
  const settings = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
  writeFileSync(join(folder, "biome.json"), JSON.stringify({ ...settings, vcs: { enabled: false } }));
  writeFileSync(
    join(folder, "pond.ts"),
    `export interface Wait<T> extends Promise<T> { readonly name: string }
export interface Pond { put(ducks: number[]): Promise<void>; wait<T>(name: string): Wait<T> }
export async function feed(): Promise<void> {}
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["of an async function from another file", "feed();"],
  ["of an interface's method", "pond.put([1]);"],
  ["of a type that extends Promise", "pond.wait<number>('rain');"],
  ["of a callback", "for (const call of calls) call();"],
  ["of a map over async functions", "calls.map((call) => call());"],
])("a floating promise %s is caught", (_, statement) => {
  expect(lint(statement)).toContain("noFloatingPromises");
});

test("a promise that is awaited is left alone", () => {
  expect(lint("await feed();")).not.toContain("noFloatingPromises");
});

function lint(statement: string) {
  const text = `import { feed, type Pond } from "./pond.js";
export async function visit(pond: Pond, calls: (() => Promise<void>)[]) {
  ${statement}
}
`;
  writeFileSync(join(folder, "visit.ts"), text);
  const biome = join(root, "node_modules", ".bin", "biome");
  const result = spawnSync(biome, ["lint", "visit.ts"], { cwd: folder, encoding: "utf8" });
  expect(result.stderr + result.stdout).toContain("Checked 1 file");
  return result.stderr + result.stdout;
}
