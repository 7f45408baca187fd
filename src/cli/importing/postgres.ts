// What waits in a queue that lives in PostgreSQL: read page by page by id, and removed unless a worker there has begun with it.
//
// The package `pg` does it, over one connection; whoever has such a queue has it installed. What is different from queue to
// queue is statements and rows.
//
// Before this file comes an address. After it come pg-boss and graphile-worker.
import { UsageError } from "../errors.js";
import { pageSize, runIdOf, type Source, type SourceOptions, type Waiting } from "./source.js";

export interface PostgresQueue<Row extends { readonly id: string }> {
  readonly name: string;
  /** The schema of its tables, unless another one is given. */
  readonly schema: string;
  /** Its statements, for a schema as SQL has it. */
  statements(schema: string): {
    /** What waits, by id: in the queues `$1`, or in all if that is empty; after the id `$2`, if it is not null; at most `$3`. */
    readonly page: string;
    /** Removes those with the ids `$1` that no worker has. */
    readonly remove: string;
    /** The ids of those with the ids `$1` that a worker has. */
    readonly busy: string;
  };
  waitingOf(row: Row): Omit<Waiting, "id">;
}

export async function postgresSource<Row extends { readonly id: string }>(
  queue: PostgresQueue<Row>,
  options: SourceOptions,
): Promise<Source> {
  const place = options.schema ?? queue.schema;
  const statements = queue.statements(quoted(place));
  const hand = await connect(options.url);

  async function* take(): AsyncGenerator<Waiting[]> {
    let last: string | null = null;
    for (;;) {
      const rows: Row[] = await hand.query<Row>(statements.page, [options.queues, last, pageSize]);
      if (rows.length === 0) return;
      last = rows.at(-1)?.id ?? null;
      yield rows.map((row) => ({
        ...queue.waitingOf(row),
        id: runIdOf(queue.name, options, place, row.id),
      }));
    }
  }

  return {
    name: queue.name,
    mustRemove: false,
    look: take,
    take,
    async remove(waiting) {
      const ids = waiting.map(({ key }) => key);
      await hand.query(statements.remove, [ids]);
      const busy = await hand.query<{ id: string }>(statements.busy, [ids]);
      return new Set(busy.map(({ id }) => id));
    },
    restore: async () => {},
    close: () => hand.end(),
  };
}

async function connect(url: string) {
  const { Client } = (await loadPg()).default;
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return {
    async query<Row>(text: string, values: readonly unknown[]): Promise<Row[]> {
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
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
