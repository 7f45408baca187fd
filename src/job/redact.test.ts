// Redaction as pure functions: which places, in values and in texts.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redactionOf } from "./index.js";
import { blank, checkPaths } from "./redact.js";

function redact(paths: readonly string[]) {
  const redaction = redactionOf(paths);
  if (redaction === undefined) return expect.unreachable();
  return redaction;
}

describe("a path", () => {
  const cases: [string, unknown, unknown][] = [
    ["card", { card: { number: 1 }, id: 2 }, { card: blank, id: 2 }],
    [
      "card.number",
      { card: { number: 1, type: "v" }, number: 2 },
      { card: { number: blank, type: "v" }, number: 2 },
    ],
    [
      "items.*.pin",
      { items: [{ pin: 1 }, { pin: 2, n: 3 }] },
      { items: [{ pin: blank }, { pin: blank, n: 3 }] },
    ],
    ["items.1", { items: [1, 2, 3] }, { items: [1, blank, 3] }],
    ["*.password", { a: { password: "x" }, password: "y" }, { a: { password: blank }, password: "y" }],
    ["**.password", { a: [{ password: "x" }], password: "y" }, { a: [{ password: blank }], password: blank }],
    ["a.**.b", { a: { b: 1, c: { d: { b: 2 } } }, b: 3 }, { a: { b: blank, c: { d: { b: blank } } }, b: 3 }],
    ["missing.here", { there: 1 }, { there: 1 }],
    ["0", "text", "text"],
  ];
  test.each(cases)("%s", (path, value, shown) => {
    expect(redact([path]).value(value)).toEqual(shown);
  });

  test("that is in a value nowhere leaves the very same value", () => {
    void fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(redact(["no-such-name-anywhere"]).value(value)).toBe(value);
      }),
    );
  });

  test("to any depth leaves nothing under its name, and changes nothing given", () => {
    void fc.assert(
      fc.property(fc.object({ key: fc.constantFrom("secret", "a", "b"), maxDepth: 5 }), (value) => {
        const before = JSON.stringify(value);
        const shown: unknown = redact(["**.secret"]).value(value);
        expect(JSON.stringify(value)).toBe(before);
        const check = (one: unknown): void => {
          if (typeof one !== "object" || one === null) return;
          for (const [key, inside] of Object.entries(one)) {
            if (key === "secret") expect(inside).toBe(blank);
            else check(inside);
          }
        };
        check(shown);
      }),
    );
  });
});

describe("what stands at a path", () => {
  const redaction = redact(["card", "pin"]).with({
    card: { number: 41_111, owner: "Ada" },
    pin: "secret word",
  });

  test("is found in texts, and short texts are not, which are in the middle of others", () => {
    expect(redaction.text("no 41111 of Ada (secret word)")).toBe(`no ${blank} of Ada (${blank})`);
  });

  test("is found in an error, its stack and its causes", () => {
    const cause = { name: "E", message: "secret word", data: { pin: 1 } };
    const shown = redaction.error({
      name: "E",
      message: "41111",
      stack: "E: 41111\n at x",
      code: "C",
      cause,
    });
    expect(JSON.stringify(shown)).not.toMatch(/41111|secret word/);
    expect(shown).toMatchObject({ name: "E", code: "C", cause: { data: { pin: blank } } });
  });

  test("is found whole where one is part of another", () => {
    expect(redact(["a", "b"]).with({ a: "abcd", b: "abcdef" }).text("abcdef")).toBe(blank);
  });
});

test("paths that are none are refused, and none are no redaction", () => {
  for (const wrong of [[], "card", ["a..b"], [""], [7], ["$.card"]])
    expect(() => checkPaths(wrong, 'job "x"')).toThrow(/job "x": redact is .*Use a list of paths/);
  expect(redactionOf(undefined, undefined)).toBeUndefined();
});
