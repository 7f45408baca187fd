// The migrations as a script for other tools: what it makes is what duckdive itself makes.

import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, freshDatabase } from "../postgres/database.js";
import { type Folder, folder } from "./duckdive.js";

let database: Database;
let here: Folder;
beforeAll(async () => {
  database = await freshDatabase();
  here = folder({ DATABASE_URL: database.url });
});
afterAll(async () => {
  await here.remove();
  await database.drop();
});

/** Everything that stands in a schema, as the server describes it, without the name of the schema. */
const everything = `
  select 'column', table_name || '.' || column_name, concat_ws(' ', data_type, column_default, is_nullable)
  from information_schema.columns where table_schema = $1
  union all select 'index', indexname, indexdef from pg_indexes where schemaname = $1
  union all select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) from pg_constraint
  where connamespace = $1::regnamespace
  union all select 'function', oid::regprocedure::text, pg_get_functiondef(oid) from pg_proc
  where pronamespace = $1::regnamespace
  union all select 'view', viewname, definition from pg_views where schemaname = $1
  union all select 'table', relname, concat_ws(' ', relkind, reloptions, pg_get_partkeydef(oid),
    pg_get_expr(relpartbound, oid), relacl) from pg_class where relnamespace = $1::regnamespace
  union all select 'migration', number::text, name from SCHEMA.migration
  order by 1, 2`;

async function described(client: Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<string[]>({
    text: everything.replace("SCHEMA", schema),
    values: [schema],
    rowMode: "array",
  });
  return rows.map((row) =>
    row
      .join(" · ")
      .replaceAll(`"${schema}"`, "S")
      .replaceAll(new RegExp(`\\b${schema}\\b`, "g"), "S"),
  );
}

test("--sql prints a script that makes the same schema as `duckdive migrate`", async () => {
  const { stdout: script, code } = await here.run(["migrate", "--sql", "--schema", "by_script"]);
  expect(code).toBe(0);
  expect(script).not.toMatch(/\bduckdive\./);
  const client = new Client(database.url);
  await client.connect();
  try {
    await client.query("begin");
    await client.query(script);
    await client.query("commit");
    expect((await here.run(["migrate", "--schema", "by_itself"])).stdout).toContain("Applied migration 1, 2");
    const itself = await described(client, "by_itself");
    expect(await described(client, "by_script")).toEqual(itself);
    expect(itself.length).toBeGreaterThan(200);
  } finally {
    await client.end();
  }
  expect((await here.run(["migrate", "--check", "--schema", "by_script"])).code).toBe(0);
  expect((await here.run(["migrate", "--schema", "by_script"])).stdout).toContain("Up to date");
});

test("--after leaves out what a database has", async () => {
  const { stdout } = await here.run(["migrate", "--sql", "--after", "1"]);
  expect(stdout).not.toContain("create schema");
  expect(stdout).not.toContain("(1, 'tables')");
  expect(stdout).toContain("insert into duckdive.migration (number, name) values (2,");
});

test("--sql goes with neither --check, nor SQLite, nor a name that is no schema", async () => {
  for (const args of [
    ["--check"],
    ["--store", "sqlite:jobs.db"],
    ["--schema", "No Name"],
    ["--after", "x"],
  ]) {
    const { code, stdout } = await here.run(["migrate", "--sql", ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  }
  expect((await here.run(["migrate", "--after", "2"])).code).toBe(2);
});
