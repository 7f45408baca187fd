// Runs asked for by the name of their job, with its definition at hand and without. Misspelt on purpose. cspell:ignore welcom
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { type AnyJob, InvalidInputError, job } from "../job/index.js";
import { InvalidOptionError, NotJsonError, newId } from "../kernel/index.js";
import { open } from "../open.js";
import { sqlite } from "../store/sqlite/index.js";
import { IdConflictError } from "./errors.js";
import type { Duckdive } from "./types.js";

const input = z.object({ userId: z.number() });
const welcome = job({ name: "welcome", input, queue: "mail", handle: ({ userId }) => userId });
const other = job({ name: "other", queue: "low", priority: 3, version: 2, handle() {} });

const opened: Duckdive[] = [];
function client(jobs: readonly AnyJob[], store: object): Duckdive {
  const duckdive = open(store, { jobs });
  opened.push(duckdive);
  return duckdive;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((duckdive) => duckdive.close()));
});

/** A client that has `welcome` only, on a store where a worker of both jobs has been. */
async function opening() {
  const store = sqlite({ file: ":memory:" });
  const here = client([welcome], store);
  const working = client([welcome, other], store);
  const first = working.work();
  await first.ready;
  await first.stop();
  return { here, work: () => working.work() };
}

test("a job whose definition is at hand is judged at once, another one by a worker that has it", async () => {
  const { here, work } = await opening();
  const [checked, unchecked] = await here.enqueueByName([
    { job: "welcome", input: { userId: 7 } },
    { job: "other", options: { tags: ["later"] } },
  ]);
  expect([checked?.isChecked, unchecked?.isChecked, unchecked?.hint]).toEqual([true, false, undefined]);
  const worker = work();
  expect(await checked?.run.result()).toBe(7);
  await unchecked?.run.result();
  const run = await here.get(unchecked?.run.id ?? "");
  expect(run).toMatchObject({ job: "other", queue: "low", priority: 3, version: 2, tags: ["later"] });
  await worker.stop();
});

test("the order of the answers is that of the requests", async () => {
  const { here } = await opening();
  const names = ["other", "welcome", "other", "welcome"];
  const asked = await here.enqueueByName(
    names.map((name) => (name === "other" ? { job: name } : { job: name, input: { userId: 7 } })),
  );
  const jobs = await Promise.all(asked.map(async ({ run }) => (await here.get(run.id))?.job));
  expect(jobs).toEqual(names);
});

test("what one request of several is refused for, none is recorded for", async () => {
  const { here } = await opening();
  const wrong = here.enqueueByName([{ job: "other" }, { job: "welcome", input: { userId: "7" } }]);
  await expect(wrong).rejects.toThrow(InvalidInputError);
  await expect(here.enqueueByName([{ job: "other", input: { at: Number.NaN } }])).rejects.toThrow(
    NotJsonError,
  );
  await expect(here.enqueueByName([{ job: "" }])).rejects.toThrow(InvalidOptionError);
  await expect(here.enqueueByName([{ job: "welcome", input: { userId: 7 }, queue: "x" }])).rejects.toThrow(
    /has its own queue/,
  );
  const after = [{ job: "other", options: { after: [newId()] } }];
  await expect(here.enqueueByName(after)).rejects.toThrow(/needs the job's definition/);
  await expect(here.enqueueByName([{ job: "x", options: { priority: 99 } }])).rejects.toThrow(/priority/);
  expect(await here.count()).toBe(0);
});

test("a name that no worker has is recorded with a hint, and waits where it is told to", async () => {
  const { here } = await opening();
  const [run] = await here.enqueueByName([{ job: "welcom", queue: "elsewhere", options: { priority: -2 } }]);
  expect(run?.hint).toMatch(/No worker here has had a job "welcom"\. Did you mean "welcome"\?/);
  const record = await here.get(run?.run.id ?? "");
  expect(record).toMatchObject({ state: "waiting", queue: "elsewhere", priority: -2 });
  expect(record?.waiting).toMatchObject({ reason: "preparation" });
});

test("asking twice with one id is asking once, and an id stands for one job", async () => {
  const { here } = await opening();
  const id = newId();
  const [first] = await here.enqueueByName([{ job: "other", options: { id } }]);
  const [second] = await here.enqueueByName([{ job: "other", options: { id } }]);
  expect([first?.run.created, second?.run.created, second?.run.id]).toEqual([true, false, id]);
  await expect(here.enqueueByName([{ job: "another", options: { id } }])).rejects.toThrow(IdConflictError);
});

test("the jobs are those that workers have, and those that are here", async () => {
  const store = sqlite({ file: ":memory:" });
  const here = client([job({ ...{ name: "fresh", description: "not deployed" }, handle() {} })], store);
  expect(await here.jobs()).toMatchObject([{ name: "fresh", isHere: true, description: "not deployed" }]);
  const worker = client([other], store).work();
  await worker.ready;
  await worker.stop();
  expect(await here.jobs()).toMatchObject([
    { name: "fresh", isHere: true },
    { name: "other", version: 2, queue: "low", priority: 3, isHere: false },
  ]);
});

test("changes are heard of until nobody wants to", async () => {
  const store = sqlite({ file: ":memory:" });
  const here = client([welcome], store);
  let heard = 0;
  const leave = here.changes(() => {
    heard += 1;
  });
  await here.enqueue(welcome, { userId: 7 });
  expect(heard).toBeGreaterThan(0);
  leave();
  const before = heard;
  await here.enqueue(welcome, { userId: 7 });
  expect(heard).toBe(before);
});
