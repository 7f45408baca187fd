// What waits in pg-boss: jobs created or to be retried, of versions that have one table of them (10 and later).
//
// Before this file come its tables. After it comes the bringing.
import { type PostgresQueue, postgresSource } from "./postgres.js";
import { dueAt, nearestPriority, type Source, type SourceOptions } from "./source.js";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  readonly priority: number;
  readonly retry_limit: number;
  readonly retry_count: number;
  readonly due: string;
}

export function pgBoss(options: SourceOptions): Promise<Source> {
  return postgresSource(queue, options);
}

const queue: PostgresQueue<Row> = {
  name: "pg-boss",
  schema: "pgboss",
  // The queues that pg-boss has for its own schedules begin with its name.
  statements: (schema) => ({
    page: `select id::text, name, data, priority, retry_limit, retry_count,
         extract(epoch from start_after)::float8 * 1000 as due
       from ${schema}.job
       where state in ('created', 'retry') and name not like '__pgboss__%'
         and ($1::text[] = '{}' or name = any ($1)) and ($2::uuid is null or id > $2)
       order by id limit $3`,
    remove: `delete from ${schema}.job where id = any ($1::uuid[]) and state in ('created', 'retry')`,
    busy: `select id::text from ${schema}.job where id = any ($1::uuid[]) and state = 'active'`,
  }),
  waitingOf: ({ id, name, data, priority, retry_limit, retry_count, due }) => ({
    key: id,
    name,
    queue: name,
    data: data ?? undefined,
    due: dueAt(Number(due)),
    priority: nearestPriority(priority),
    meta: { "moved.attempts": `${retry_count} of ${retry_limit + 1}` },
  }),
};
