import { expect, test } from "vitest";
import { isIgnored } from "./watch.js";

test.each([
  ["src/jobs/mail.ts", false],
  ["src/node_modules/zod/index.js", true],
  ["src/.git/HEAD", true],
  ["src/dist/mail.js", true],
  ["src/jobs.db", true],
  ["src/jobs.db-wal", true],
  ["src/jobs.db-shm", true],
  ["src/database.ts", false],
  ["src/distance/index.ts", false],
])("below a watched folder, %s is ignored: %s", (path, ignored) => {
  expect(isIgnored(path, ["src"])).toBe(ignored);
});

test("what was named is watched, whatever it is called and wherever it lies", () => {
  expect(isIgnored("dist/jobs.js", ["dist/jobs.js"])).toBe(false);
  expect(isIgnored("dist", ["dist"])).toBe(false);
  expect(isIgnored("dist/jobs/mail.js", ["dist"])).toBe(false);
  expect(isIgnored("dist/node_modules/zod.js", ["dist"])).toBe(true);
  expect(isIgnored("app/dist/jobs.js", ["app", "app/dist"])).toBe(false);
});
