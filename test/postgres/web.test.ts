// The API over PostgreSQL: what a client could send that this database takes otherwise than SQLite does, and its live stream.
import { afterAll, beforeAll, expect, test } from "vitest";
import { listen } from "../web/listening.js";
import { ask, type Served, serve } from "../web/server.js";
import { type Database, freshDatabase } from "./database.js";

let database: Database;
let served: Served;
beforeAll(async () => {
  database = await freshDatabase();
  served = await serve(undefined, undefined, database.url);
});
afterAll(async () => {
  await served.close();
  await database.drop();
});

test("a run is asked for, waits for a worker to judge it, is executed, and is heard of meanwhile", async () => {
  const ear = await listen(served);
  await ear.until(({ event }) => event === "ready");
  const { body } = await ask(served, "POST", "/runs", {
    job: "resize",
    input: { path: "a.png" },
    tags: ["x"],
  });
  expect(body.checked).toBe(false);
  await ear.until(({ data }) => data.id === body.id && data.state === "waiting");
  const worker = served.working.work();
  await ear.until(({ data }) => data.id === body.id && data.state === "succeeded");
  const { body: page } = await ask(served, "GET", "/runs?tag=x&state=succeeded&text=a.png");
  expect(page.runs.map(({ id }) => id)).toEqual([body.id]);
  await worker.stop();
  await ear.close();
});

test.each([
  ["GET", "/runs/not-an-id", undefined, "INVALID_ID"],
  ["GET", "/runs?id=not-an-id", undefined, "INVALID_REQUEST"],
  ["GET", "/runs?tag=%00", undefined, "INVALID_REQUEST"],
  ["GET", "/runs?cursor=1", undefined, "INVALID_OPTION"],
  ["GET", "/runs?text=%25_%5C", undefined, undefined],
  ["GET", "/runs?since=0000-01-01T00:00:00Z&until=9999-12-31T23:59:59Z", undefined, undefined],
  ["GET", "/batches/not-an-id", undefined, "INVALID_ID"],
  ["POST", "/runs", { job: "resize", meta: { "a\0": "b" } }, "INVALID_REQUEST"],
  ["POST", "/runs", { job: "resize", runAt: "9999-12-31T23:59:59Z" }, undefined],
  ["POST", "/runs/cancel", { ids: ["not-an-id"] }, "INVALID_REQUEST"],
  ["POST", "/queues/%00/pause", undefined, "INVALID_OPTION"],
])("%s %s is answered, or refused by name", async (method, path, body, code) => {
  const answered = await ask(served, method, path, body);
  expect([answered.status < 500, answered.body.code]).toEqual([true, code]);
});
