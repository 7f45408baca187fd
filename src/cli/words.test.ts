import picocolors from "picocolors";
import { describe, expect, test } from "vitest";
import { states } from "../run/index.js";
import { coarse, count, many, perMinute, relative, share, slotsText, stateCell } from "./words.js";

describe("words for people", () => {
  test("times are relative, to both sides", () => {
    const now = 1_000_000;
    expect(relative(new Date(now - 400), now)).toBe("now");
    expect(relative(new Date(now - 61_900), now)).toBe("1m 1s ago");
    expect(relative(new Date(now + 3_600_000), now)).toBe("in 1h");
    expect(relative(undefined, now)).toBe("");
    expect(coarse(250)).toBe("250ms");
  });

  test("rates and parts are as exact as they are worth", () => {
    expect([undefined, 0, 0.01, 0.26, 3.14, 1_234.5].map(perMinute)).toEqual([
      "0",
      "0",
      "<0.1",
      "0.3",
      "3.1",
      "1,235",
    ]);
    expect([undefined, 0, 0.002, 0.126, 1].map(share)).toEqual(["", "0%", "<1%", "13%", "100%"]);
  });

  test("numbers have their thousands apart, and their noun", () => {
    expect(count(1_234_567)).toBe("1,234,567");
    expect(many(1, "run")).toBe("1 run");
    expect(many(1_000, "run")).toBe("1,000 runs");
    expect(many(2, "more", "more")).toBe("2 more");
  });

  test("slots are said as they are typed", () => {
    expect(slotsText({ mail: 20, "*": 5 })).toBe("mail=20, *=5");
  });
});

describe("a state", () => {
  test("is its word alone where there is no colour", () => {
    const plain = picocolors.createColors(false);
    expect(states.map((state) => stateCell(state, plain))).toEqual([...states]);
  });

  test("has a sign of its own, and only failure colours its word", () => {
    const colors = picocolors.createColors(true);
    const cells = states.map((state) => stateCell(state, colors));
    const signs = cells.map((cell) => (typeof cell === "string" ? cell : cell.text[0]));
    expect(new Set(signs).size).toBe(states.length);
    const painted = (state: (typeof states)[number]): string => {
      const cell = stateCell(state, colors);
      return typeof cell === "string" ? cell : cell.paint(cell.text);
    };
    expect(painted("failed")).toBe(colors.red("✗ failed"));
    expect(painted("running")).toBe(`${colors.cyan("▶")} running`);
  });
});
