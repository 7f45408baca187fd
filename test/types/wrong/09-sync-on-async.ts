import { catalogue, duckdive } from "../right/02-transactions.js";

duckdive.enqueueSync(catalogue, { wine: 1 }); // PostgreSQL has no synchronous transactions
