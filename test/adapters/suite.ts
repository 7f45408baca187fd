// What every adapter for PostgreSQL promises, said once and shown with the real library on a real database.
//
// A test file beside this one opens its library and says how a transaction of it begins, how a part of one is rolled
// back, and how it writes a row. Both ways into a transaction are shown: one that the application began, which
// `enqueue` joins through `connectionOf`, and one that the adapter begins, which `ctx.tx` and `ctx.succeed` use.
import { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Adapter, isSqlConnection, type SqlConnection } from "../../src/job/index.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import { describeRuns } from "./runs.js";
import { describeWork } from "./work.js";

/** What a test file says of its library, opened on a database. */
interface Ways<Tx> {
  /** The library's own transaction. */
  transaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** A part of a transaction, rolled back on its own when the function rejects. */
  nested(tx: Tx, fn: (tx: Tx) => Promise<void>): Promise<void>;
  /** Writes a row into `wines` in the library's own way. */
  insert(tx: Tx, name: string): Promise<unknown>;
  /** What is no open transaction of it, however alike. */
  readonly strangers: Readonly<Record<string, unknown>>;
  /** Why a transaction that has ended cannot be told from an open one, where that is so. */
  readonly endedIsTaken?: string;
  close(): Promise<unknown>;
}

export interface Library<Tx> extends Ways<Tx> {
  readonly adapter: Adapter<Tx>;
}

/** The adapter comes first, since its type is that of all the rest. */
export function library<Tx>(adapter: Adapter<Tx>, ways: Ways<Tx>): Library<Tx> {
  return { adapter, ...ways };
}

const awkward = [
  `it's "quoted", {"a": [1, null]}`,
  String.raw`\ \\ \' \? \n`,
  "? ?? :name ::text $1 $$ $$$ %s %{x} E'x' --",
  "ü 漢 🦆 \t\n\r",
  "",
];

