// Every TypeScript block of README.md and docs/ is what it says: it compiles under strict rules, and it runs.
//
// A block is a file of its document's folder: the one that it names (```ts file=jobs.ts), or one of its own. Blocks
// are compiled together and then run one after the other, each in a process of its own, against `dist/`. A block that
// needs a server says so: ```ts no-run REASON. A block with ```ts prints prints what the comments behind its console.log
// say, up to a colon. The guide to testing and the tutorial have tests of their own that run them.
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
// Below the package, so that `duckdive` and its neighbours are found as they are from an application.
const workshop = join(root, ".cache", `snippets-${process.pid}`);
const runElsewhere = new Set(["docs/guide/testing.md", "docs/tutorial/index.md"]);
const execute = promisify(execFile);

interface Snippet {
  readonly document: string;
  readonly line: number;
  readonly path: string;
  readonly text: string;
  readonly runs: boolean;
  readonly prints: boolean;
}

function documents(): string[] {
  const pages = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" });
  const kept = pages.map((page) => `docs/${page.replaceAll("\\", "/")}`);
  return ["README.md", ...kept.filter((page) => page.endsWith(".md")).sort()];
}

function snippetsOf(document: string): Snippet[] {
  const text = readFileSync(join(root, document), "utf8");
  return [...text.matchAll(/^```ts(?: ([^\n]*))?\n(.*?)^```$/gms)].map((found, index) => {
    const [, information = "", code = ""] = found;
    const name = /\bfile=(\S+)/.exec(information)?.[1] ?? `block-${index + 1}.ts`;
    return {
      document,
      line: text.slice(0, found.index).split("\n").length,
      path: join(workshop, document.replaceAll(/[/.]/g, "-"), name),
      text: code,
      runs: !/^no-run \w/.test(information) && !runElsewhere.has(document),
      prints: /\bprints\b/.test(information),
    };
  });
}

/** What a block says that it prints, line by line. */
function promised(text: string): string[] {
  return [...text.matchAll(/^\s*console\.log\(.*\); \/\/ (.*)$/gm)].map(([, said = ""]) => said);
}

/** What was printed, with what its comment explains behind it: `1` is as good as `1: that of the first order`. */
function explained(stdout: string, comments: readonly string[]): string[] {
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line, index) =>
    comments[index]?.startsWith(`${line}: `) ? (comments[index] ?? "") : line,
  );
}

const snippets = documents().flatMap(snippetsOf);

beforeAll(() => {
  for (const { path, text } of snippets) {
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
  }
  const settings = {
    extends: join(root, "tsconfig.base.json"),
    compilerOptions: { noEmit: true, allowImportingTsExtensions: true },
    include: ["**/*.ts"],
  };
  writeFileSync(join(workshop, "tsconfig.json"), JSON.stringify(settings));
});

afterAll(() => rmSync(workshop, { recursive: true, force: true }));

test("the documents have snippets", () => {
  expect(snippets.filter(({ document }) => document === "README.md")).not.toHaveLength(0);
});

test("the snippets compile", { timeout: 60_000 }, async () => {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const compiling = execute(process.execPath, [compiler, "-p", workshop]);
  const said = await compiling.then(
    () => "",
    (error: { stdout?: string }) => error.stdout ?? String(error),
  );
  expect(said).toBe("");
});

describe("the snippets run", () => {
  for (const { document, line, path, text, runs, prints } of snippets) {
    test.skipIf(!runs)(`${document}:${line}`, { timeout: 30_000 }, async () => {
      const jiti = join(root, "node_modules", "jiti", "lib", "jiti-cli.mjs");
      const { stdout, stderr } = await execute(process.execPath, [jiti, path], { cwd: join(path, "..") });
      expect(stderr).toBe("");
      if (prints) expect(explained(stdout, promised(text))).toEqual(promised(text));
    });
  }
});
