// The store's own statements on a connection that the test holds: so that it decides when a transaction begins, what
// else happens in it and when it ends. The verbs of a store send each statement as a transaction of its own.
import { Client } from "pg";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/kernel/index.js";
import type { Claimed, Inserted, NewRun, Store } from "../../src/store/contract.js";
import { createSession, type Values } from "../../src/store/postgres/session.js";
import type { statements } from "../../src/store/postgres/statements.js";

type Statement = (typeof statements)[keyof typeof statements];

export const { compile } = createSession({
  where: "the test's own connection",
  schema: "duckdive",
  clock: systemClock,
  prepare: false,
  ahead: () => 0,
  database: () => Promise.reject(new Error("The test sends its statements itself.")),
  isStandby: () => false,
  onAway: () => {},
  onReturn: () => {},
});

/** A connection, closed when the test is over. What breaks it is told by the call that fails. */
export async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.end().catch(() => {}));
  return client;
}

/** Sends a statement of the store; every value of its rows as text. */
export async function send(
  client: Client,
  statement: Statement,
  values: Values,
): Promise<(string | null)[][]> {
  const { text, values: bound } = compile(statement, values);
  const types = { getTypeParser: () => (value: string) => value };
  const result = await client.query<(string | null)[]>({ text, values: bound, rowMode: "array", types });
  return result.rows;
}

/** Records runs in whatever transaction the connection is in. */
export function recordIn(store: Store, client: Client, runs: readonly NewRun[]): Promise<Inserted[]> {
  const query = async (
    text: string,
    values: readonly (string | null)[],
  ): Promise<Record<string, unknown>[]> =>
    (await client.query<Record<string, unknown>>(text, [...values])).rows;
  return store.insertIn({ query }, runs);
}

/** A run that one attempt of anybody can do. */
export function plainRun(id: string, fields: Partial<NewRun> = {}): NewRun {
  return { id, job: "copy", version: 1, queue: "default", priority: 0, ...fields };
}

/** What a settlement must show. */
export function fenceOf({ run, token, claim }: Claimed): { run: string; token: number; claim?: string } {
  return claim === undefined ? { run, token } : { run, token, claim };
}
