import { describe, expect, test } from "vitest";
import { job } from "../job/index.js";
import { config } from "../open.js";
import { configOf, contractsOf, isConfigFile, jobsOf } from "./collect.js";

const handle = (): void => {};
const a = job({ name: "a", handle });
const b = job({ name: "b", handle });
const contract = job({ name: "c" });
const file = (name: string, exports: Record<string, unknown>) => ({ file: name, exports });

describe("the jobs of files", () => {
  test("are their exports, in lists and default exports too, each once", () => {
    const files = [
      file("one.ts", { a, other: 1, text: "x" }),
      file("two.ts", { list: [a, b], default: [b] }),
    ];
    expect([...jobsOf(files).keys()]).toEqual(["a", "b"]);
    expect([...jobsOf([file("three.cjs", { default: { a, b } })]).keys()]).toEqual(["a", "b"]);
  });

  test("two different ones of one name are refused, naming both files", () => {
    const again = job({ name: "a", handle });
    expect(() => jobsOf([file("one.ts", { a }), file("two.ts", { again })])).toThrow(
      /named "a": one\.ts and two\.ts/,
    );
    expect(() => jobsOf([file("one.ts", { a, again })])).toThrow(/named "a": both in one\.ts/);
  });

  test("a contract counts with its handler, and alone it is refused", () => {
    const handled = contract.handle(handle);
    expect([...jobsOf([file("contract.ts", { contract }), file("handler.ts", { handled })]).keys()]).toEqual([
      "c",
    ]);
    expect(() => jobsOf([file("contract.ts", { contract })])).toThrow(/"c" of contract\.ts is a contract/);
    const twice = contract.handle(handle);
    expect(() => jobsOf([file("handler.ts", { handled, twice })])).toThrow(/Two different jobs/);
  });

  test("none at all is refused", () => {
    expect(() => jobsOf([file("x.ts", { x: 1 }), file("y.ts", {})])).toThrow(/x\.ts, y\.ts export no job/);
  });
});

test("contracts are enough for checking inputs", () => {
  expect([...contractsOf([file("contract.ts", { contract, a })]).keys()]).toEqual(["c", "a"]);
});

test("a configuration is the default export", () => {
  const made = config({ store: "sqlite::memory:", jobs: [a] });
  expect(configOf(file("duckdive.config.ts", { default: made }))).toBe(made);
  expect(isConfigFile(file("jobs.ts", { a }))).toBe(false);
  expect(() => configOf(file("duckdive.config.ts", { made }))).toThrow(
    /no configuration as its default export/,
  );
});
