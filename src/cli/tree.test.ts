import { describe, expect, test } from "vitest";
import { colorsFor } from "./colors.js";
import type { Descendant } from "./family.js";
import { widthOf } from "./text.js";
import { treeLines } from "./tree.js";

const plain = { colors: colorsFor({}, { NO_COLOR: "1" }), width: undefined };
const coloured = { colors: colorsFor({}, { FORCE_COLOR: "1" }) };

function run(name: string, fields: Partial<Descendant> = {}): Descendant {
  return { id: `id-${name}`, job: "tile", state: "succeeded", remark: "", children: [], ...fields };
}

function runs(count: number, fields: (number: number) => Partial<Descendant> = () => ({})): Descendant[] {
  return Array.from({ length: count }, (_, number) => run(String(number), fields(number)));
}

describe("the runs below a run", () => {
  test("hang below each other, with the call that started them where it is called otherwise", () => {
    const children = [
      run("a", { call: "first", took: 1_500, children: [run("b", { children: [run("c")] })] }),
      run("d", { state: "failed", remark: "Error: no" }),
    ];
    expect(treeLines(children, 0, plain)).toEqual([
      "├─ succeeded  id-a  first (tile)  in 1.5s",
      "│  └─ succeeded  id-b  tile",
      "│     └─ succeeded  id-c  tile",
      "└─ failed  id-d  tile  Error: no",
    ]);
  });

  test("are summed up where they are many, the failed ones named first, and the rest of those counted", () => {
    const children = runs(10_000, (number) => ({
      call: "tiles",
      state: number < 12 ? "failed" : number === 9_999 ? "waiting" : "succeeded",
      remark: number < 12 ? `Error: ${number}` : "",
    }));
    const lines = treeLines(children, 0, plain);
    expect(lines[0]).toBe("└─ tiles: 9,987 succeeded, 1 waiting, 12 failed");
    expect(lines[1]).toBe("   ├─ failed  id-0  tile  Error: 0");
    expect(lines.at(-1)).toBe("   └─ … and 3 more");
    expect(lines).toHaveLength(12);
  });

  test("of two calls are two sums, also when they are of one job", () => {
    const children = [...runs(6, () => ({ call: "east" })), ...runs(7, () => ({ call: "west" }))];
    expect(treeLines(children, 0, plain)).toEqual(["├─ east: 6 succeeded", "└─ west: 7 succeeded"]);
  });

  test("end after 200 lines, and what is not shown is counted, with what was not read", () => {
    const children = runs(300, (number) => ({ job: `job ${number}`, children: [run("below")] }));
    const lines = treeLines(children, 5, plain);
    expect(lines).toHaveLength(201);
    expect(lines.at(-1)).toBe("… and 405 more");
  });

  test("fit the terminal, with whole ids and no escape of their own", () => {
    const id = "0192d3c4-0000-7000-8000-000000000000";
    const children = [run("a", { id, state: "failed", remark: `Error: \u001b[31m${" gone".repeat(40)}` })];
    const [narrow = ""] = treeLines(children, 0, { ...coloured, width: 60 });
    const text = narrow.replace(/\u001b\[\d+m/g, "");
    expect(widthOf(text)).toBe(60);
    expect(text).toMatch(new RegExp(`^└─ ✗ {2}${id} {2}tile`));
    const [wide = ""] = treeLines(children, 0, { ...coloured, width: 160 });
    expect(wide).toContain("✗ failed");
    expect(wide).toContain("\\u001b[31m gone");
  });
});