/** The tests of one adapter. */
export function describeAdapter<Tx extends object>(
  name: string,
  connect: (url: string) => Promise<Library<Tx>>,
): void {
  let database: Database;
  let opened: Library<Tx>;
  let outside: Pool;

  beforeAll(async () => {
    database = await freshDatabase();
    outside = new Pool({ connectionString: database.url, max: 2 });
    // The end of the database may reach a connection that is on its way out.
    outside.on("error", () => {});
    await outside.query("create table wines (id serial primary key, name text not null unique)");
    opened = await connect(database.url);
  }, 60_000);
  afterAll(async () => {
    await opened?.close();
    await outside?.end();
    await database?.drop();
  });
  beforeEach(() => outside.query("truncate wines"));

  function connectionOf(transaction: Tx | undefined): SqlConnection {
    const connection = opened.adapter.connectionOf(transaction);
    if (!isSqlConnection(connection)) throw new TypeError("That is no SqlConnection.");
    return connection;
  }
  const write = (transaction: Tx | undefined, wine: string) =>
    connectionOf(transaction).query("insert into wines (name) values ($1) returning id, name", [wine]);
  async function wines(): Promise<string[]> {
    const { rows } = await outside.query<{ name: string }>("select name from wines order by id");
    return rows.map((row) => row.name);
  }

  const ways: [string, <T>(fn: (tx: Tx) => Promise<T>) => Promise<T>][] = [
    ["a transaction of the library", (fn) => opened.transaction(fn)],
    ["a transaction of the adapter", (fn) => opened.adapter.transaction(fn)],
  ];

  describe.each(ways)(`${name}: what is written in %s`, (_way, transaction) => {
    test("commits with it, and is seen by nobody before", async () => {
      const answer = await transaction(async (tx) => {
        await opened.insert(tx, "theirs");
        await write(tx, "ours");
        expect(await wines()).toEqual([]);
        return ["what", "fn", "gave"];
      });
      expect(answer).toEqual(["what", "fn", "gave"]);
      expect(await wines()).toEqual(["theirs", "ours"]);
    });

    test("is gone when it rolls back, and the error is the one that was thrown", async () => {
      const error = new Error("out of stock");
      const failing = transaction(async (tx) => {
        await opened.insert(tx, "theirs");
        await write(tx, "ours");
        throw error;
      });
      await expect(failing).rejects.toBe(error);
      expect(await wines()).toEqual([]);
    });

    test("is gone with a savepoint of it, and what is outside of that stays", async () => {
      await transaction(async (tx) => {
        await write(tx, "before");
        const part = opened.nested(tx, async (inner) => {
          await opened.insert(inner, "their part");
          await write(inner, "our part");
          throw new Error("changed our minds");
        });
        await expect(part).rejects.toThrow("changed our minds");
        await write(tx, "after");
      });
      expect(await wines()).toEqual(["before", "after"]);
    });

    test("may be refused by PostgreSQL inside a savepoint, with its own code", async () => {
      await transaction(async (tx) => {
        await write(tx, "one");
        const part = opened.nested(tx, async (inner) => void (await write(inner, "one")));
        await expect(part).rejects.toMatchObject({ code: "23505" });
        await opened.insert(tx, "another");
      });
      expect(await wines()).toEqual(["one", "another"]);
    });

    test("sees what the transaction wrote, and keeps apart from others at the same time", async () => {
      const count = async (tx: Tx) => {
        const [row] = await connectionOf(tx).query("select count(*)::int as wines from wines", []);
        return row?.wines;
      };
      const both = ["one", "two"].map((wine) =>
        transaction(async (tx) => {
          await opened.insert(tx, wine);
          return count(tx);
        }),
      );
      expect(await Promise.all(both)).toContain(1);
      expect((await wines()).sort()).toEqual(["one", "two"]);
    });
  });

  describe(`${name}: a connection`, () => {
    test("takes any text and null as they are, wherever their placeholders stand", async () => {
      await opened.transaction(async (tx) => {
        for (const text of awkward) {
          const statement =
            "select $2::text as second, $1::text as first, $2::text || '?' as again, $3::text as none";
          const [row] = await connectionOf(tx).query(statement, ["1", text, null]);
          expect(row).toEqual({ first: "1", second: text, again: `${text}?`, none: null });
        }
      });
    });

    test("gives rows of text, numbers and booleans, for statements of any kind", async () => {
      await opened.transaction(async (tx) => {
        const connection = connectionOf(tx);
        const [row] = await connection.query("select 'a'::text as word, 7::int as number, true as yes", []);
        expect(row).toEqual({ word: "a", number: 7, yes: true });
        expect(await connection.query("select 1 as one where $1 = 'nothing'", ["something"])).toEqual([]);
        await write(tx, "before");
        expect(await connection.query("update wines set name = $1 returning name", ["after"])).toEqual([
          { name: "after" },
        ]);
        expect(await connection.query("delete from wines returning name", [])).toEqual([{ name: "after" }]);
      });
    });

    test("without a transaction is outside of any", async () => {
      const failing = opened.transaction(async (tx) => {
        await write(tx, "inside");
        await write(undefined, "outside");
        throw new Error("rolled back");
      });
      await expect(failing).rejects.toThrow("rolled back");
      expect(await wines()).toEqual(["outside"]);
    });
  });

  describe(`${name}: what is no transaction is refused`, () => {
    const anything: Record<string, unknown> = {
      "an object": {},
      "a text": "begin",
      null: null,
      "a number": 7,
    };
    test("with a remedy, before anything is written", async () => {
      for (const [what, stranger] of Object.entries({ ...anything, ...opened.strangers })) {
        const writing = async () => {
          const connection = opened.adapter.connectionOf(stranger);
          if (isSqlConnection(connection))
            await connection.query("insert into wines (name) values ($1)", [what]);
        };
        await expect(writing(), what).rejects.toMatchObject({ code: "INVALID_TRANSACTION" });
      }
      expect(await wines()).toEqual([]);
    });

    test("also when it was one of the adapter's, and has ended", async () => {
      let ended: Tx | undefined;
      await opened.adapter.transaction((tx) => {
        ended = tx;
      });
      await expect((async () => write(ended, "too late"))()).rejects.toThrow();
      expect(await wines()).toEqual([]);
    });

    test("also when it was one of the library's, and has ended", async ({ skip }) => {
      if (opened.endedIsTaken !== undefined) skip(opened.endedIsTaken);
      let ended: Tx | undefined;
      await opened.transaction(async (tx) => {
        ended = tx;
      });
      await expect((async () => write(ended, "too late"))()).rejects.toThrow();
      expect(await wines()).toEqual([]);
    });
  });

  describe(`${name}: a transaction that PostgreSQL has given up`, () => {
    test("tells the next statement, which is the store's, although its function caught the error", async () => {
      const caught = opened.adapter.transaction(async (tx) => {
        await write(tx, "one");
        await write(tx, "one").catch(() => undefined);
        await write(tx, "two");
      });
      await expect(caught).rejects.toMatchObject({ code: expect.stringMatching(/^(25P02|23505)$/) });
      expect(await wines()).toEqual([]);
    });
  });

  describe(`${name}: a connection that is cut in the middle of a transaction`, () => {
    test("rejects the transaction, ends nothing else, and leaves the next one alone", async () => {
      const cut = opened.adapter.transaction(async (tx) => {
        const connection = connectionOf(tx);
        const [row] = await connection.query("select pg_backend_pid() as pid", []);
        await write(tx, "lost");
        await outside.query("select pg_terminate_backend($1)", [row?.pid]);
        // The end of the connection arrives while nothing is under way on it.
        await expect
          .poll(() => outside.query("select from pg_stat_activity where pid = $1", [row?.pid]))
          .toMatchObject({ rowCount: 0 });
        await write(tx, "lost as well");
      });
      await expect(cut).rejects.toThrow();
      await opened.adapter.transaction((tx) => write(tx, "next"));
      expect(await wines()).toEqual(["next"]);
    });
  });

  describeRuns(name, () => ({ ...opened, database, outside }));
  describeWork(name, () => ({ ...opened, database, outside }));
}
