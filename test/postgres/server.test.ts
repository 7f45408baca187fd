// The servers that tests bring along do what tests rely on.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ask } from "./ask.js";
import { bouncerKnowsPreparedStatements, bouncerVersion, startBouncer } from "./bouncer.js";
import { type Database, databaseOn, freshDatabase } from "./database.js";
import { startProxy } from "./proxy.js";
import { type Server, startServer } from "./server.js";
import { startPrimaryWithStandby } from "./standby.js";

const seven = [{ number: 7 }];

describe("a server of a test's own", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer({ settings: { work_mem: "5MB", application_name: "it's" } });
  });
  afterAll(async () => {
    await server.end();
    expect(existsSync(server.folder)).toBe(false);
  });

  test("has the settings that were asked for, and waits for the disk unless told not to", async () => {
    const sql = "select current_setting('work_mem') as memory, current_setting('fsync') as fsync";
    expect(await ask(server.url(), sql)).toEqual([{ memory: "5MB", fsync: "on" }]);
  });

  test("keeps what was committed when its postmaster is killed, and takes the same address again", async () => {
    const url = await server.createDatabase();
    await ask(url, "create table kept as select 7 as number");
    await server.kill("SIGKILL");
    expect(server.pid).toBe(undefined);
    await expect(ask(url, "select 1")).rejects.toThrow(/ECONNREFUSED/);
    await server.start();
    expect(await ask(url, "select * from kept")).toEqual(seven);
  });

  test.each(["fast", "immediate"] as const)("restarts after a stop that is %s", async (manner) => {
    const client = await connected(server.url());
    const lost = ended(client);
    const before = server.pid;
    await server.restart(manner);
    await lost;
    expect(server.pid).not.toBe(before);
    expect(await ask(server.url(), "select 7 as number")).toEqual(seven);
  });

  test("makes a database after the model of another", async () => {
    const model = await server.createDatabase("a model");
    await ask(model, "create table kept as select 7 as number");
    expect(await ask(await server.createDatabase("a copy", { template: "a model" }), "table kept")).toEqual(
      seven,
    );
  });

  test("says why it cannot start", async () => {
    await expect(startServer({ settings: { work_mem: "much" } })).rejects.toThrow(/work_mem.*much/s);
  });
});

test("a server and its folder are gone when the process that started them is killed", async () => {
  const script = fileURLToPath(new URL("starter.mjs", import.meta.url));
  const starter = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: starter.stdout }), "line");
  const { folder, pid }: { folder: string; pid: number } = JSON.parse(String(line));
  expect(existsSync(folder)).toBe(true);
  starter.kill("SIGKILL");
  await expect.poll(() => isAlive(pid) || existsSync(folder), { timeout: 10_000 }).toBe(false);
});

describe("the server that test files share", () => {
  test("gives each file an empty database, owned by a role that is no superuser", async () => {
    const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
    await ask(one.url, "create table here as select 1");
    await expect(ask(other.url, "select * from here")).rejects.toThrow(/does not exist/);
    const sql = "select current_user as name, current_setting('is_superuser') as super";
    expect(await ask(one.url, sql)).toEqual([{ name: one.owner, super: "off" }]);
    expect(await ask(one.superuserUrl, sql)).toEqual([{ name: "postgres", super: "on" }]);
    await Promise.all([one.drop(), other.drop()]);
    await expect(ask(one.url, "select 1")).rejects.toThrow(/does not exist/);
  });
});

test("what a primary has answered is on its standby, which takes over when it is promoted", async () => {
  const pair = await startPrimaryWithStandby();
  onTestFinished(() => pair.end());
  const proxy = await startProxy(pair.primary.port);
  onTestFinished(() => proxy.stop());
  const { url } = await databaseOn(pair.primary.url());
  const address = proxy.through(url);
  await ask(address, "create table kept as select 7 as number");
  await pair.primary.kill("SIGKILL");
  await pair.promote();
  proxy.redirect(pair.standby.port);
  expect(await ask(address, "update kept set number = number returning number")).toEqual(seven);
}, 40_000);

describe("a network that a test can spoil", () => {
  let database: Database;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  const tables = (name: string) =>
    ask(database.url, "select tablename as name from pg_tables where tablename = $1", [name]);

  async function spoilt() {
    const proxy = await startProxy(Number(new URL(database.url).port));
    onTestFinished(() => proxy.stop());
    return { proxy, client: await connected(proxy.through(database.url)) };
  }

  test("cuts connections, and takes new ones", async () => {
    const { proxy, client } = await spoilt();
    const lost = ended(client);
    proxy.cut();
    await lost;
    expect(await ask(proxy.through(database.url), "select 7 as number")).toEqual(seven);
  });

  test("delivers nothing while it is silent, and everything afterwards", async () => {
    const { proxy, client } = await spoilt();
    proxy.silence();
    const answer = client.query("create table heard as select 7 as number");
    const another = connected(proxy.through(database.url));
    await expect.poll(() => proxy.connections()).toBe(2);
    expect(await tables("heard")).toEqual([]);
    proxy.resume();
    await answer;
    expect((await (await another).query("table heard")).rows).toEqual(seven);
  });

  test("lets a request be done whose answer is never seen", async () => {
    const { proxy, client } = await spoilt();
    proxy.silence("answers");
    const refused = expect(client.query("create table done as select 7 as number")).rejects.toThrow();
    await expect.poll(() => tables("done")).toEqual([{ name: "done" }]);
    proxy.cut();
    await refused;
  });
});

describe.skipIf(bouncerVersion === undefined)("a PgBouncer in front of a database", () => {
  async function bounced(preparedStatements: number) {
    const database = await freshDatabase();
    const bouncer = await startBouncer(database.url, {
      preparedStatements,
      settings: { default_pool_size: 2 },
    });
    if (!bouncer) throw new Error("There is no PgBouncer that can do what is asked.");
    onTestFinished(async () => {
      await bouncer.end();
      await database.drop();
    });
    return bouncer.url;
  }
  const prepared = { name: "one", text: "select 7 as number, pg_backend_pid() as pid" };

  test("gives a client another server for each transaction, so a prepared statement is lost", async () => {
    const url = await bounced(0);
    const [one, other] = [await connected(url), await connected(url)];
    const { rows: before } = await one.query(prepared);
    await other.query("begin");
    const { rows: busy } = await other.query("select pg_backend_pid() as pid");
    expect(busy[0].pid).toBe(before[0].pid);
    await expect(one.query(prepared)).rejects.toThrow(/prepared statement "one" does not exist/);
    await other.query("commit");
  });

  test.skipIf(!bouncerKnowsPreparedStatements)("follows prepared statements if told to", async () => {
    const url = await bounced(10);
    const [one, other] = [await connected(url), await connected(url)];
    await one.query(prepared);
    await other.query("begin");
    expect((await one.query(prepared)).rows).toMatchObject(seven);
    await other.query("commit");
  });
});

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(async () => {
    await client.end().catch(() => {});
  });
  return client;
}

/** Not `once`, which takes the error that a lost connection is told by for its own. */
function ended(client: Client): Promise<void> {
  return new Promise((resolve) => {
    client.once("end", resolve);
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
