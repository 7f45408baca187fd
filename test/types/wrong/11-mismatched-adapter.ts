import { open } from "duckdive";
import { drizzleSync } from "duckdive/with/drizzle";
import { catalogue } from "../right/02-transactions.js";

declare const lite: { transaction(work: (tx: { run(sql: string): void }) => unknown): unknown };
open("sqlite:./cellar.db", { with: drizzleSync(lite), jobs: [catalogue] }); // its ctx.tx is of another adapter
