// How long it takes until the first of 100 runs of a killed worker begins again, where no runner tells of its death. On PostgreSQL.

import { recorded } from "../recorded.mjs";
import { withDatabase } from "../server.mjs";
import { rescue } from "../supervised.mjs";

export const name = "rescue.postgres.unsupervised";
export const unit = "ms";
export const note = "the same with two processes that know of each other by the store alone";
export { recorded };

export const run = () => withDatabase((url) => rescue(url, false));
