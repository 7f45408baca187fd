// What waits in graphile-worker (0.16 and later): jobs that have attempts left and that no worker has locked.
//
// Before this file come its tables. After it comes the bringing.
import { type PostgresQueue, postgresSource } from "./postgres.js";
import { dueAt, nearestPriority, type Source, type SourceOptions } from "./source.js";

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

export function graphileWorker(options: SourceOptions): Promise<Source> {
  return postgresSource(queue, options);
}

const queue: PostgresQueue<Row> = {
  name: "graphile-worker",
  schema: "graphile_worker",
  statements: (schema) => ({
    page: `select job.id::text, task.identifier as task, line.queue_name as queue, job.payload, job.priority, job.attempts,
         job.max_attempts, job.key as job_key, extract(epoch from job.run_at)::float8 * 1000 as due
       from ${schema}._private_jobs job
       join ${schema}._private_tasks task on task.id = job.task_id
       left join ${schema}._private_job_queues line on line.id = job.job_queue_id
       where job.locked_at is null and job.attempts < job.max_attempts
         and ($1::text[] = '{}' or coalesce(line.queue_name, '') = any ($1)) and ($2::bigint is null or job.id > $2)
       order by job.id limit $3`,
    remove: `delete from ${schema}._private_jobs where id = any ($1::bigint[]) and locked_at is null`,
    busy: `select id::text from ${schema}._private_jobs where id = any ($1::bigint[]) and locked_at is not null`,
  }),
  waitingOf: (row) => ({
    key: row.id,
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
  }),
};
