// cspell:ignore timout rety -- misspelled on purpose
import { expect, test } from "vitest";
import { InvalidOptionError } from "./errors.js";
import { checkOptions, didYouMean } from "./suggest.js";

const options = ["timeout", "queue", "retry", "keep", "by"];

test("a near miss is suggested, a far one is not", () => {
  expect(didYouMean("timout", options)).toBe(' Did you mean "timeout"?');
  expect(didYouMean("Queue", options)).toBe(' Did you mean "queue"?');
  expect(didYouMean("rety", options)).toBe(' Did you mean "retry"?');
  expect(didYouMean("concurrency", options)).toBe("");
  expect(didYouMean("x", options)).toBe("");
  expect(didYouMean("anything", [])).toBe("");
});

test("an unknown option is refused with the one that was meant", () => {
  expect(() => checkOptions({ queue: "mail" }, options, "x")).not.toThrow();
  try {
    checkOptions({ timout: 1 }, options, 'job "mail"');
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({
      code: "INVALID_OPTION",
      didYouMean: "timeout",
      message:
        'job "mail" has no option "timout". Did you mean "timeout"? It has: timeout, queue, retry, keep, by.',
    });
  }
});
