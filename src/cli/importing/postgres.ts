// A hand on a PostgreSQL that holds another queue: one connection of `pg`, which whoever has such a queue has installed.
//
// Before this file comes an address. After it come pg-boss and graphile-worker.
import { UsageError } from "../errors.js";

export interface PostgresHand {
  query<Row>(text: string, values: readonly unknown[]): Promise<Row[]>;
  end(): Promise<void>;
}

export async function connectPostgres(url: string): Promise<PostgresHand> {
  const { Client } = (await loadPg()).default;
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return {
    async query(text, values) {
      return (await client.query(text, [...values])).rows;
    },
    end: () => client.end(),
  };
}

async function loadPg() {
  try {
    return await import("pg");
  } catch (cause) {
    throw new UsageError("To move from a queue in PostgreSQL the package pg is needed: npm install pg", {
      cause,
    });
  }
}

/** A name of a schema, as SQL has it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
