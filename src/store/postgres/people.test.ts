// Runs recorded with SQL alone, and the view that people look at: as roles that may do that and nothing else.

// cspell:ignore dely
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { job, open } from "../../index.js";
import type { Duckdive } from "../../queue/index.js";

const positive = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: (value: unknown) =>
      typeof value === "object" && value !== null && "n" in value && Number(value.n) > 0
        ? { value: { n: Number(value.n) } }
        : { issues: [{ message: "n has to be positive", path: ["n"] }] },
    types: undefined as undefined | { input: { n: number }; output: { n: number } },
  },
};
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const double = job({ name: "double", queue: "sums", input: positive, handle: ({ n }) => 2 * n });
const tick = job({ name: "tick", queue: "ticks", priority: 3, handle: () => "ticked" });

let database: Database;
let client: Client;
const opened: Duckdive[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  client = new Client(database.url);
  await client.connect();
  await queue().ready();
});
afterEach(async () => {
  for (const duckdive of opened.splice(0)) await duckdive.close();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

function queue(): Duckdive {
  const duckdive = open(database.url, { jobs: [double, tick], log: silent });
  opened.push(duckdive);
  return duckdive;
}

async function enqueue(...given: unknown[]): Promise<string> {
  const { rows } = await client.query(
    `select duckdive.enqueue(${given.map((_, place) => `$${place + 1}`).join(", ")}) as id`,
    given,
  );
  return String(rows[0].id);
}

describe("duckdive.enqueue", () => {
  test("of a job that nobody has published waits, and the first worker that knows it checks and runs it", async () => {
    const duckdive = queue();
    const id = await enqueue(
      "double",
      { n: 4 },
      { tags: ["by-hand"], meta: { tenant: "acme" }, priority: 7 },
    );
    expect(await duckdive.get(id)).toMatchObject({ state: "waiting", waiting: { reason: "preparation" } });
    expect(await duckdive.explain(id)).toEqual([expect.stringContaining("recorded without its definition")]);
    duckdive.work();
    expect(await duckdive.run(double, id).result({ timeout: "10s" })).toBe(8);
    expect(await duckdive.get(id)).toMatchObject({
      state: "succeeded",
      attempt: 1,
      queue: "sums",
      priority: 7,
      tags: ["by-hand"],
      meta: { tenant: "acme" },
    });
  });

  test("with an input that the job does not take fails without an attempt, and says why", async () => {
    const duckdive = queue();
    const id = await enqueue("double", { n: -4 });
    const unexpected = await enqueue("tick", "null");
    duckdive.work();
    for (const run of [duckdive.run(double, id), duckdive.run(tick, unexpected)]) {
      expect(await run.outcome({ timeout: "10s" })).toMatchObject({ state: "failed" });
      expect(await run.get()).toMatchObject({ reason: "invalid-input", attempt: 0 });
    }
    expect((await duckdive.explain(id))[0]).toMatch(/n has to be positive/);
  });

  test("of a published job without input, key or limit is ready at once, in its queue and at its priority", async () => {
    const duckdive = queue();
    const worker = duckdive.work();
    await worker.ready;
    await worker.stop();
    expect(await duckdive.explain(await enqueue("tick"))).toEqual([
      expect.stringMatching(/no worker is running/),
    ]);
    const id = await enqueue("tick");
    expect(await duckdive.get(id)).toMatchObject({ state: "ready", queue: "ticks", priority: 3 });
    duckdive.work();
    expect(await duckdive.run(tick, id).result({ timeout: "10s" })).toBe("ticked");
    expect(await duckdive.run(tick, await enqueue("tick")).result({ timeout: "10s" })).toBe("ticked");
  });

  test("at a later time is scheduled for it", async () => {
    const duckdive = queue();
    const at = new Date(Date.now() + 3_600_000);
    const ids = [
      await enqueue("tick", null, { runAt: at.toISOString() }),
      await enqueue("tick", null, { delay: "1h" }),
      await enqueue("tick", null, { delay: "1 hour" }),
    ];
    for (const id of ids) {
      const run = await duckdive.get(id);
      expect(run?.state).toBe("scheduled");
      expect(Math.abs(Number(run?.runAt) - at.getTime())).toBeLessThan(60_000);
    }
  });

  test("belongs to the transaction that calls it, also as a trigger", async () => {
    const duckdive = queue();
    await client.query(`
      create table account (id integer primary key);
      create function greet() returns trigger language plpgsql as $$ begin
        perform duckdive.enqueue('double', jsonb_build_object('n', new.id));
        return new;
      end $$;
      create trigger greet after insert on account for each row execute function greet();
    `);
    await client.query("begin");
    await client.query("insert into account values (20)");
    await client.query("rollback");
    await client.query("insert into account values (21), (22)");
    const runs = await duckdive.list({ job: double, state: ["waiting", "ready"] });
    expect(runs.runs.map(({ input }) => input)).toEqual(expect.arrayContaining([{ n: 21 }, { n: 22 }]));
    expect(runs.runs.map(({ input }) => input)).not.toContainEqual({ n: 20 });
  });

  test("asked twice with one id records one run, also when it has ended", async () => {
    const duckdive = queue();
    const id = "0193a1c0-0000-7000-8000-0000000000aa";
    expect(await enqueue("tick", null, { id })).toBe(id);
    expect(await enqueue("tick", null, { id })).toBe(id);
    duckdive.work();
    await duckdive.run(tick, id).result({ timeout: "10s" });
    expect(await enqueue("tick", null, { id })).toBe(id);
    expect((await client.query("select id from duckdive.run where id = $1", [id])).rowCount).toBe(1);
    expect(await duckdive.get(id)).toMatchObject({ state: "succeeded" });
  });

  test.each([
    ["", null, {}, "no name"],
    ["tick", null, { dely: "5m" }, 'no option "dely"'],
    ["tick", null, { delay: "5m", runAt: "2030-01-01T00:00:00Z" }, "both delay and runAt"],
    ["tick", null, { delay: "soon" }, "interval"],
    ["tick", null, { priority: 11 }, "priority 11"],
    ["tick", null, { tags: "nightly" }, "tags"],
    ["tick", null, { tags: [7] }, "tags"],
    ["tick", null, { meta: { tenant: 7 } }, "meta"],
    ["tick", null, { id: "7" }, "uuid"],
  ])("refuses %j %j %j: %s", async (name, input, options, message) => {
    await expect(enqueue(name, input, options)).rejects.toThrow(message);
  });

  test("refuses an input over the limit of every input", async () => {
    await expect(enqueue("tick", JSON.stringify("x".repeat(1_048_576)))).rejects.toThrow("limit is 1048576");
  });
});

describe("rights", () => {
  /** Runs statements as a new role that was granted this. */
  async function as(
    grants: string[],
    statements: (role: Client, url: string) => Promise<void>,
  ): Promise<void> {
    const role = `${database.name}_${Math.random().toString(36).slice(2)}`;
    const superuser = new Client(database.superuserUrl);
    await superuser.connect();
    try {
      await superuser.query(`create role ${role} login`);
      for (const grant of grants) await superuser.query(`${grant} to ${role}`);
      const url = new URL(database.url);
      url.username = role;
      const one = new Client(url.href);
      await one.connect();
      try {
        await statements(one, url.href);
      } finally {
        await one.end();
      }
    } finally {
      await superuser.query(`drop owned by ${role}`);
      await superuser.query(`drop role ${role}`);
      await superuser.end();
    }
  }
  const usage = "grant usage on schema duckdive";
  const permission = expect.objectContaining({ code: "42501" });

  test("to call duckdive.enqueue are granted by themselves, and bring no other", async () => {
    await as([usage], async (role) => {
      await expect(role.query("select duckdive.enqueue('tick')")).rejects.toThrow(permission);
    });
    await as([usage, "grant execute on function duckdive.enqueue"], async (role) => {
      expect((await role.query("select duckdive.enqueue('tick') as id")).rows[0].id).toMatch(
        /^[0-9a-f-]{36}$/,
      );
      for (const forbidden of [
        "select * from duckdive.run",
        "delete from duckdive.runs",
        "select duckdive.insert_runs('{}', '{}', '{}', '[]', '{}', false, null, null, null)",
      ])
        await expect(role.query(forbidden)).rejects.toThrow(permission);
    });
  });

  test("to look are those of the view", async () => {
    await as([usage, "grant select on duckdive.run"], async (role) => {
      expect((await role.query("select id from duckdive.run where job = 'tick' limit 1")).rowCount).toBe(1);
      await expect(role.query("select * from duckdive.runs")).rejects.toThrow(permission);
    });
  });

  test("of an application that does not work are those of the tables, without owning them", async () => {
    const grants = [
      usage,
      "grant select, insert, update, delete on all tables in schema duckdive",
      "grant usage on all sequences in schema duckdive",
    ];
    await as(grants, async (_role, url) => {
      const duckdive = open(url, { migrate: false, log: silent });
      opened.push(duckdive);
      const run = await duckdive.enqueue(double, { n: 5 });
      await duckdive.cancel(run.id);
      expect((await run.get()).state).toBe("cancelled");
      await duckdive.retry(run.id);
      expect(await duckdive.explain(run.id)).toHaveLength(1);
      await duckdive.delete(run.id);
      await duckdive.close();
    });
  });

  test("that are missing are an error with its remedy", async () => {
    await as([usage], async (_role, url) => {
      const duckdive = open(url, { migrate: false, log: silent });
      opened.push(duckdive);
      await expect(duckdive.ready()).rejects.toMatchObject({ code: "STORE_PERMISSION" });
      await duckdive.close();
    });
  });

  test("a path of the caller's own changes nothing of what it does", async () => {
    await as(
      [usage, "grant execute on function duckdive.enqueue", `grant temporary on database ${database.name}`],
      async (role) => {
        await role.query(
          "create function pg_temp.now_or(bigint) returns bigint language sql as 'select 0::bigint'",
        );
        await role.query("set search_path = pg_temp, public");
        expect((await role.query("select duckdive.enqueue('tick') as id")).rows).toHaveLength(1);
      },
    );
  });
});

test("the view has one row a run, wherever it is, with its state", async () => {
  const duckdive = queue();
  const done = await duckdive.enqueue(double, { n: 1 });
  duckdive.work();
  await done.result({ timeout: "10s" });
  await duckdive.close();
  opened.length = 0;
  const waiting = await enqueue("nobody", { secret: 1 });
  const { rows } = await client.query("select * from duckdive.run where id = any($1) order by job", [
    [done.id, waiting],
  ]);
  expect(rows).toMatchObject([
    { id: done.id, job: "double", state: "succeeded", attempt: 1, input: { n: 1 }, output: 2 },
    { id: waiting, job: "nobody", state: "waiting", waiting_for: "preparation", input: { secret: 1 } },
  ]);
  expect(rows[0].finished_at).toBeInstanceOf(Date);
  const twice = await client.query("select id from duckdive.run group by id having count(*) > 1");
  expect(twice.rows).toEqual([]);
});
