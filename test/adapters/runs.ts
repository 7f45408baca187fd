// Runs in the transactions of a library: the whole of duckdive over an adapter, on a real PostgreSQL.
//
// The suite beside this file shows that statements travel on the right connection; this one shows what that is for. A
// run exists, and is worked, once the application's transaction commits; before that no worker sees it; and a rollback
// leaves nothing of it. Every adapter passes it.
import { randomUUID } from "node:crypto";
import type { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Adapter, job } from "../../src/job/index.js";
import { open } from "../../src/open.js";
import { postgres } from "../../src/store/postgres/index.js";
import { type Database, freshDatabase } from "../postgres/database.js";
import type { Library } from "./suite.js";

/** A library, and the database that it is opened on, which has the table `wines`. */
interface Given<Tx> extends Library<Tx> {
  readonly database: Database;
  readonly outside: Pool;
}

const mail = job({ name: "mail", input: z.object({ to: z.string() }), handle: ({ to }) => ({ sentTo: to }) });
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** What `duckdive.enqueue` does with a transaction of the library, which is opened by the time that tests run. */
export function describeRuns<Tx extends object>(name: string, given: () => Given<Tx>): void {
  describe(`${name}: a run that is enqueued in a transaction`, () => {
    /** `tx` is any object to the compiler here: test/types holds it to the library's own. */
    function on({ url }: Database) {
      const adapter: Adapter<object> = given().adapter;
      return open(postgres({ database: url }), { with: adapter, jobs: [mail], log: quiet });
    }
    async function wines(): Promise<string[]> {
      const { rows } = await given().outside.query<{ name: string }>("select name from wines order by id");
      return rows.map((row) => row.name);
    }
    let duckdive: ReturnType<typeof on>;
    beforeAll(async () => {
      duckdive = on(given().database);
      await duckdive.ready();
    });
    afterAll(() => duckdive?.close());
    beforeEach(() => given().outside.query("truncate wines"));

    test("is worked once that commits, and no worker sees it before", async () => {
      const worker = duckdive.work();
      await worker.ready;
      const run = await given().transaction(async (tx) => {
        await given().insert(tx, "an order");
        const inside = await duckdive.enqueue(mail, { to: "inside" }, { tx });
        // This worker has been through its queue again when a later run of it has ended.
        const later = await duckdive.enqueue(mail, { to: "later" });
        expect(await later.result({ timeout: "10s" })).toEqual({ sentTo: "later" });
        expect(await duckdive.get(inside.id)).toBeUndefined();
        return inside;
      });
      expect(await run.result({ timeout: "10s" })).toEqual({ sentTo: "inside" });
      expect(await wines()).toEqual(["an order"]);
      await worker.stop();
    });

    test("never was when that rolls back", async () => {
      let id = "";
      const failing = given().transaction(async (tx) => {
        id = (await duckdive.enqueue(mail, { to: "nobody" }, { tx })).id;
        throw new Error("out of stock");
      });
      await expect(failing).rejects.toThrow("out of stock");
      expect(id).not.toBe("");
      expect(await duckdive.get(id)).toBeUndefined();
    });

    test("goes with its savepoint, and what was enqueued outside of that stays", async () => {
      const ids = await given().transaction(async (tx) => {
        const before = await duckdive.enqueue(mail, { to: "before" }, { tx });
        let dropped = "";
        const part = given().nested(tx, async (inner) => {
          dropped = (await duckdive.enqueue(mail, { to: "dropped" }, { tx: inner })).id;
          throw new Error("changed our minds");
        });
        await expect(part).rejects.toThrow("changed our minds");
        const [after] = await duckdive.enqueueMany(mail, [{ to: "after" }], { tx });
        return [before.id, dropped, after?.id ?? ""];
      });
      const runs = await Promise.all(ids.map((id) => duckdive.get(id)));
      expect(runs.map((run) => run?.state)).toEqual(["ready", undefined, "ready"]);
    });

    test("is the same run when it is enqueued twice, and the transaction goes on", async () => {
      const id = randomUUID();
      const created = await given().transaction(async (tx) => {
        const first = await duckdive.enqueue(mail, { to: "one" }, { tx, id });
        const second = await duckdive.enqueue(mail, { to: "one" }, { tx, id });
        await given().insert(tx, "goes on");
        return [first.created, second.created];
      });
      expect(created).toEqual([true, false]);
      expect(await wines()).toEqual(["goes on"]);
    });

    test("is refused when the transaction belongs to another database, and that transaction goes on", async () => {
      const other = await freshDatabase();
      const elsewhere = on(other);
      await given().transaction(async (tx) => {
        const part = given().nested(tx, async (inner) => {
          await elsewhere.enqueue(mail, { to: "lost" }, { tx: inner });
        });
        await expect(part).rejects.toMatchObject({ code: "OTHER_DATABASE" });
        await given().insert(tx, "goes on");
      });
      expect(await wines()).toEqual(["goes on"]);
      expect(await elsewhere.count()).toBe(0);
      await elsewhere.close();
      await other.drop();
    });

    test("needs no transaction of the library when there is none", async () => {
      const run = await duckdive.enqueue(mail, { to: "plain" });
      expect((await run.get()).state).toBe("ready");
    });
  });
}
