// A replica looked at: the dashboard and the API over a standby show everything that has arrived there, and what would write
// is refused in words.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Duckdive, job, open } from "../../src/index.js";
import { type Web, web } from "../../src/web/index.js";
import { silent } from "../violence/outage.js";
import { eventually } from "../violence/processes.js";
import { ask as askDatabase } from "./ask.js";
import { type Pair, startPrimaryWithStandby } from "./standby.js";

const copy = job({ name: "copy", handle: () => "done" });

let pair: Pair;
let primary: Duckdive;
let replica: Duckdive;
let site: Web;
let done: string;

beforeAll(async () => {
  pair = await startPrimaryWithStandby();
  primary = open(pair.primary.url(), { jobs: [copy], log: silent });
  const worker = primary.work();
  const run = await primary.enqueue(copy);
  await run.result();
  await worker.stop();
  done = run.id;
  await eventually(async () => (await isThere(done)) === true, 20_000);
  replica = open(pair.standby.url(), { jobs: [copy], log: silent });
  site = web(replica, { loopback: true, log: silent });
}, 60_000);

afterAll(async () => {
  await site?.close();
  await replica?.close();
  await primary?.close();
  await pair?.end();
});

/** The standby has the tables, and the end of the run. */
async function isThere(id: string): Promise<boolean> {
  await using looking = open(pair.standby.url(), { log: silent });
  const record = await looking.get(id).catch(() => undefined);
  return record?.state === "succeeded";
}

const ask = (method: string, path: string, body?: object): Promise<Response> =>
  site.fetch(
    new Request(`http://localhost${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );

test.each([
  "/",
  "/runs",
  "/runs/ID",
  "/failures",
  "/queues",
  "/queues/default",
  "/schedules",
  "/batches",
  "/workers",
  "/metrics",
  "/api/runs",
  "/api/runs/ID",
  "/api/queues",
  "/api/workers",
  "/api/jobs",
  "/api/statistics",
])("%s is shown", async (path) => {
  const response = await ask("GET", path.replace("ID", done));
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.stringMatching(/./)]);
  if (path.includes("ID")) expect(text).toContain(done);
});

test.each([
  ["POST", "/api/runs", { job: "copy" }],
  ["POST", "/api/runs/ID/retry", undefined],
  ["POST", "/api/queues/default/pause", undefined],
])("%s %s is refused, and says why", async (method, path, body) => {
  const response = await ask(method, path.replace("ID", done), body);
  expect([response.status, await response.json()]).toEqual([
    503,
    expect.objectContaining({ code: "STORE_READ_ONLY", detail: expect.stringContaining("it is a replica") }),
  ]);
});

test("whoever enqueues there is told that it is a standby", async () => {
  await expect(replica.enqueue(copy)).rejects.toMatchObject({
    code: "STORE_READ_ONLY",
    message: expect.stringContaining("Use the address of the primary"),
  });
});

// The last one: afterwards it is none.
test("who looked at a standby works on it when it is promoted, with what a standby does not have", async () => {
  await pair.promote();
  const worker = replica.work();
  const run = await replica.enqueue(copy);
  expect(await run.result()).toBe("done");
  // The lock by which it shows that it lives is held by the connection that listens.
  const holder = `select pid from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
    and (classid::bigint << 32) | objid::bigint = (select lock from duckdive.worker where id = $1)`;
  await eventually(
    async () => (await askDatabase(pair.standby.url(), holder, [worker.id])).length === 1,
    20_000,
  );
  await worker.stop();
});
