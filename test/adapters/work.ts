// Transactional work in the transactions of a library: `ctx.tx` and `ctx.succeed` over an adapter, on a real PostgreSQL.
//
// The suite beside this file shows that an adapter's own transactions commit and roll back; this one, that a handler's
// writes in them stand or fall with duckdive's. Every adapter passes it.
import type { Pool } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Adapter, job as base } from "../../src/job/index.js";
import { open } from "../../src/open.js";
import type { Database } from "../postgres/database.js";
import type { Library } from "./suite.js";

interface Given<Tx> extends Library<Tx> {
  readonly database: Database;
  readonly outside: Pool;
}

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

/** What a handler's own transactions do with the library, which is opened by the time that tests run. */
export function describeWork<Tx extends object>(name: string, given: () => Given<Tx>): void {
  const job = base.using<Adapter<Tx>>();
  const retry = { attempts: 3, backoff: { kind: "fixed", base: 0, jitter: 0 } } as const;

  /** Writes by each of the two calls, and fails after the first one, then in the second. */
  const order = job({
    name: "order",
    retry,
    async handle(_input: undefined, ctx) {
      const first = await ctx.tx("first", async (tx) => {
        await given().insert(tx, `first ${ctx.attempt}`);
        return ctx.attempt;
      });
      if (ctx.attempt === 1) throw new Error("after the first");
      return ctx.succeed(async (tx) => {
        await given().insert(tx, `second ${ctx.attempt}`);
        if (ctx.attempt === 2) throw new Error("in the second");
        return { first, last: ctx.attempt };
      });
    },
  });

  describe(`${name}: a handler's own transactions`, () => {
    async function wines(): Promise<string[]> {
      const { rows } = await given().outside.query<{ name: string }>("select name from wines order by id");
      return rows.map((row) => row.name);
    }
    function on({ url }: Database) {
      return open(url, { with: given().adapter, jobs: [order], log: quiet });
    }
    let duckdive: ReturnType<typeof on>;
    beforeAll(async () => {
      duckdive = on(given().database);
      await duckdive.ready();
    });
    afterAll(() => duckdive?.close());
    beforeEach(() => given().outside.query("truncate wines"));

    test("happen once each, over attempts that fail before and inside of them", async () => {
      const worker = duckdive.work();
      const run = await duckdive.enqueue(order);
      expect(await run.result({ timeout: "15s" })).toEqual({ first: 1, last: 3 });
      expect(await wines()).toEqual(["first 1", "second 3"]);
      expect(await run.get()).toMatchObject({ state: "succeeded", attempt: 3 });
      await worker.stop();
    });
  });
}
