import { open } from "duckdive";
import { kysely } from "duckdive/with/kysely";
import type { Kysely } from "kysely";
import { remind } from "../right/01-first-job.js";

declare const db: Kysely<{ wines: { name: string } }>;
const duckdive = open("postgres://localhost/cellar", { with: kysely(db) });
await duckdive.enqueue(remind, { guest: 4 }, { tx: db }); // the database itself is no transaction
