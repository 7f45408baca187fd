import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createRetained } from "./retained.js";

setFlagsFromString("--expose_gc");
const collect: () => void = runInNewContext("gc");

/** A collection, and what it tells afterwards. */
async function collection(): Promise<void> {
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

/** Executions of a job, and what still holds some of them. */
function suspended(number: number, kept: number) {
  let time = 0;
  const retained = createRetained({ now: () => time });
  const holders: object[] = [];
  for (let one = 0; one < number; one++) {
    const context = { one };
    if (one < kept) holders.push(context);
    retained.add("sleeper", context);
  }
  return { retained, holders, pass: (milliseconds: number) => (time += milliseconds) };
}

test("what a collection has left after two minutes is counted, and no more once it is let go", async () => {
  const { retained, holders, pass } = suspended(20, 3);
  await collection();
  expect(retained.count()).toBeUndefined();
  pass(120_000);
  expect(retained.count()).toBeUndefined();
  await collection();
  expect(retained.count()).toEqual({ sleeper: 3 });
  holders.length = 1;
  await collection();
  expect(retained.count()).toEqual({ sleeper: 1 });
  holders.length = 0;
  await collection();
  expect(retained.count()).toBeUndefined();
});

test("without a collection nothing is said to be held, however long ago it was suspended", () => {
  const { retained, pass } = suspended(20, 0);
  pass(3_600_000);
  expect(retained.count()).toBeUndefined();
});

test("what was suspended a moment ago is not yet counted", async () => {
  const { retained, holders, pass } = suspended(5, 5);
  pass(119_000);
  retained.count();
  await collection();
  expect(retained.count()).toBeUndefined();
  expect(holders).toHaveLength(5);
});
