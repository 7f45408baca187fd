// What was measured is kept whole: every round, who did it, and what an earlier run has found of the rest.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Found, isOfThisMachine, type Results, save } from "./save.mjs";

let folder = "";
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "duckdive-save-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const begun = new Date("2026-11-27T20:00:00Z");
const path = () => join(folder, "postgres.json");
const saved = (): Results => JSON.parse(readFileSync(path(), "utf8"));

function found(name: string, values: number[], more: Partial<Found> = {}): Found {
  return {
    group: "postgres",
    name,
    workload: name,
    unit: "runs/s",
    found: values,
    others: [0.01234],
    ...more,
  };
}

function keep(figures: Found[], among = false) {
  const recorded = [
    { group: "postgres", name: "rescue.peer.slow", value: 63_600, unit: "ms", note: "elsewhere" },
  ];
  save(figures, { begun, among, recorded }, folder);
}

test("a figure has every round, who did it, when, and of which commit", () => {
  keep([
    found("peer.some.drain", [3, 1, 2], {
      workload: "postgres.drain",
      peer: "some",
      note: "its rows deleted",
    }),
  ]);
  const { figures, machine, versions } = saved();
  expect(figures.find(({ peer }) => peer === "some")).toEqual({
    name: "peer.some.drain",
    workload: "postgres.drain",
    peer: "some",
    unit: "runs/s",
    values: [3, 1, 2],
    others: [0.012],
    note: "its rows deleted",
    date: "2026-11-27T20:00",
    commit: expect.any(String),
  });
  expect(machine.cores).toBeGreaterThan(0);
  expect(versions.node).toBe(process.versions.node);
});

test("what was recorded at another time is marked as that", () => {
  keep([found("postgres.drain", [1])]);
  expect(saved().figures.find(({ recorded }) => recorded)).toMatchObject({
    name: "rescue.peer.slow",
    values: [63_600],
  });
});

test("a run of all replaces what was there, and a run of some leaves the others", () => {
  keep([found("postgres.drain", [1]), found("postgres.bulk", [5])]);
  keep([found("postgres.drain", [2])], true);
  expect(valuesOf("postgres.")).toEqual({ "postgres.bulk": [5], "postgres.drain": [2] });
  keep([found("postgres.drain", [3])]);
  expect(valuesOf("postgres.")).toEqual({ "postgres.drain": [3] });
});

test("figures of two machines are not put together", () => {
  keep([found("postgres.drain", [1])]);
  expect(isOfThisMachine("postgres", folder)).toBe(true);
  const other = saved();
  other.machine.processor = "another one";
  writeFileSync(path(), JSON.stringify(other));
  expect(isOfThisMachine("postgres", folder)).toBe(false);
  expect(() => keep([found("postgres.bulk", [2])], true)).toThrow("is of another machine");
});

function valuesOf(start: string) {
  const named = saved().figures.filter(({ name }) => name.startsWith(start));
  return Object.fromEntries(named.map(({ name, values }) => [name, values]));
}
