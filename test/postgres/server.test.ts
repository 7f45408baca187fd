// The servers that tests bring along do what tests rely on.
import { existsSync } from "node:fs";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshDatabase } from "./database.js";
import { careless, type Server, startServer } from "./server.js";

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("a server of a test's own", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ settings: { work_mem: "5MB" } });
  });
  afterAll(async () => {
    await server.end();
    expect(existsSync(server.folder)).toBe(false);
  });

  test("has the settings that were asked for, and waits for the disk unless told not to", async () => {
    const sql = "select current_setting('work_mem') as memory, current_setting('fsync') as fsync";
    expect(await ask(server.url(), sql)).toEqual([{ memory: "5MB", fsync: "on" }]);
    expect(careless.fsync).toBe("off");
  });

  test("keeps what was committed when its postmaster is killed, and takes the same address again", async () => {
    const url = await server.createDatabase();
    await ask(url, "create table kept as select 7 as number");
    await server.kill("SIGKILL");
    expect(server.pid).toBe(undefined);
    await expect(ask(url, "select 1")).rejects.toThrow(/ECONNREFUSED/);
    await server.start();
    expect(await ask(url, "select * from kept")).toEqual([{ number: 7 }]);
  });
});

describe("the server that test files share", () => {
  test("gives each file an empty database, owned by a role that is no superuser", async () => {
    const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
    await ask(one.url, "create table here as select 1");
    await expect(ask(other.url, "select * from here")).rejects.toThrow(/does not exist/);
    const sql = "select current_user as name, rolsuper from pg_roles where rolname = current_user";
    expect(await ask(one.url, sql)).toEqual([{ name: one.owner, rolsuper: false }]);
    expect(await ask(one.superuserUrl, sql)).toEqual([{ name: "postgres", rolsuper: true }]);
    await Promise.all([one.drop(), other.drop()]);
    await expect(ask(one.url, "select 1")).rejects.toThrow(/does not exist/);
  });
});
