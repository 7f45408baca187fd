import { expect, test } from "vitest";
import { colorsFor } from "./colors.js";

const on = (isTTY: boolean, env: NodeJS.ProcessEnv): boolean => colorsFor({ isTTY }, env).isColorSupported;

test("colour is for terminals, unless the environment says otherwise", () => {
  expect(on(true, {})).toBe(true);
  expect(on(false, {})).toBe(false);
  expect(on(false, { CI: "1" })).toBe(false);
  expect(on(true, { TERM: "dumb" })).toBe(false);
  expect(on(true, { NO_COLOR: "1" })).toBe(false);
  expect(on(true, { NO_COLOR: "" })).toBe(true);
  expect(on(false, { FORCE_COLOR: "1" })).toBe(true);
  expect(on(true, { FORCE_COLOR: "0" })).toBe(false);
  expect(on(true, { NO_COLOR: "1", FORCE_COLOR: "1" })).toBe(false);
});
