// Jobs on the real engine, in memory, on a clock that the test moves: no server, no waiting.
import assert from "node:assert/strict";
import test from "node:test";
import { InvalidInputError } from "duckdive";
import { testQueue } from "duckdive/testing";
import { greet } from "./jobs.js";

test("whoever is named is greeted", async () => {
  await using queue = testQueue({ jobs: [greet] });
  const run = await queue.enqueue(greet, { name: "Ada" });

  const { succeeded, waiting } = await queue.drain();

  assert.deepEqual({ succeeded, waiting }, { succeeded: 1, waiting: 0 });
  assert.deepEqual(await run.result(), { greeting: "Hello, Ada!" });
});

test("an input that nobody could greet is refused where it is asked for", async () => {
  await using queue = testQueue({ jobs: [greet] });

  await assert.rejects(queue.enqueue(greet, { name: "" }), InvalidInputError);
  assert.equal((await queue.enqueued(greet)).length, 0);
});
