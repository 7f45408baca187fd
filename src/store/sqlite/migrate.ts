// Bringing the tables up to date: numbered migrations, each run once, in one transaction.
//
// Several processes may open a new file at once. Whether something is missing is read first, without a lock; then the
// write lock is taken and it is read again, so one process migrates and the others find it done. A database that
// knows a migration this version does not is refused: an older program must not write into newer tables.
import type { Connection } from "./driver.js";
import { MigrationFromFutureError, MigrationMissingError } from "./errors.js";
import { migrations } from "./statements.js";

const table = `
  create table if not exists duckdive_migration (
    number integer primary key,
    name text not null,
    applied_at integer not null
  ) strict`;

/** Applies what is missing; answers the numbers. */
export function migrate(connection: Connection, file: string, now: number): number[] {
  if (missing(connection, file).length === 0) return [];
  connection.exec("begin immediate");
  try {
    connection.exec(table);
    const applied = missing(connection, file);
    for (const { number, name, sql } of applied) {
      connection.exec(sql);
      connection.run(
        "insert into duckdive_migration (number, name, applied_at) values (:number, :name, :now)",
        {
          number,
          name,
          now,
        },
      );
    }
    connection.exec("commit");
    return applied.map((migration) => migration.number);
  } catch (error) {
    connection.exec("rollback");
    throw error;
  }
}

/** @throws MigrationMissingError when something is missing */
export function requireMigrated(connection: Connection, file: string): void {
  const [first] = missing(connection, file);
  if (first === undefined) return;
  throw new MigrationMissingError(
    `${file} lacks migration ${first.number} (${first.name}), and the store was opened with \`migrate: false\`. ` +
      "Run `duckdive migrate` first, or open it without that option.",
  );
}

/** The number of the last migration that was applied; 0 when there was none. */
export function lastMigration(connection: Connection): number {
  const hasTable =
    connection.get("select 1 from sqlite_schema where name = 'duckdive_migration'") !== undefined;
  if (!hasTable) return 0;
  return connection.get<[number | null]>("select max(number) from duckdive_migration")?.[0] ?? 0;
}

function missing(connection: Connection, file: string): (typeof migrations)[number][] {
  const last = lastMigration(connection);
  const newest = migrations.at(-1)?.number ?? 0;
  if (last > newest) {
    throw new MigrationFromFutureError(
      `${file} has migration ${last}; this version of duckdive knows them up to ${newest}. ` +
        "Use the newer version of duckdive that wrote it, or another file.",
    );
  }
  return migrations.filter((migration) => migration.number > last);
}
