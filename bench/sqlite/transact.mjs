// An application's transaction that inserts a row of its own and adds a job, on the application's own handle.
import { calling } from "../asked.mjs";
import { beside } from "../peers.mjs";
import { floor } from "./enqueue-many.mjs";

export const workloads = [
  ...beside({
    name: "sqlite.transact",
    unit: "transactions/s",
    note: "begin, insert into a table of the application, add a job, commit; one after another, as transactions of SQLite are",
    own: "libsql, synchronous=FULL: each commit is synced",
    jobs: [10_000, 1_000],
    peers: { plainjob: {} },
    run: calling("transact", 1),
  }),
  floor("sqlite.transact", 1, [10_000, 1_000], "transactions/s"),
];
