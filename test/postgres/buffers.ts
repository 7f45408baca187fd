// What a statement costs, in pages looked at: the same on every machine and under every load, which its time is not.
import type { Client } from "pg";
import type { Values } from "../../src/store/postgres/session.js";
import type { statements } from "../../src/store/postgres/statements.js";
import { compile } from "./direct.js";

interface Plan {
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
}

/** Carries a statement of the store out, and counts the pages it looked at, in its functions too. */
export async function pagesOf(
  client: Client,
  statement: (typeof statements)[keyof typeof statements],
  values: Values,
): Promise<number> {
  const { text, values: bound } = compile(statement, values);
  return pagesOfText(client, text, bound);
}

/** Likewise of a statement that is not the store's. */
export async function pagesOfText(
  client: Client,
  text: string,
  bound: (string | null)[] = [],
): Promise<number> {
  const result = await client.query<{ "QUERY PLAN": { Plan: Plan }[] }>(
    `explain (analyze, buffers, format json) ${text}`,
    bound,
  );
  const plan = result.rows[0]?.["QUERY PLAN"][0]?.Plan;
  if (plan === undefined) throw new Error("The server gave no plan.");
  return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
}
