// The rules of form on single lines.
import { expect, test } from "vitest";
import { formErrors } from "./form.mjs";

const story = "// What this is.\n";
const join = (...pieces: string[]) => pieces.join("");

test("a source file opens with its story", () => {
  expect(formErrors("src/kernel/id.ts", "export const a = 1;\n")).toHaveLength(1);
  expect(formErrors("src/kernel/id.ts", `${story}export const a = 1;\n`)).toEqual([]);
  expect(formErrors("src/cli/main.ts", `#!/usr/bin/env node\n${story}`)).toEqual([]);
  expect(formErrors("src/kernel/id.test.ts", "test();\n")).toEqual([]);
});

test("folders are named after what they hold", () => {
  expect(formErrors("src/kernel/utils/id.ts", story).join()).toContain("a folder called utils");
  expect(formErrors("test/types/right/a.ts", story)).toEqual([]);
});

test("no file names a path of a machine", () => {
  for (const path of [
    join("/ho", "me/ada/x"),
    join("/Us", "ers/ada"),
    join("C:\\Us", "ers"),
    join("/wo", "rk/x"),
  ]) {
    expect(formErrors("docs/a.md", `see ${path}`).join(), path).toContain("somebody's machine");
  }
  for (const path of ["example.org/home/ada", "src/work/x", "/tmp/x", "~/work/x"]) {
    expect(formErrors("docs/a.md", `see ${path}`), path).toEqual([]);
  }
});

test("no type is forced and nothing is left undone", () => {
  expect(formErrors("test/a.ts", join("x as un", "known as string")).join()).toContain("hides a mistake");
  expect(formErrors("test/a.ts", join("// TO", "DO: later")).join()).toContain("file an issue");
});
