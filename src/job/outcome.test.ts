import { expect, test } from "vitest";
import { isOutcome, outcomes } from "./outcome.js";

test("an outcome is a plain frozen value that nothing a handler returns is mistaken for", () => {
  const made = [
    outcomes.fail("no such user"),
    outcomes.fail("declined", { why: "empty" }),
    outcomes.fail("declined", undefined),
    outcomes.cancel("not needed"),
    outcomes.snooze(1_000),
    outcomes.rateLimited(500),
  ];
  expect(made.map((value) => ({ ...value }))).toEqual([
    { kind: "fail", reason: "no such user" },
    { kind: "fail", code: "declined", data: { why: "empty" } },
    { kind: "fail", code: "declined", data: undefined },
    { kind: "cancel", reason: "not needed" },
    { kind: "snooze", milliseconds: 1_000 },
    { kind: "rateLimited", milliseconds: 500 },
  ]);
  expect(made.every((value) => isOutcome(value) && Object.isFrozen(value))).toBe(true);
  expect([{ kind: "fail", reason: "x" }, null, undefined, "fail"].some(isOutcome)).toBe(false);
  expect(outcomes.succeed(() => 1)).toMatchObject({ kind: "succeed" });
});
