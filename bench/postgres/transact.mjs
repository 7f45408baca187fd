// An application's transaction that inserts a row of its own and adds a job: 16 callers, a pool of as many connections.
import { calling } from "../asked.mjs";
import { beside } from "../peers.mjs";

export const workloads = beside({
  name: "postgres.transact",
  unit: "transactions/s",
  note: "begin, insert into a table of the application, add a job, commit; 16 callers on 16 connections",
  jobs: [10_000, 500],
  peers: {
    "graphile-worker": { note: "by SQL, graphile_worker.add_job" },
    "pg-boss": { note: "send with { db }; notify on, as a worker in another process needs it" },
    dbos: { note: "enqueueInTransaction" },
    floor: { note: "an insert instead of a job's" },
  },
  run: calling("transact", 16),
});
