// The short way of recording: whatever a run asks for, it is recorded as the long way records it.
import { expect, onTestFinished, test } from "vitest";
import { ask } from "../../../test/postgres/ask.js";
import { freshDatabase } from "../../../test/postgres/database.js";
import { plainRun } from "../../../test/postgres/direct.js";
import { newId } from "../../kernel/index.js";
import type { NewRun } from "../contract.js";
import { postgres } from "./index.js";

const asked: Record<string, Partial<NewRun>> = {
  nothing: {},
  "an input": { input: '{"a":"é"}' },
  "a long input": { input: JSON.stringify("long ".repeat(2_000)) },
  tags: { tags: ["red", "blue"] },
  meta: { meta: { user: "7" } },
  release: { release: "2" },
  "a priority and a queue": { priority: 7, queue: "other" },
  "a start later": { due: { after: 60_000 } },
  "a start by": { startWithin: 60_000 },
  "an end by": { finishWithin: 60_000 },
  preparation: { waiting: "preparation" },
  "a lock": { gates: [{ kind: "lock", key: "one", limit: 1, hold: "run" }] },
  "a fair share": { fair: "tenant" },
  "a job that was rerouted": { job: "rerouted" },
};

test.each(Object.entries(asked))("a run with %s is recorded alike by both ways", async (_name, fields) => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const store = postgres({ database: database.url });
  onTestFinished(() => store.close());
  await store.open();
  await ask(database.url, "insert into duckdive.reroute (job, queue) values ('rerouted', 'elsewhere')");
  const [short, long] = [newId(), newId()];
  await store.insert([plainRun(short, { ...fields, fresh: true })]);
  await store.insert([plainRun(long, fields)]);
  const rows = await ask(
    database.url,
    "select to_jsonb(one) - '{id,xid,seq,requested_at,run_at,start_by,finish_by,due}'::text[] as row from duckdive.runs as one",
  );
  expect(rows).toHaveLength(2);
  expect(rows[0]).toEqual(rows[1]);
});
