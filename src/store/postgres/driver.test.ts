// What the application may hand in: a pg.Pool or a postgres.js client of its own, with whatever parsers it has set.
import { Pool, types } from "pg";
import postgresJs from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { newId } from "../../kernel/index.js";
import type { Change, Store } from "../contract.js";
import { postgres } from "./index.js";

let database: Database;

beforeAll(async () => {
  database = await freshDatabase();
});

afterAll(() => database.drop());

interface Handle {
  readonly given: object;
  isOpen(): Promise<boolean>;
  end(): Promise<void>;
}

const handles: Record<string, () => Handle> = {
  "a pg.Pool with parsers of its own"() {
    const odd = { getTypeParser: () => () => "parsed by the application" };
    const pool = new Pool({ connectionString: database.url, types: { ...types, ...odd } });
    return {
      given: pool,
      isOpen: async () => (await pool.query("select 1")).rows.length === 1,
      end: () => pool.end(),
    };
  },
  "a postgres.js client that renames columns"() {
    const sql = postgresJs(database.url, { transform: postgresJs.camel, onnotice: () => {} });
    return {
      given: sql,
      isOpen: async () => (await sql`select 1`).length === 1,
      end: () => sql.end({ timeout: 1 }),
    };
  },
};

describe.each(Object.keys(handles))("on %s", (name) => {
  let handle: Handle;
  let store: Store;
  let other: Store;

  beforeAll(async () => {
    const make = handles[name];
    if (make === undefined) throw new Error(`There is no handle called ${name}.`);
    handle = make();
    store = postgres({ database: handle.given });
    other = postgres({ database: database.url });
    await Promise.all([store.open(), other.open()]);
  });

  afterAll(async () => {
    await store.close();
    await other.close();
    await handle.end();
  });

  test("a run goes from its insert to its end", async () => {
    const run = {
      id: newId(),
      job: "odd",
      version: 1,
      queue: 'a "queue", {or}',
      priority: 3,
      input: '{"a":"\\u0000ü"}',
    };
    const worker = newId();
    await store.insert([run]);
    await store.register({ id: worker, host: "h", pid: 1, abilities: [], queues: {} });
    const [claimed] = await store.claim({ worker, queues: { "*": 5 }, abilities: [] });
    expect(claimed).toMatchObject({ run: run.id, input: run.input, queue: run.queue, attempt: 1 });
    if (claimed === undefined) return;
    const answer = await store.settle([
      {
        run: claimed.run,
        token: claimed.token,
        claim: claimed.claim,
        state: "succeeded",
        output: '["x, y"]',
      },
    ]);
    expect(answer).toEqual([{ taken: true, state: "succeeded" }]);
    expect(await store.find([run.id])).toMatchObject([{ state: "succeeded", output: '["x, y"]' }]);
    await store.retire(worker);
  });

  test("what another store records is heard", async () => {
    const heard = new Promise<Change>((resolve) => {
      store.watch((change) => {
        if (change.origin === "elsewhere" && change.due === 4_000_000_000_000) resolve(change);
      });
    });
    await other.insert([
      {
        id: newId(),
        job: "later",
        version: 1,
        queue: "default",
        priority: 0,
        due: { at: 4_000_000_000_000 },
      },
    ]);
    expect((await heard).due).toBe(4_000_000_000_000);
  });

  test("closing the store leaves the application's own connections open", async () => {
    await store.close();
    expect(await handle.isOpen()).toBe(true);
  });
});
