import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Column, tableLines } from "./table.js";
import { widthOf } from "./text.js";

interface Row {
  readonly name: string;
  readonly count: number;
  readonly note: string;
}

const columns: Column<Row>[] = [
  { header: "name", cell: ({ name }) => name, least: 6 },
  { header: "count", align: "right", cell: ({ count }) => String(count), from: 50 },
  { header: "note", cell: ({ note }) => note },
];
const rows: Row[] = [
  { name: "mail", count: 7, note: "short" },
  {
    name: "a-long-name",
    count: 1_234,
    note: "a note that goes on for longer than a narrow terminal is wide",
  },
];

describe("a table", () => {
  test("is as wide as what is in it where there is no terminal", () => {
    expect(tableLines(columns, rows, undefined)).toEqual([
      "name         count  note",
      "mail             7  short",
      "a-long-name   1234  a note that goes on for longer than a narrow terminal is wide",
    ]);
  });

  test("cuts the last column first, and leaves out what asks for more room", () => {
    expect(tableLines(columns, rows, 40)).toEqual([
      "name         note",
      "mail         short",
      "a-long-name  a note that goes on for lo…",
    ]);
    expect(tableLines(columns, rows, 20)).toEqual(["name    note", "mail    short", "a-lon…  a note that…"]);
  });

  test("colours a cell without counting the colour", () => {
    const paint = (text: string): string => `<${text}>`;
    const painted: Column<Row>[] = [
      { header: "name", cell: ({ name }) => ({ text: name, paint }) },
      { header: "count", align: "right", cell: ({ count }) => ({ text: String(count), paint }) },
    ];
    expect(tableLines(painted, rows, 80)).toEqual([
      "name         count",
      "<mail>             <7>",
      "<a-long-name>   <1234>",
    ]);
  });

  test("keeps one row one line, and each within the width, when its columns can give enough", () => {
    const text = fc.string({ unit: "binary", maxLength: 80 });
    const anyRows = fc.array(fc.record({ name: text, count: fc.nat(), note: text }), { maxLength: 5 });
    fc.assert(
      fc.property(anyRows, fc.integer({ min: 24, max: 200 }), (some, width) => {
        const lines = tableLines(columns, some, width);
        expect(lines).toHaveLength(some.length + 1);
        for (const line of lines) {
          expect(line).not.toContain("\n");
          expect(widthOf(line)).toBeLessThanOrEqual(width);
        }
      }),
    );
  });
});
