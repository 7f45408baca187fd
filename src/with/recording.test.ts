// Which errors mean that a message can never be a run, and which that it has to wait.
import { expect, test } from "vitest";
import { z } from "zod";
import { job } from "../job/index.js";
import { newId } from "../kernel/index.js";
import { IdConflictError } from "../queue/index.js";
import { testQueue } from "../testing/index.js";
import { messageOf, recordAll, requestUnder } from "./recording.js";

const mail = job({ name: "mail", input: z.object({ n: z.number() }), handle: () => {} });
const other = job({ name: "other", handle: () => {} });
const strict = job({
  name: "strict",
  input: z.object({ n: z.number() }),
  unique: { by: "n", onConflict: "reject" },
  handle: () => {},
});

test("what is wrong with one request is that one's fate, and the others are recorded", async () => {
  await using queue = testQueue({ jobs: [mail, other, strict] });
  const id = newId();
  await queue.enqueue(other, undefined, { id });
  await queue.enqueue(strict, { n: 1 });
  const fates = await recordAll(queue, [
    mail.with({ n: 1 }),
    mail.with({ n: "one" as never }),
    mail.with({ n: 2 }, { id }),
    mail.with({ n: 3 }, { after: [newId()] }),
    mail.with({ n: 4 }, { priority: 99 }),
    strict.with({ n: 1 }),
    mail.with({ n: 5 }),
  ]);
  expect(fates.map((fate) => (fate.kind === "refused" ? fate.error.code : fate.kind))).toEqual([
    "recorded",
    "INVALID_INPUT",
    "ID_CONFLICT",
    "UNKNOWN_RUN",
    "INVALID_OPTION",
    "UNIQUE_CONFLICT",
    "recorded",
  ]);
  expect((await queue.enqueued(mail)).map(({ input }) => input)).toEqual([{ n: 1 }, { n: 5 }]);
});

test("whatever says nothing about the request is tried again, all of it", async () => {
  const error = new Error("no store");
  const fates = await recordAll({ enqueueMany: () => Promise.reject(error) }, [
    mail.with({ n: 1 }),
    mail.with({ n: 2 }),
  ]);
  expect(fates).toEqual([
    { kind: "later", error },
    { kind: "later", error },
  ]);
});

test("a request keeps an id and a meta of its own", async () => {
  await using queue = testQueue({ jobs: [mail] });
  const [own, given] = [newId(), newId()];
  const first = requestUnder(mail.with({ n: 1 }, { id: own, meta: { from: "me" } }), given, {
    from: "it",
    at: "it",
  });
  const second = requestUnder(mail.with({ n: 2 }, { tags: ["kept"] }), given, {});
  const runs = await queue.enqueueMany([first, second]);
  expect(runs.map(({ id }) => id)).toEqual([own, given]);
  expect(await queue.get(own)).toMatchObject({ meta: { from: "me", at: "it" } });
  expect(await queue.get(given)).toMatchObject({ tags: ["kept"] });
});

test("an error is put into a sentence, also one without a message", () => {
  expect(messageOf(new Error("It is gone."))).toBe("It is gone");
  expect(messageOf(Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }))).toBe("ECONNREFUSED");
  expect(messageOf(new IdConflictError({ runId: "a", asked: "b", found: "c" }))).toMatch(/another$/);
});
