// What becomes of messages: each is acted on once, whatever happens to the answers.
import { expect, test } from "vitest";
import { createHearing } from "./hearing.js";

const message = (id: string) => ({ id, name: id, payload: undefined, at: 0 });

function hearing(heard: (ids: readonly string[]) => Promise<void> = async () => {}) {
  const acted: string[] = [];
  const errors: unknown[] = [];
  const { hear } = createHearing({
    async heard(ids) {
      await heard(ids);
      acted.push(`heard ${ids}`);
    },
    read({ name }) {
      if (name === "broken") throw new Error("broken");
      return name === "stop"
        ? { afterwards: () => void acted.push(name) }
        : { now: () => void acted.push(name) };
    },
    onError: (error) => errors.push(error),
  });
  return { hear, acted, errors };
}

test("a message is acted on once, however often it is told", async () => {
  const { hear, acted } = hearing();
  await hear([message("one")]);
  await hear([message("one"), message("two")]);
  expect(acted).toEqual(["one", "heard one", "two", "heard one,two"]);
});

test("the store knows of a message that ends the worker before it does", async () => {
  const { hear, acted } = hearing();
  await hear([message("stop"), message("one")]);
  expect(acted).toEqual(["one", "heard stop,one", "stop"]);
});

test("a message is acted on, and not twice, when the store cannot be told", async () => {
  let isAway = true;
  const { hear, acted, errors } = hearing(async () => {
    if (isAway) throw new Error("away");
  });
  await hear([message("stop")]);
  expect(acted).toEqual(["stop"]);
  expect(errors).toHaveLength(1);
  isAway = false;
  await hear([message("stop")]);
  expect(acted).toEqual(["stop", "heard stop"]);
});

test("a message that cannot be read is reported, and stands in nobody's way", async () => {
  const { hear, acted, errors } = hearing();
  await hear([message("broken"), message("one")]);
  expect(acted).toEqual(["one", "heard broken,one"]);
  expect(errors).toHaveLength(1);
});
