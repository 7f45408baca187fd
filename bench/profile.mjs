// Where the database's time and write-ahead log go: `npm run bench:profile`. What is asked of it beside the rates, which say how
// much, and not why: statements by their time, those inside of functions too, and the log by kind of record, for a run that is
// enqueued by 64 callers, enqueued a thousand at once, and worked off. `--json` for one line a figure.
//
// The server is another one than that of the workloads: what counts statements makes each a little dearer.
import { createJiti } from "jiti";
import { outcomeOf, start } from "./measure.mjs";

const shown = 12;
const isJson = process.argv.includes("--json");
const jiti = createJiti(import.meta.url);
/** @type {typeof import("../test/postgres/server.ts")} */
const { startServer } = await jiti.import("../test/postgres/server.ts");
/** @type {typeof import("../test/postgres/ask.ts")} */
const { ask } = await jiti.import("../test/postgres/ask.ts");

const server = await startServer({
  settings: {
    fsync: "on",
    synchronous_commit: "on",
    shared_buffers: "1GB",
    shared_preload_libraries: "pg_stat_statements",
    "pg_stat_statements.track": "all",
    "pg_stat_statements.track_planning": "off",
    autovacuum: "off",
  },
});
try {
  const url = await server.createDatabase("profile");
  await ask(server.url(), "create extension pg_walinspect");
  await ask(server.url(), "create extension pg_stat_statements");
  for (const [what, action, jobs, wanted] of /** @type {const} */ ([
    ["enqueued by one caller", "enqueue", 5_000, { callers: 1 }],
    ["enqueued by 64 callers", "enqueue", 50_000, { callers: 64 }],
    ["enqueued, 1,000 a call", "bulk", 50_000, {}],
    ["worked off, 2,000 slots", "drain", 105_000, { slots: 2_000 }],
  ])) {
    const asked = JSON.stringify({ address: url, jobs, ...wanted });
    print(what, await during(() => outcomeOf(start("library", ["duckdive", action, asked])), jobs));
  }
} finally {
  await server.end();
}

/**
 * @param {() => Promise<unknown>} act
 * @param {number} jobs
 */
async function during(act, jobs) {
  await ask(server.url(), "checkpoint");
  await ask(server.url(), "select pg_stat_statements_reset()");
  const [begin] = await ask(server.url(), "select pg_current_wal_insert_lsn()::text as at");
  await act();
  const records = await ask(
    server.url(),
    `select "resource_manager/record_type" as what, count / ${jobs}::float8 as count, combined_size / ${jobs}::float8 as bytes
     from pg_get_wal_stats($1, pg_current_wal_insert_lsn(), true) where count > 0 order by combined_size desc`,
    [begin?.at],
  );
  const statements = await ask(
    server.url(),
    `select case when toplevel then 'sent' else 'inside' end as where, calls / ${jobs}::float8 as count,
       total_exec_time * 1000 / ${jobs} as microseconds, regexp_replace(query, '\\s+', ' ', 'g') as what
     from pg_stat_statements join pg_database on pg_database.oid = dbid where datname = 'profile' order by total_exec_time desc`,
  );
  return { records, statements };
}

/**
 * @param {string} what
 * @param {{ records: Record<string, unknown>[], statements: Record<string, unknown>[] }} found
 */
function print(what, { records, statements }) {
  if (isJson) {
    for (const one of records) console.log(JSON.stringify({ of: what, kind: "record", ...one }));
    for (const one of statements) console.log(JSON.stringify({ of: what, kind: "statement", ...one }));
    return;
  }
  const total = records.reduce((sum, { bytes }) => sum + Number(bytes), 0);
  console.log(`\nA run that is ${what}\n\n  write-ahead log, bytes a run: ${total.toFixed(0)}`);
  for (const { what: name, count, bytes } of records.slice(0, shown))
    console.log(`${Number(bytes).toFixed(0).padStart(8)}  ${Number(count).toFixed(3)} × ${name}`);
  console.log("\n  statements, µs a run with what is inside of them");
  for (const { where, count, microseconds, what: text } of statements.slice(0, shown))
    console.log(
      `${Number(microseconds).toFixed(1).padStart(8)}  ${Number(count).toFixed(4)} × ${where} ${String(text).slice(0, 110)}`,
    );
}
