// What of a job's policy goes into the run that is asked for.
import { expect, test } from "vitest";
import { z } from "zod";
import { job, prepareInput } from "../job/index.js";
import { newRunOf, unrefused } from "./request.js";

const input = z.object({ id: z.number(), at: z.coerce.date().default(() => new Date(0)) });

async function runOf(contract: { readonly name: string }, value: unknown, options?: object) {
  return newRunOf(contract, await prepareInput(contract, value), options, undefined);
}

test("a request has the gates, the unique key and the share of its parsed input", async () => {
  const sync = job({
    name: "sync",
    input,
    lock: ({ at }) => `day:${at.getUTCFullYear()}`,
    concurrency: { limit: 2, by: "id" },
    unique: { by: ["id", "at"] },
    fair: { by: "id" },
  });
  expect(await runOf(sync, { id: 7 })).toMatchObject({
    job: "sync",
    input: '{"id":7}',
    gates: [
      { kind: "lock", key: "day:1970", limit: 1, hold: "run" },
      { kind: "limit", key: "sync id=7", limit: 2 },
    ],
    unique: { key: 'sync id=7 at="1970-01-01T00:00:00.000Z"' },
    fair: "id=7",
  });
});

test("a request for a job without rules has none", async () => {
  const run = await runOf(job({ name: "plain", input }), { id: 7 });
  expect([run.gates, run.unique, run.fair, run.due]).toEqual([undefined, undefined, undefined, undefined]);
});

test("the first of debounced requests waits for the others, unless it says when it is to run", async () => {
  const index = job({ name: "index", input, unique: { by: "id", onConflict: { debounce: "1m" } } });
  expect((await runOf(index, { id: 7 })).due).toEqual({ after: 60_000 });
  expect((await runOf(index, { id: 7 }, { delay: "5s" })).due).toEqual({ after: 5_000 });
});

test("a run that nobody asks for in person is not refused", async () => {
  const once = job({ name: "once", input, unique: { onConflict: "reject" } });
  const run = await runOf(once, { id: 7 });
  expect(run.unique?.onConflict).toEqual({ kind: "reject" });
  expect(unrefused(run).unique).toMatchObject({ key: "once", onConflict: { kind: "ignore" } });
  const plain = await runOf(job({ name: "plain", input }), { id: 7 });
  expect(unrefused(plain)).toBe(plain);
});
