// cspell:ignore Jgone
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clean, cleanLines, cut, widthOf } from "./text.js";

describe("clean", () => {
  test("a line break becomes a space, and an escape sequence is seen instead of obeyed", () => {
    expect(clean("first\n  second\r\nthird\tend")).toBe("first second third end");
    expect(clean("\u001b[2Jgone\u0007")).toBe("\\u001b[2Jgone\\u0007");
    expect(clean("\u202egnp.exe")).toBe("\\u202egnp.exe");
  });

  test("words of any language stay what they are", () => {
    expect(clean("naïve — 東京 ✓ 🏄")).toBe("naïve — 東京 ✓ 🏄");
  });

  test("nothing that a terminal obeys is left in any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(clean(text)).not.toMatch(/[\p{Cc}\p{Surrogate}]/u);
        for (const line of cleanLines(text)) expect(line).not.toMatch(/[\p{Cc}\p{Surrogate}]/u);
      }),
    );
  });
});

describe("cut", () => {
  test("wide characters count twice, and marks not at all", () => {
    expect(widthOf("東京")).toBe(4);
    expect(widthOf("e\u0301")).toBe(1);
    expect(cut("東京都", 5)).toBe("東京…");
    expect(cut("abcdef", 4)).toBe("abc…");
    expect(cut("abcd", 4)).toBe("abcd");
  });

  test("what is cut fits, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 0, max: 40 }), (text, columns) => {
        expect(widthOf(cut(clean(text), columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });
});
