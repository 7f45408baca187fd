// The guide to testing, held to its word: its files are written out as they stand there and run by `node --test`, in a
// process of its own and against `dist/`, as a reader's would be.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const guide = readFileSync(join(root, "docs/guide/testing.md"), "utf8");

/** The blocks of the guide that are files. */
const files = [...guide.matchAll(/^```ts file=(\S+)\n(.*?)^```$/gms)].map(([, name = "", text = ""]) => ({
  name,
  text,
}));

function nodeTest(folder: string, paths: readonly string[]): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--test", ...paths], { cwd: folder });
    let said = "";
    const hear = (data: Buffer): void => {
      said += data.toString();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    onTestFinished(() => void child.kill("SIGKILL"));
    child.on("close", (code) => resolve({ code, said }));
  });
}

test("every example of the guide to testing passes under node:test", async () => {
  expect(files.map(({ name }) => name)).toEqual([
    "jobs.ts",
    "drain.test.ts",
    "advance.test.ts",
    "failures.test.ts",
  ]);
  // Below the repository, so that `duckdive` is the package itself.
  const folder = join(root, ".cache", `testing-guide-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const { name, text } of files) {
    const { code } = await transform(text, { loader: "ts", format: "esm", target: "node20" });
    writeFileSync(join(folder, name.replace(/\.ts$/, ".js")), code);
  }
  const tests = files
    .filter(({ name }) => name.includes(".test."))
    .map(({ name }) => name.replace(/\.ts$/, ".js"));
  const { code, said } = await nodeTest(folder, tests);
  expect(said).toMatch(/pass 4\b/);
  expect(code).toBe(0);
}, 60_000);
