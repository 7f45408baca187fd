// One event, heard by jobs of this process and by jobs that only the store knows of.
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { type AnyJob, InvalidInputError, job } from "../job/index.js";
import { open } from "../open.js";
import { sqlite } from "../store/sqlite/index.js";
import type { Duckdive } from "./types.js";

const input = z.object({ userId: z.number() });
const welcome = job({ name: "welcome", input, on: "user.created", handle: ({ userId }) => userId });
const index = job({ name: "index", input, on: ["user.created", "user.renamed"], handle() {} });
const strict = job({
  name: "strict",
  input: z.object({ userId: z.string() }),
  on: "user.created",
  handle() {},
});

const opened: Duckdive[] = [];
function inMemory(jobs: readonly AnyJob[], store: string | object = "sqlite::memory:"): Duckdive {
  const duckdive = open(store, { jobs });
  opened.push(duckdive);
  return duckdive;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((duckdive) => duckdive.close()));
});

test("an event becomes a run of every job that has it in its `on`", async () => {
  const duckdive = inMemory([welcome, index]);
  const worker = duckdive.work();
  const runs = await duckdive.publish("user.created", { userId: 7 }, { tags: ["signup"] });
  expect(await Promise.all(runs.map((run) => run.result()))).toEqual([7, undefined]);
  const { runs: all } = await duckdive.list();
  expect(all.map((run) => [run.job, run.input, run.tags]).sort()).toEqual([
    ["index", { userId: 7 }, ["signup"]],
    ["welcome", { userId: 7 }, ["signup"]],
  ]);
  expect(await duckdive.publish("user.renamed", { userId: 8 })).toHaveLength(1);
  await worker.stop();
});

test("an event that nobody listens to is no error", async () => {
  expect(await inMemory([welcome]).publish("user.deleted", { userId: 7 })).toEqual([]);
});

test("a payload that one job does not accept is recorded for none, and names the job", async () => {
  const duckdive = inMemory([welcome, strict]);
  const published = duckdive.publish("user.created", { userId: 7 });
  await expect(published).rejects.toThrow(InvalidInputError);
  await expect(published).rejects.toThrow(/Job "strict" does not accept this input: \$\.userId/);
  expect(await duckdive.count()).toBe(0);
});

test("a job of elsewhere waits until a worker that has it has judged the payload", async () => {
  const store = sqlite({ file: ":memory:" });
  const web = inMemory([welcome], store);
  await web.ready();
  const bill = job({
    name: "bill",
    input,
    on: "user.created",
    queue: "money",
    handle: ({ userId }) => -userId,
  });
  const definition = { job: "bill", version: 1, queue: "money", priority: 0, attempts: 10, prepared: true };
  await store.publish([{ ...definition, events: ["user.created"] }]);
  const [here, there] = await web.publish("user.created", { userId: 7 });
  expect([(await here?.get())?.state, await there?.get()]).toEqual([
    "ready",
    expect.objectContaining({ job: "bill", queue: "money", waiting: { reason: "preparation" } }),
  ]);
  const worker = inMemory([bill], store).work();
  expect(await there?.result()).toBe(-7);
  await worker.stop();
});

test.each<[string, () => Promise<unknown>, RegExp]>([
  ["no name", () => inMemory([]).publish("", {}), /needs the name of an event first/],
  [
    "a payload that is not JSON",
    () => inMemory([welcome]).publish("user.created", { userId: new Map() }),
    /is not JSON/,
  ],
  [
    "an option that nobody knows",
    () => inMemory([]).publish("x", {}, { delay: "5m" } as never),
    /duckdive\.publish\("x"\) has no option "delay"/,
  ],
])("publishing with %s is refused", async (_what, publish, message) => {
  await expect(publish()).rejects.toThrow(message);
});
