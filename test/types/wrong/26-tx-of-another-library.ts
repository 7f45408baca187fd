import { job } from "duckdive";
import type { pg } from "duckdive/with/pg";
import type { PoolClient } from "pg";

job.using<ReturnType<typeof pg<PoolClient>>>()({
  name: "x",
  handle: (_input, ctx) => ctx.tx("write", (tx) => tx.insert("wines")), // `insert` is another library's
});
