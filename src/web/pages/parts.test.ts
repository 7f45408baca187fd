import { describe, expect, test } from "vitest";
import { topOf, topOfTime } from "./charts.js";
import { framesOf } from "./errors.js";
import { count, html, lasting, roughly, type Site, to } from "./markup.js";
import { filterOf, queryOf, searchOf, searchText, textOf } from "./search.js";
import { waitingOn } from "./states.js";
import { told } from "./told.js";
import { valueBlock, valueLine } from "./values.js";

const plain = (text: string) => text.replaceAll("\u00a0", " ").replaceAll("\u202f", " ");

test("times and numbers are said as people say them", () => {
  expect([7, 340, 3_100, 59_940, 59_960, 374_000, 7_500_000, 273_600_000].map(lasting).map(plain)).toEqual([
    "7 ms",
    "0.3 s",
    "3.1 s",
    "59.9 s",
    "1 min 00 s",
    "6 min 14 s",
    "2 h 05 min",
    "3 d 4 h",
  ]);
  expect([300, 22_400, 240_000, 39_600_000, 259_200_000].map(roughly).map(plain)).toEqual([
    "0.3 s",
    "22 s",
    "4 min",
    "11 h",
    "3 d",
  ]);
  expect([7, 1_204, 17_493, 1_000_000].map(count).map(plain)).toEqual(["7", "1 204", "17 493", "1 000 000"]);
});

test("the top of an axis moves by steps of round numbers", () => {
  expect([1, 3, 4, 300, 301, 4_000].map(topOf)).toEqual([3, 3, 6, 300, 600, 6_000]);
  expect([80, 1_600, 7_000, 200_000].map(topOfTime)).toEqual([150, 3_000, 9_000, 360_000]);
});

test("whatever is stored is text and never markup", () => {
  const evil = `"><script>alert(1)</script>'`;
  expect(String(html`<p title="${evil}">${evil}</p>`)).not.toContain("<script>");
  expect(String(valueBlock({ [evil]: [evil, { [evil]: evil }] }, ""))).not.toContain("<script>");
  expect(String(told({ base: "" } as Site, evil))).not.toContain("<script>");
});

describe("a value", () => {
  test("is folded where it is large or deep, and cut where it is too long", () => {
    const text = String(
      valueBlock({ few: [1, 2], many: Array.from({ length: 30 }, (_, place) => place) }, ""),
    );
    expect(text.match(/<details open>/g)).toHaveLength(1);
    expect(text.match(/<details>/g)).toHaveLength(1);
    const long = String(
      valueBlock(
        Array.from({ length: 5_000 }, (_, place) => place),
        "",
      ),
    );
    expect(long).toContain("and more than is shown here");
    expect(long.length).toBeLessThan(100_000);
  });

  test("is on one line in a table", () => {
    expect(valueLine({ userId: 7, plan: "pro", of: [1, { a: null }] })).toBe(
      '{ userId: 7, plan: "pro", of: [1, { a: null }] }',
    );
    expect(valueLine("x".repeat(500)).length).toBe(120);
    expect(valueLine(undefined)).toBe("");
  });
});

test("frames of a stack are told apart by whose they are", () => {
  const stack = [
    "Error: no",
    "    at reserve (/srv/app/src/pool.ts:88:11)",
    "    at async step (file:///srv/app/node_modules/duckdive/dist/durable/steps.js:8:2)",
    "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
    "    at /srv/app/src/index.ts:3:1",
  ].join("\n");
  expect(framesOf(stack)).toEqual([
    { name: "reserve", place: "src/pool.ts:88:11", isOwn: true },
    { name: "step", place: "duckdive/dist/durable/steps.js:8:2", isOwn: false },
    {
      name: "process.processTicksAndRejections",
      place: "node:internal/process/task_queues:95:5",
      isOwn: false,
    },
    { name: "(nameless)", place: "src/index.ts:3:1", isOwn: true },
  ]);
});

test("what a run waits for is said in a few words", () => {
  expect(waitingOn({ waiting: { reason: "admission", on: "limit pool:eu" } })).toBe("on limit pool:eu");
  expect(waitingOn({ waiting: { reason: "entries", on: '["a","b"]' } })).toBe("on a, b");
  expect(waitingOn({ waiting: { reason: "paused" } })).toBe("its job is paused");
});

describe("the address of the page of runs", () => {
  const now = new Date("2026-03-12T14:31:07Z");

  test("is the saved search: read, made a filter, and written again", () => {
    const query = "q=7719&state=failed&state=running&job=copy&since=1h&nonsense=1&since=2y";
    const search = searchOf(new URLSearchParams(query));
    expect(filterOf(search, now)).toEqual({
      state: ["running", "failed"],
      job: "copy",
      since: new Date("2026-03-12T13:31:07Z"),
    });
    expect(searchOf(new URLSearchParams(to({ base: "" }, "", queryOf(search))))).toEqual(search);
    expect(textOf(search)).toBe("7719");
    expect(searchText(search)).toBe("running or failed runs of copy that match “7719” of the last 60 min");
  });

  test("finds a run by its id, where that is what was typed", () => {
    const id = "0195a2c7-6e41-7b60-9d1f-3a58c20ebf61";
    expect(filterOf(searchOf(new URLSearchParams({ q: id })), now)).toEqual({ id });
  });
});
