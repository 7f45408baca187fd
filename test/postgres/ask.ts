// One question to a server, on a connection of its own that is closed again: for what tests look up and set up.
import { Client } from "pg";

/** Asks one statement and gives its rows. Every value is what `pg` makes of it. */
export async function ask(
  url: string,
  sql: string,
  values?: readonly unknown[],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // A server that goes away in between is told by the call that fails.
  client.on("error", () => {});
  try {
    await client.connect();
    return (await client.query<Record<string, unknown>>(sql, values && [...values])).rows;
  } finally {
    await client.end().catch(() => {});
  }
}
