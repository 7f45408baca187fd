// How long it takes until the first of 100 runs of a killed worker begins again, in the other process of its runner. On PostgreSQL.
import { withDatabase } from "../server.mjs";
import { rescue } from "../supervised.mjs";

export const name = "rescue.postgres.supervised";
export const unit = "ms";
export const note =
  "kill -9 of one of two processes of duckdive work with 100 running, to the first that runs again; .all: to the last";

export const run = () => withDatabase((url) => rescue(url, true));
