// Anything may be thrown; what is stored is always data of a bounded size that every store can hold.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StoredError } from "../job/index.js";
import { storedError, storedText } from "./error.js";

const hostile = {
  get message(): string {
    throw new Error("not even this");
  },
};

function chain(length: number): Error {
  let error = new Error("the root");
  for (let depth = 1; depth < length; depth++) error = new Error(`level ${depth}`, { cause: error });
  return error;
}

function depthOf(error: StoredError): number {
  return error.cause === undefined ? 1 : 1 + depthOf(error.cause);
}

describe("a stored error", () => {
  test.each<[string, unknown]>([
    ["an object whose message throws", hostile],
    [
      "an Error whose cause throws",
      Object.defineProperty(new Error("x"), "cause", { get: () => hostile.message }),
    ],
    ["an object that cannot be printed", { toJSON: () => hostile.message }],
    [
      "a proxy that throws at everything",
      new Proxy({}, { get: () => hostile.message, has: () => hostile.message !== "" }),
    ],
    ["a revoked proxy", revoked()],
    ["an object with a cycle and no message", cycle()],
    ["a symbol", Symbol("odd")],
    ["a bigint", 7n],
    ["null", null],
    ["undefined", undefined],
    ["a function", () => {}],
    ["an object without a prototype", Object.create(null)],
  ])("can be made of %s", (_what, thrown) => {
    const stored = storedError(thrown);
    expect(typeof stored.name).toBe("string");
    expect(typeof stored.message).toBe("string");
    expect(JSON.parse(JSON.stringify(stored))).toEqual(stored);
  });

  test("keeps name, code, stack and causes", () => {
    const cause = Object.assign(new RangeError("below"), { code: 13 });
    expect(storedError(Object.assign(new TypeError("above", { cause }), { code: "E_TOP" }))).toMatchObject({
      name: "TypeError",
      message: "above",
      code: "E_TOP",
      stack: expect.stringContaining("error.test.ts"),
      cause: { name: "RangeError", message: "below", code: "13" },
    });
  });

  test("ends a chain of causes that is long, or that closes on itself", () => {
    expect(depthOf(storedError(chain(100)))).toBe(9);
    const one = new Error("one");
    const two = new Error("two", { cause: one });
    one.cause = two;
    expect(depthOf(storedError(one))).toBe(2);
  });

  test("is never large, whatever it was made of", () => {
    const huge = Object.assign(new Error("m".repeat(1_000_000)), {
      stack: "s".repeat(1_000_000),
      code: "c".repeat(9_999),
    });
    expect(JSON.stringify(storedError(huge)).length).toBeLessThan(13_000);
  });

  test("can be made of anything at all", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true, withMap: true }), (thrown) => {
        const text = JSON.stringify(storedError(thrown));
        expect(text.length).toBeLessThan(200_000);
        expect(text).not.toMatch(/\\u0000/);
      }),
    );
  });
});

test("a stored text holds neither NUL nor half of a surrogate pair, also where it was cut", () => {
  expect(storedText("a\0\ud800", 10)).toBe("a\ufffd\ufffd");
  expect(storedText("🌊🌊", 3)).toBe("🌊\ufffd… (1 characters more)");
  expect(storedText(hostile, 40)).toBe("[object Object]");
  expect(storedText({ toString: () => hostile.message }, 40)).toContain("cannot be read");
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function cycle(): object {
  const one: { self?: object } = {};
  one.self = one;
  return one;
}
