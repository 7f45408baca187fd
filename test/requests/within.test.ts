// Work within a time: what was just asked for is worked, what is not finished is handed back, and a sweep takes what is left.
import { job, open } from "duckdive";
import { sweep, workWithin } from "duckdive/with/serverless";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { gate } from "../engine.js";

function stage() {
  const held = gate();
  const worked: string[] = [];
  const quick = job({
    name: "quick",
    queue: "mail",
    input: z.string(),
    handle: (name) => void worked.push(name),
  });
  const long = job({
    name: "long",
    queue: "slow",
    handle: (_input, { signal }) =>
      Promise.race([
        held.passed,
        new Promise<never>((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        ),
      ]),
  });
  const other = job({ name: "other", queue: "other", handle: () => void worked.push("other") });
  const duckdive = open("sqlite::memory:", { jobs: [quick, long, other] });
  onTestFinished(() => duckdive.close());
  return { duckdive, quick, long, other, worked, held };
}

test("runs are worked within a budget, and no other queue is", async () => {
  const { duckdive, quick, other, worked } = stage();
  await duckdive.enqueue(other);
  const runs = await duckdive.enqueueMany(quick, ["one", "two"]);
  const { ended, left } = await workWithin(duckdive, runs, { budget: "20s" });
  expect([ended, left, worked.sort()]).toEqual([runs.map(({ id }) => id), [], ["one", "two"]]);
  expect(await duckdive.count({ state: "ready" })).toBe(1);
  expect(await duckdive.workers()).toEqual([]);
});

test("a run that is not finished by then is handed back with its attempt, and a sweep finishes it", async () => {
  const { duckdive, long, held } = stage();
  const run = await duckdive.enqueue(long);
  const { ended, left } = await workWithin(duckdive, [run], { budget: "500ms" });
  expect([ended, left]).toEqual([[], [run.id]]);
  expect(await run.get()).toMatchObject({ state: "ready", attempt: 0 });
  expect(await sweep(duckdive, { budget: "300ms" })).toBe(false);
  held.open();
  expect(await sweep(duckdive, { budget: "20s" })).toBe(true);
  expect(await run.get()).toMatchObject({ state: "succeeded", attempt: 1 });
});

test("a sweep of some queues leaves the others", async () => {
  const { duckdive, other, quick, worked } = stage();
  await duckdive.enqueue(other);
  await duckdive.enqueue(quick, "mine");
  expect(await sweep(duckdive, { budget: "20s", queues: { mail: 1 } })).toBe(true);
  expect(worked).toEqual(["mine"]);
});
