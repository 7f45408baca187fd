// What is told of an outage, and what is not.
import { expect, test } from "vitest";
import { StoreUnreachableError } from "../store/errors.js";
import { outages } from "./outage.js";

const away = new StoreUnreachableError("away", { passes: true });

function telling() {
  let now = 0;
  const isTold = outages(() => now);
  return (seconds: number, error: unknown = away): boolean => {
    now = seconds * 1_000;
    return isTold(error);
  };
}

test("an outage is told when it begins, and once a minute while it lasts", () => {
  const isTold = telling();
  const told = Array.from({ length: 125 }, (_, second) => second).filter((second) => isTold(second));
  expect(told).toEqual([0, 60, 120]);
});

test("an outage after another is told", () => {
  const isTold = telling();
  expect([0, 1, 2, 20, 21].map((second) => isTold(second))).toEqual([true, false, false, true, false]);
});

test("whatever does not pass by itself is told each time", () => {
  const isTold = telling();
  const wrongPassword = new StoreUnreachableError("the password is wrong");
  expect([0, 1, 2].map((second) => isTold(second, wrongPassword))).toEqual([true, true, true]);
  expect([0, 1, 2].map((second) => isTold(second, new Error("a mistake")))).toEqual([true, true, true]);
});
