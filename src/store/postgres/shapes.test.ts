// Shapes: what runs have in common is written once, and two runs that differ in anything are never taken for alike.
import { describe, expect, test } from "vitest";
import { plainRun } from "../../../test/postgres/direct.js";
import { newId } from "../../kernel/index.js";
import type { NewRun } from "../contract.js";
import { columnsOf } from "./shapes.js";

const other: Omit<Required<NewRun>, "id" | "input" | "fresh" | "onParentFailure"> = {
  job: "other",
  version: 2,
  queue: "other",
  priority: 7,
  due: { after: 1_000 },
  waiting: "preparation",
  startWithin: 1_000,
  finishWithin: 1_000,
  tags: ["other"],
  meta: { other: "other" },
  release: "2",
  gates: [{ kind: "lock", key: "other", limit: 1, hold: "run" }],
  fair: "other",
  parent: { run: newId(), entry: "other", onEnd: "leave" },
  unique: { key: "other", while: ["ready"], onConflict: { kind: "ignore" } },
  after: [newId()],
  batch: newId(),
};

describe("two runs, one after the other", () => {
  test.each(Object.entries(other))("have two shapes where their %s differs", (name, value) => {
    const changed: NewRun = { ...plainRun(newId()), [name]: value };
    for (const runs of [
      [plainRun(newId()), changed],
      [changed, plainRun(newId())],
    ])
      expect(columnsOf(runs).numbers).toBe("{1,2}");
  });

  test("have one where only their id and input differ", () => {
    const runs = [
      plainRun(newId()),
      { ...plainRun(newId()), input: "7", tags: [], meta: {} },
      plainRun(newId()),
    ];
    const { numbers, shapes } = columnsOf(runs);
    expect([numbers, JSON.parse(String(shapes))]).toEqual(["{1,1,1}", [expect.anything()]]);
  });

  test("have one where others lie between them", () => {
    const runs = [plainRun(newId()), { ...plainRun(newId()), priority: 7 }, plainRun(newId())];
    expect(columnsOf(runs).numbers).toBe("{1,2,1}");
  });
});
