// An encrypted store on PostgreSQL: no row of any table has in it what an application put in.
import { expect, onTestFinished, test } from "vitest";
import { postgres } from "../../src/store/postgres/index.js";
import { keyA, putEverywhere, readBack, secret } from "../secrets/everything.js";
import { ask } from "./ask.js";
import { freshDatabase } from "./database.js";

test("no table has in it what an application puts in, and whoever has the key has all of it", async () => {
  const database = await freshDatabase();
  const store = postgres({ database: database.url });
  onTestFinished(async () => {
    await store.close();
    await database.drop();
  });
  const encryption = { current: "a", keys: { a: keyA } };
  const { failed, paid } = await putEverywhere(store, encryption);
  const tables = await ask(database.url, "select relid::regclass::text as name from pg_stat_user_tables");
  const rows = await Promise.all(
    tables.map(async ({ name }) => ask(database.url, `select one::text from ${String(name)} as one`)),
  );
  const text = JSON.stringify(rows);
  expect(text).toContain("paying");
  expect(text).not.toContain(secret);
  const known = await readBack(store, encryption, [failed, paid]);
  expect(known.split(secret).length - 1).toBeGreaterThan(20);
  expect(known).not.toContain("~sealed");
});
