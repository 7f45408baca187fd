// A worker process that acts late: its two runs wait until a line comes on standard input, then one calls `ctx.tx` and
// says what came of it, and the other ends by `ctx.succeed`, which is told by an event. It runs `dist/`, what users get.
//
// Its first argument (JSON) names the store. When standard input ends, so does it.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { job, open } from "duckdive";

const { store } = JSON.parse(process.argv[2] ?? "{}");
/** @param {object} value */
const say = (value) => void writeSync(1, `${JSON.stringify(value)}\n`);
/** @type {() => void} */
let release = () => {};
/** @type {Promise<void>} */
const released = new Promise((resolve) => {
  release = resolve;
});
createInterface({ input: process.stdin })
  .on("line", () => release())
  .on("close", () => process.exit(0));

/** @type {{ adapter: any, book: (tx: any, run: string) => unknown }} */
const books = store.startsWith("sqlite:") ? await bookInSqlite() : await bookInPostgres();

const byTx = job({
  name: "by tx",
  async handle(_input, ctx) {
    say({ began: ctx.runId });
    await released;
    try {
      await ctx.tx("late", (tx) => books.book(tx, ctx.runId));
      say({ booked: ctx.runId });
    } catch (error) {
      say({ failed: ctx.runId, name: error instanceof Error ? error.name : String(error) });
      throw error;
    }
  },
});

const bySucceed = job({
  name: "by succeed",
  async handle(_input, ctx) {
    say({ began: ctx.runId });
    await released;
    return ctx.succeed((tx) => books.book(tx, ctx.runId));
  },
});

const duckdive = open(store, { with: books.adapter, jobs: [byTx, bySucceed] });
duckdive.on("refused", ({ run }) => say({ refused: run }));
duckdive.on("succeeded", ({ run }) => say({ succeeded: run }));
const worker = duckdive.work();
await worker.ready;
say({ ready: worker.id });

async function bookInSqlite() {
  const [{ default: Database }, { sqlite }] = await Promise.all([
    import("libsql"),
    import("duckdive/with/sqlite"),
  ]);
  const handle = new Database(store.slice("sqlite:".length));
  return {
    adapter: sqlite(handle),
    /** @param {any} tx @param {string} run */
    book: (tx, run) => void tx.prepare("insert into ledger (run) values (?)").run(run),
  };
}

async function bookInPostgres() {
  const [{ default: driver }, { pg }] = await Promise.all([import("pg"), import("duckdive/with/pg")]);
  const pool = new driver.Pool({ connectionString: store });
  pool.on("error", () => {});
  return {
    adapter: pg(pool),
    /** @param {any} tx @param {string} run */
    async book(tx, run) {
      await tx.query("insert into ledger (run) values ($1)", [run]);
    },
  };
}
