// Bringing the tables up to date: numbered migrations, each run once, all that are missing in one transaction.
//
// Several processes may open an empty database at once: whether something is missing is read first, without a lock; then
// an advisory lock is taken and it is read again, so one migrates and the others find it done. A database that knows a
// migration this version does not is refused: an older program must not write into newer tables.
import { InvalidOptionError } from "../../kernel/index.js";
import { MigrationFromFutureError, MigrationMissingError } from "../errors.js";
import type { Database, Line } from "./driver.js";
import { isConflict, stateOf } from "./errors.js";
import { inSchema } from "./session.js";
import { migrations } from "./statements.js";

/** No statement of a migration waits longer for a lock: it would stop everybody who comes after it. */
const lockTimeout = "5s";
const timesTried = 5;

interface Target {
  readonly database: Database;
  readonly schema: string;
  readonly where: string;
}

/** @throws InvalidOptionError for a name that would have to be quoted, or is the server's own */
export function checkSchema(schema: string): void {
  if (/^[a-z_][a-z0-9_]{0,50}$/.test(schema) && !schema.startsWith("pg_")) return;
  throw new InvalidOptionError(
    `"${schema}" cannot be the schema of duckdive. Use a name of small letters, digits and _, such as "duckdive".`,
  );
}

/** What is missing, as numbers; throws when the database is newer than this version. */
async function missing(target: Target, line: Pick<Line, "query">): Promise<number[]> {
  const text = inSchema("select max(number) from duckdive.migration", target.schema);
  let newest = 0;
  try {
    const [row] = await line.query({ text, values: [], name: undefined });
    newest = Number(row?.[0] ?? 0);
  } catch (error) {
    const isNew = stateOf(error) === "42P01" || stateOf(error) === "3F000";
    if (!isNew) throw error;
  }
  const known = migrations.at(-1)?.number ?? 0;
  if (newest > known) {
    throw new MigrationFromFutureError(
      `The schema ${target.schema} of ${target.where} is at migration ${newest}, and this version of duckdive knows ${known}. ` +
        "Use the version that migrated it, or a newer one.",
    );
  }
  return migrations.filter(({ number }) => number > newest).map(({ number }) => number);
}

/** Throws unless everything is there. */
export async function requireMigrated(target: Target): Promise<void> {
  const numbers = await missing(target, target.database);
  if (numbers.length === 0) return;
  throw new MigrationMissingError(
    `The schema ${target.schema} of ${target.where} lacks migration ${numbers.join(", ")}, and opening was told not to migrate. ` +
      "Run `duckdive migrate`, or open without `migrate: false`.",
  );
}

/** Applies what is missing; answers the numbers. */
export async function migrate(target: Target): Promise<number[]> {
  for (let time = 1; ; time++) {
    if ((await missing(target, target.database)).length === 0) return [];
    const line = await target.database.line();
    try {
      return await migrateOn(target, line);
    } catch (error) {
      if (!isConflict(error) || time === timesTried) throw error;
    } finally {
      line.release();
    }
  }
}

async function migrateOn(target: Target, line: Line): Promise<number[]> {
  const run = (text: string) =>
    line.query({ text: inSchema(text, target.schema), values: [], name: undefined });
  await run("begin");
  try {
    await run(
      `select set_config('lock_timeout', '${lockTimeout}', true), set_config('client_min_messages', 'warning', true)`,
    );
    await run("select pg_advisory_xact_lock(hashtextextended('duckdive migration ' || 'duckdive', 0))");
    await run(
      `create schema if not exists ${target.schema === "duckdive" ? "duckdive" : `"${target.schema}"`}`,
    );
    await run(tableOfMigrations);
    const numbers = await missing(target, line);
    for (const { number, name, sql } of migrations.filter((one) => numbers.includes(one.number))) {
      await run(sql);
      await run(`insert into duckdive.migration (number, name) values (${number}, '${name}')`);
    }
    await run("commit");
    return numbers;
  } catch (error) {
    await run("rollback").catch(() => {});
    throw error;
  }
}

const tableOfMigrations = `create table if not exists duckdive.migration (
  number integer primary key,
  name text not null,
  applied_at timestamptz not null default now()
)`;

/** The migrations after a number as one script, for people who run them with a tool of their own. */
export function migrationScript(schema: string, after = 0): string {
  checkSchema(schema);
  const parts = migrations
    .filter(({ number }) => number > after)
    .map(
      ({ number, name, sql }) =>
        `${sql}\ninsert into duckdive.migration (number, name) values (${number}, '${name}');\n`,
    );
  const script = [
    ...(after === 0 ? [`create schema if not exists "${schema}";\n\n${tableOfMigrations};\n`] : []),
    ...parts,
  ];
  return inSchema(script.join("\n"), schema);
}
