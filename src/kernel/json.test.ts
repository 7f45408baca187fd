import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NotJsonError, TooLargeError } from "./errors.js";
import { decode, encode } from "./json.js";

const what = "The input";

function refusal(value: unknown): NotJsonError {
  try {
    encode(value, { what });
  } catch (error) {
    if (error instanceof NotJsonError) return error;
    throw error;
  }
  return expect.unreachable("it was accepted");
}

/** JSON as the store keeps it: whole characters, no NUL, no key that is a way to attack. */
const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value")),
    fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      tie("value"),
    ),
  ),
})).value;

describe("encode", () => {
  test("writes exactly what JSON.stringify writes of a JSON value, and decode gives it back", () => {
    fc.assert(
      fc.property(json, (value) => {
        const written = encode(value, { what });
        expect(written).toBe(JSON.stringify(value));
        expect(JSON.stringify(decode(written ?? ""))).toBe(written);
      }),
      { numRuns: 1_000 },
    );
  });

  test("anything at all is refused with a path, or becomes what the rule says", () => {
    const anything = fc.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    });
    const documented = (_key: string, value: unknown): unknown =>
      typeof value === "bigint" ? String(value) : value;
    fc.assert(
      fc.property(anything, (value) => {
        try {
          expect(encode(value, { what })).toBe(JSON.stringify(value, documented));
        } catch (error) {
          if (!(error instanceof NotJsonError)) throw error;
          expect(error.path).toMatch(/^\$/);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("a Date is its ISO text, a bigint its digits, -0 is 0, an undefined property is left out", () => {
    const value = { at: new Date(0), count: 7n, zero: -0, gone: undefined, nested: [new Date(1)] };
    expect(encode(value, { what })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","count":"7","zero":0,"nested":["1970-01-01T00:00:00.001Z"]}',
    );
    expect(encode(undefined, { what })).toBeUndefined();
    expect(encode(null, { what })).toBe("null");
  });

  test.each<[string, unknown, string, RegExp]>([
    ["a function", { a: () => 1 }, "$.a", /a function/],
    ["a symbol", { a: Symbol("s") }, "$.a", /a symbol/],
    ["a Map", { items: [0, 1, 2, { at: new Map() }] }, "$.items[3].at", /Object\.fromEntries/],
    ["a Set", [new Set()], "$[0]", /\[\.\.\.set\]/],
    ["a WeakMap", { "a b": new WeakMap() }, '$["a b"]', /a WeakMap/],
    ["a promise", { a: Promise.resolve() }, "$.a", /Await/],
    ["a Buffer", { a: Buffer.from("x") }, "$.a", /base64/],
    ["a typed array", { a: new Uint8Array(1) }, "$.a", /base64/],
    ["an instance", { a: new (class Money {})() }, "$.a", /an instance of Money/],
    ["an array with a class", { a: new (class Rows extends Array {})() }, "$.a", /an instance of Rows/],
    ["an error", { a: new TypeError("x") }, "$.a", /an error \(TypeError\)/],
    ["a URL", { a: new URL("http://x.test") }, "$.a", /url\.href/],
    ["a boxed string", { a: new String("x") }, "$.a", /an instance of String/],
    ["a plain object with toJSON", { toJSON: () => 1 }, "$.toJSON", /a function/],
    ["NaN", { a: Number.NaN }, "$.a", /NaN/],
    ["Infinity", -Infinity, "$", /-Infinity/],
    ["undefined in an array", { a: [undefined] }, "$.a[0]", /undefined in an array/],
    ["a hole", { a: Object.assign(new Array(3), { 0: 1, 2: 2 }) }, "$.a[1]", /undefined in an array/],
    ["an array with named properties", { a: /a/.exec("a") }, "$.a", /named properties/],
    ["an own __proto__", JSON.parse('{"a":{"__proto__":1}}'), "$.a.__proto__", /Rename/],
    ["a symbol as key", { a: { [Symbol("s")]: 1 } }, "$.a", /symbol as key/],
    ["half a pair", { a: "x\ud800" }, "$.a", /surrogate/],
    ["half a pair in a key", { "\udc00": 1 }, '$["\\udc00"]', /surrogate/],
    ["NUL", { a: "\0" }, "$.a", /NUL/],
    ["NUL in a key", { "a\0": 1 }, '$["a\\u0000"]', /NUL/],
    ["an invalid Date", { a: new Date(Number.NaN) }, "$.a", /invalid Date/],
  ])("%s is refused with its path and a remedy", (_name, value, path, message) => {
    const error = refusal(value);
    expect(error.path).toBe(path);
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^The input is not JSON: \$/);
  });

  test("a cycle is refused, a shared object is not", () => {
    const shared = { x: 1 };
    expect(encode({ a: shared, b: [shared, shared] }, { what })).toBe('{"a":{"x":1},"b":[{"x":1},{"x":1}]}');
    const list: unknown[] = [1];
    const cycle = { list };
    list.push({ back: cycle });
    const error = refusal(cycle);
    expect(error.path).toBe("$.list[1].back");
    expect(error.message).toContain("the same object as $");
  });

  test("a thousand levels are written, one more is refused, and a million do not end the stack", () => {
    const nest = (levels: number): unknown => {
      let value: unknown = 1;
      for (let level = 0; level < levels; level++) value = { n: value };
      return value;
    };
    const deepest = encode(nest(1_000), { what });
    expect(decode(deepest ?? "")).toEqual(nest(1_000));
    expect(refusal(nest(1_001)).message).toContain("nested deeper than 1000");
    expect(refusal(nest(1_000_000)).message).toContain("nested deeper than 1000");
  });

  test("a getter and a proxy are read once", () => {
    let reads = 0;
    const value = {
      get a() {
        return reads++ === 0 ? 1 : new Map();
      },
    };
    expect(encode(value, { what })).toBe('{"a":1}');
    expect(encode(new Proxy({ b: [1] }, {}), { what })).toBe('{"b":[1]}');
    expect(reads).toBe(1);
  });

  test("plain objects, arrays and dates of another realm are plain", () => {
    const foreign: unknown = runInNewContext("({ a: [1, { at: new Date(0) }] })");
    expect(encode(foreign, { what })).toBe('{"a":[1,{"at":"1970-01-01T00:00:00.000Z"}]}');
  });

  test("an Object.prototype that somebody polluted with toJSON changes nothing", () => {
    Object.defineProperty(Object.prototype, "toJSON", { value: () => "polluted", configurable: true });
    try {
      expect(encode({ a: [1] }, { what })).toBe('{"a":[1]}');
    } finally {
      Reflect.deleteProperty(Object.prototype, "toJSON");
    }
  });

  test("the limit is in bytes of UTF-8, and the message names the part that is too large by itself", () => {
    expect(encode("é".repeat(4), { what, limit: 10 })).toBe('"éééé"');
    expect(() => encode("é".repeat(5), { what, limit: 10 })).toThrow(TooLargeError);
    expect(encode("x".repeat(1_048_574), { what })).toHaveLength(1_048_576);
    expect(() => encode("x".repeat(1_048_575), { what })).toThrow(/pass its id/);
    try {
      encode({ order: 1, image: { bytes: ["x".repeat(50)] } }, { what, limit: 40 });
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "TOO_LARGE", path: "$.image.bytes", limit: 40, size: 53 });
    }
  });

  test("a small value that doubles itself thirty times is refused before it fills the memory", () => {
    let value: unknown = ["x"];
    for (let level = 0; level < 30; level++) value = [value, value];
    expect(() => encode(value, { what })).toThrow(TooLargeError);
  });
});

describe("decode", () => {
  test("refuses a key __proto__, also one written in escapes", () => {
    for (const key of ["__proto__", "\\u005f_proto__", "__\\u0070roto__", "__pro\\u0074\\u006F__"]) {
      expect(() => decode(`{"a":[{"${key}":{"admin":true}}]}`)).toThrow("$.a[0].__proto__");
    }
    expect(decode('{"a":"__proto__"}')).toEqual({ a: "__proto__" });
  });

  test("refuses what is not JSON, and keeps the cause", () => {
    expect(() => decode("{'a':1}")).toThrow(NotJsonError);
    try {
      decode("");
    } catch (error) {
      expect(error).toMatchObject({ code: "NOT_JSON", cause: expect.any(SyntaxError) });
    }
  });

  test("refuses nesting that would end the stack, and is not misled by brackets in text", () => {
    expect(() => decode("[".repeat(100_000) + "]".repeat(100_000))).toThrow("nested deeper");
    expect(decode(JSON.stringify(['[{"\\'.repeat(5_000)]))).toEqual(['[{"\\'.repeat(5_000)]);
  });
});
