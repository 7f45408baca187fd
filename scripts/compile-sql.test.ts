// The SQL compiler on small stores in a temporary folder.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { compileStores } from "./compile-sql.mjs";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "compile-sql-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string) {
  const file = join(root, "src/store/pond", path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function compiled() {
  compileStores(root, { check: false });
  const text = readFileSync(join(root, "src/store/pond/statements.ts"), "utf8").replaceAll(" as const", "");
  return (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
    statements: Record<string, string>;
    migrations: { number: number; name: string; sql: string }[];
  };
}

describe("a statement", () => {
  test("is named after its file and loses its comments, not its literals", async () => {
    write(
      "sql/mark-failed.sql",
      "-- Marks; served by runs_state.\nUPDATE runs -- all\nSET note = '-- kept; ''/* too */', \"a--b\" = :note /* gone */\n\nWHERE id = :id;\n",
    );
    expect((await compiled()).statements).toEqual({
      markFailed: "UPDATE runs\nSET note = '-- kept; ''/* too */', \"a--b\" = :note\nWHERE id = :id",
    });
  });

  test("survives backticks, backslashes and dollar signs", async () => {
    const statement = `SELECT '\`', '\\n', '\${x}', $$a;b--c$$, $body$;$body$`;
    write("sql/odd.sql", `-- Odd.\n${statement}`);
    expect((await compiled()).statements.odd).toBe(statement);
  });

  test("must open with a comment", () => {
    write("sql/bare.sql", "SELECT 1");
    expect(() => compileStores(root, { check: false })).toThrow(/bare\.sql: open with a comment/);
  });

  test("is alone in its file", () => {
    write("sql/two.sql", "-- Two.\nSELECT 1; SELECT 2;");
    expect(() => compileStores(root, { check: false })).toThrow(/two\.sql: one statement a file/);
  });

  test("has a name in lower case with dashes", () => {
    write("sql/markFailed.sql", "-- Marks.\nSELECT 1");
    expect(() => compileStores(root, { check: false })).toThrow(/like mark-failed\.sql/);
  });
});

describe("a migration", () => {
  test("keeps every byte", async () => {
    const sql = "-- Why.\nCREATE TABLE a (b); -- b\nCREATE TABLE c (d);\n";
    write("migrations/0001-first-tables.sql", sql);
    expect((await compiled()).migrations).toEqual([{ number: 1, name: "first-tables", sql }]);
  });

  test("may be added, never changed", () => {
    write("migrations/0001-first.sql", "SELECT 1;\n");
    compileStores(root, { check: false });
    write("migrations/0002-second.sql", "SELECT 2;\n");
    expect(compileStores(root, { check: false })).toContain("src/store/pond/migrations/checksums.json");
    write("migrations/0001-first.sql", "SELECT 3;\n");
    expect(() => compileStores(root, { check: false })).toThrow(/0001-first\.sql has changed/);
    expect(() => compileStores(root, { check: true })).toThrow(/write a new migration/);
  });

  test("may not disappear or leave a gap", () => {
    write("migrations/0001-first.sql", "SELECT 1;\n");
    compileStores(root, { check: false });
    rmSync(join(root, "src/store/pond/migrations/0001-first.sql"));
    expect(() => compileStores(root, { check: true })).toThrow(/0001-first\.sql is gone/);
    write("migrations/0002-second.sql", "SELECT 2;\n");
    expect(() => compileStores(root, { check: true })).toThrow(/this one is number 1/);
  });
});

test("checking names what is stale and writes nothing", () => {
  write("sql/one.sql", "-- One.\nSELECT 1");
  expect(compileStores(root, { check: true })).toEqual(["src/store/pond/statements.ts"]);
  expect(compileStores(root, { check: false })).toEqual(["src/store/pond/statements.ts"]);
  expect(compileStores(root, { check: true })).toEqual([]);
});
