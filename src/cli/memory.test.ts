import { expect, test } from "vitest";
import { memoryShare } from "./memory.js";

const gigabyte = 1_024 ** 3;

test("where a container has a limit, each process may have its share of it", () => {
  expect(memoryShare(1, gigabyte, 8 * gigabyte)).toBe(Math.floor(0.9 * gigabyte));
  expect(memoryShare(4, 2 * gigabyte, 8 * gigabyte)).toBe(Math.floor(0.45 * gigabyte));
});

test("however small the limit is, a process may have what it needs to start", () => {
  expect(memoryShare(16, gigabyte / 4, 8 * gigabyte)).toBe(128 * 1_024 ** 2);
});

test("without a limit there is none: the system says 0, or more than the machine has", () => {
  for (const limit of [0, 2 ** 64, 9 * gigabyte]) expect(memoryShare(2, limit, 8 * gigabyte)).toBeUndefined();
});
