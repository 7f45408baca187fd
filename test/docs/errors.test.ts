// Holds docs/errors.md equal to the code: every file that declares an error is imported, every class in it that has
// a code must have its row, with its own name, and a row without a class is a failure as well.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const source = join(root, "src");

/** Files that declare a class of error, wherever they stand. */
function filesWithErrors(): string[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
    .map((path) => join(source, path))
    .filter((path) => /^export class \w+ extends \w*Error\b/m.test(readFileSync(path, "utf8")));
}

interface ErrorClass {
  readonly code: string;
  readonly name: string;
}

function errorClasses(module: object): ErrorClass[] {
  return Object.values(module).flatMap((value: unknown) => {
    if (typeof value !== "function" || !(value.prototype instanceof Error) || !("code" in value)) return [];
    return typeof value.code === "string" ? [{ code: value.code, name: value.name }] : [];
  });
}

interface Row extends ErrorClass {
  readonly whatHappened: string;
  readonly remedy: string;
}

function rows(): Row[] {
  return readFileSync(join(root, "docs/errors.md"), "utf8")
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter((cells) => cells.length >= 6 && /^`[A-Z0-9_]+`$/.test(cells[1] ?? ""))
    .map(([, code = "", name = "", whatHappened = "", remedy = ""]) => ({
      code: code.slice(1, -1),
      name: name.slice(1, -1),
      whatHappened,
      remedy,
    }));
}

const line = ({ code, name }: ErrorClass): string => `${code} ${name}`;

test("every error of the code has its row in docs/errors.md, and every row its error", async () => {
  const modules: object[] = await Promise.all(
    filesWithErrors().map((path): Promise<object> => import(pathToFileURL(path).href)),
  );
  const declared = new Set(modules.flatMap(errorClasses).map(line));
  expect(rows().map(line).toSorted()).toEqual([...declared].toSorted());
});

test("every row says what happened and what to do", () => {
  for (const row of rows()) {
    expect(row.whatHappened, row.code).toMatch(/\w/);
    expect(row.remedy, row.code).toMatch(/\w/);
  }
});

test("a code belongs to one class and a class to one code", () => {
  const all = rows();
  expect(new Set(all.map(({ code }) => code)).size).toBe(all.length);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
});
