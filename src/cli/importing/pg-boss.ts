// What waits in pg-boss: jobs created or to be retried, of versions that have one table of them (10 and later).
//
// Before this file come its tables. After it comes the bringing.
import { connectPostgres, type PostgresHand, quoted } from "./postgres.js";
import {
  dueAt,
  nearestPriority,
  pageSize,
  runIdOf,
  type Source,
  type SourceOptions,
  type Waiting,
} from "./source.js";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  readonly priority: number;
  readonly retry_limit: number;
  readonly retry_count: number;
  readonly due: string;
}

/** Those of pg-boss itself, for its schedules. */
const own = "__pgboss__%";

export async function pgBoss(options: SourceOptions): Promise<Source> {
  const schema = quoted(options.schema ?? "pgboss");
  const hand = await connectPostgres(options.url);
  const place = options.schema ?? "pgboss";

  async function* take(): AsyncGenerator<Waiting[]> {
    let last: string | undefined;
    for (;;) {
      const rows = await page(hand, schema, options.queues, last);
      if (rows.length === 0) return;
      last = rows.at(-1)?.id;
      yield rows.map((row) => waitingOf(row, runIdOf("pg-boss", options, place, row.id)));
    }
  }

  return {
    name: "pg-boss",
    mustRemove: false,
    look: take,
    take,
    async remove(waiting) {
      const ids = waiting.map(({ key }) => key);
      await hand.query(
        `delete from ${schema}.job where id = any ($1::uuid[]) and state in ('created', 'retry')`,
        [ids],
      );
      const busy = await hand.query<{ id: string }>(
        `select id::text from ${schema}.job where id = any ($1::uuid[]) and state = 'active'`,
        [ids],
      );
      return new Set(busy.map(({ id }) => id));
    },
    restore: async () => {},
    close: () => hand.end(),
  };
}

function page(
  hand: PostgresHand,
  schema: string,
  queues: readonly string[],
  after: string | undefined,
): Promise<Row[]> {
  return hand.query<Row>(
    `select id::text, name, data, priority, retry_limit, retry_count,
       extract(epoch from start_after)::float8 * 1000 as due
     from ${schema}.job
     where state in ('created', 'retry') and name not like $1 and ($2::text[] = '{}' or name = any ($2))
       and ($3::uuid is null or id > $3)
     order by id limit $4`,
    [own, queues, after ?? null, pageSize],
  );
}

function waitingOf({ id, name, data, priority, retry_limit, retry_count, due }: Row, runId: string): Waiting {
  return {
    key: id,
    id: runId,
    name,
    queue: name,
    data: data ?? undefined,
    due: dueAt(Number(due)),
    priority: nearestPriority(priority),
    meta: { "moved.attempts": `${retry_count} of ${retry_limit + 1}` },
  };
}
