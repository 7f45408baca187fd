// What waits in graphile-worker (0.16 and later): jobs that have attempts left and that no worker has locked.
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
  readonly task: string;
  readonly queue: string | null;
  readonly payload: unknown;
  readonly priority: number;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly job_key: string | null;
  readonly due: string;
}

export async function graphileWorker(options: SourceOptions): Promise<Source> {
  const place = options.schema ?? "graphile_worker";
  const schema = quoted(place);
  const hand = await connectPostgres(options.url);

  async function* take(): AsyncGenerator<Waiting[]> {
    let last = "0";
    for (;;) {
      const rows = await page(hand, schema, options.queues, last);
      if (rows.length === 0) return;
      last = rows.at(-1)?.id ?? last;
      yield rows.map((row) => waitingOf(row, runIdOf("graphile-worker", options, place, row.id)));
    }
  }

  return {
    name: "graphile-worker",
    mustRemove: false,
    look: take,
    take,
    async remove(waiting) {
      const ids = waiting.map(({ key }) => key);
      await hand.query(
        `delete from ${schema}._private_jobs where id = any ($1::bigint[]) and locked_at is null`,
        [ids],
      );
      const busy = await hand.query<{ id: string }>(
        `select id::text from ${schema}._private_jobs where id = any ($1::bigint[]) and locked_at is not null`,
        [ids],
      );
      return new Set(busy.map(({ id }) => id));
    },
    restore: async () => {},
    close: () => hand.end(),
  };
}

function page(hand: PostgresHand, schema: string, queues: readonly string[], after: string): Promise<Row[]> {
  return hand.query<Row>(
    `select job.id::text, task.identifier as task, line.queue_name as queue, job.payload, job.priority, job.attempts,
       job.max_attempts, job.key as job_key, extract(epoch from job.run_at)::float8 * 1000 as due
     from ${schema}._private_jobs job
     join ${schema}._private_tasks task on task.id = job.task_id
     left join ${schema}._private_job_queues line on line.id = job.job_queue_id
     where job.locked_at is null and job.attempts < job.max_attempts
       and ($1::text[] = '{}' or coalesce(line.queue_name, '') = any ($1)) and job.id > $2::bigint
     order by job.id limit $3`,
    [queues, after, pageSize],
  );
}

function waitingOf(row: Row, runId: string): Waiting {
  return {
    key: row.id,
    id: runId,
    name: row.task,
    queue: row.queue ?? "",
    data: row.payload ?? undefined,
    due: dueAt(Number(row.due)),
    // There smaller is sooner.
    priority: nearestPriority(-row.priority),
    meta: {
      "moved.attempts": `${row.attempts} of ${row.max_attempts}`,
      ...(row.job_key === null ? {} : { "moved.key": row.job_key }),
    },
  };
}
