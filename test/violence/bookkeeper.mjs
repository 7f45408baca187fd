// A worker process that books every run in a ledger of the application's own, to be killed while it does: it runs `dist/`,
// what users get.
//
// Its first argument (JSON) names the store, "sqlite:PATH" or "postgres://…", and how many runs it may execute at once. It
// says on standard output when it is ready, and which of its ends were refused. When standard input ends, so does it.
import { writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { job, open } from "duckdive";

const { store, slots } = JSON.parse(process.argv[2] ?? "{}");
/** @param {object} value */
const say = (value) => void writeSync(1, `${JSON.stringify(value)}\n`);
process.stdin.on("end", () => process.exit(0)).resume();

/** Any moment is one at which it may be killed. @param {number} longest */
const pause = (longest) => wait(Math.random() * longest);

/** @type {{ adapter: any, book: (tx: any, run: string, what: string) => unknown }} */
const books = store.startsWith("sqlite:") ? await bookInSqlite() : await bookInPostgres();

/** Blow after blow may meet the same run, which is to blame for none of them. */
const crashes = 1_000;

const byTx = job({
  name: "by tx",
  crashes,
  async handle(_input, ctx) {
    await pause(15);
    const first = await ctx.tx("first", (tx) => books.book(tx, ctx.runId, "first"));
    await pause(15);
    const second = await ctx.tx("second", (tx) => books.book(tx, ctx.runId, "second"));
    await pause(15);
    return [first, second];
  },
});

const bySucceed = job({
  name: "by succeed",
  crashes,
  async handle(_input, ctx) {
    await pause(30);
    return ctx.succeed((tx) => books.book(tx, ctx.runId, "succeed"));
  },
});

const duckdive = open(store, { with: books.adapter, jobs: [byTx, bySucceed] });
duckdive.on("refused", ({ run }) => say({ refused: run }));
const worker = duckdive.work({ queues: { default: slots } });
await worker.ready;
say({ ready: worker.id });

/** A handle is one connection, so its transactions end within a turn of the event loop. */
async function bookInSqlite() {
  const [{ default: Database }, { sqlite }] = await Promise.all([
    import("libsql"),
    import("duckdive/with/sqlite"),
  ]);
  const handle = new Database(store.slice("sqlite:".length));
  return {
    adapter: sqlite(handle),
    /** @param {any} tx @param {string} run @param {string} what */
    book(tx, run, what) {
      tx.prepare("insert into ledger (run, what) values (?, ?)").run(run, what);
      return what;
    },
  };
}

async function bookInPostgres() {
  const [{ default: driver }, { pg }] = await Promise.all([import("pg"), import("duckdive/with/pg")]);
  const pool = new driver.Pool({ connectionString: store, max: slots });
  pool.on("error", () => {});
  return {
    adapter: pg(pool),
    /** @param {any} tx @param {string} run @param {string} what */
    async book(tx, run, what) {
      await pause(3);
      await tx.query("insert into ledger (run, what) values ($1, $2)", [run, what]);
      await pause(3);
      return what;
    },
  };
}
