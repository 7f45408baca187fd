import { catalogue, duckdive } from "../right/02-transactions.js";

declare const client: { query(text: string): Promise<{ rows: unknown[] }> };
await duckdive.enqueue(catalogue, { wine: 1 }, { tx: client }); // the client was opened with Drizzle
