// An application with transactions of its own: a configuration, and jobs that write in them. Loaded by the tests, which say
// by SHOP where its database is, and again by each isolate, which opens it for itself.
import { config, job } from "duckdive";

const address = process.env.SHOP ?? "";
const { adapter, write } = await (address.startsWith("sqlite:") ? inSqlite(address.slice(7)) : inPostgres());

async function inSqlite(/** @type {string} */ file) {
  const { default: Database } = await import("libsql");
  const { sqlite } = await import("duckdive/with/sqlite");
  const handle = new Database(file, { timeout: 10_000 });
  return {
    adapter: /** @type {any} */ (sqlite(handle)),
    /** @param {any} tx @param {string} run @param {string} what */
    write: (tx, run, what) => void tx.prepare("insert into written (run, what) values (?, ?)").run(run, what),
  };
}

async function inPostgres() {
  const { default: driver } = await import("pg");
  const { pg } = await import("duckdive/with/pg");
  return {
    adapter: /** @type {any} */ (pg(new driver.Pool({ connectionString: address, max: 2 }))),
    /** @param {any} tx @param {string} run @param {string} what */
    write: async (tx, run, what) =>
      void (await tx.query("insert into written (run, what) values ($1, $2)", [run, what])),
  };
}

const retry = /** @type {const} */ ({ attempts: 5, backoff: { kind: "fixed", base: 10 } });

/** Writes three times, each exactly once, whatever ends its isolate in between. @param {"thread" | "process"} kind */
const books = (kind) =>
  job({
    name: `books-${kind}`,
    isolate: kind,
    retry,
    async handle(_input, ctx) {
      await ctx.tx("first", (/** @type {any} */ tx) => write(tx, ctx.runId, "first"));
      if (ctx.attempt === 1 && ctx.meta.dies === "true") process.exit(1);
      await ctx.tx("second", (/** @type {any} */ tx) => write(tx, ctx.runId, "second"));
      return ctx.succeed(async (/** @type {any} */ tx) => {
        await write(tx, ctx.runId, "last");
        ctx.log.info("written with its end");
        return "booked";
      });
    },
  });

const around = job({
  name: "around",
  isolate: "thread",
  handle: (_input, ctx) => String(Reflect.get(globalThis, "around") ?? ctx.runId),
});

export const jobs = { thread: books("thread"), process: books("process"), around };

// biome-ignore lint/style/noDefaultExport: a configuration is one
export default config({
  store: address,
  with: adapter,
  jobs: Object.values(jobs),
  middleware: [
    (run, next) => {
      Reflect.set(globalThis, "around", run.job);
      return next();
    },
  ],
});
