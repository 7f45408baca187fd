// The import arrows on made-up trees of files.
import { expect, test } from "vitest";
import { brokenArrows } from "./arrows.mjs";

function judged(...imports: [from: string, to: string][]) {
  const files = new Map<string, string[]>();
  for (const [from, to] of imports) {
    files.set(from, [...(files.get(from) ?? []), to]);
    files.set(to, files.get(to) ?? []);
  }
  return brokenArrows(files).join("\n");
}

test("arrows point down", () => {
  expect(judged(["run/state.ts", "job/index.ts"], ["loop/execute.ts", "store/contract.ts"])).toBe("");
  expect(judged(["job/define.ts", "run/index.ts"])).toContain("job may import only kernel");
  expect(judged(["kernel/id.ts", "job/index.ts"])).toContain("kernel may import no other part");
  expect(judged(["loop/execute.ts", "durable/index.ts"])).toContain("loop may import only");
  expect(judged(["runner/fork.ts", "job/index.ts"])).toContain("runner may import only kernel");
});

test("a part is entered through its door, and moves freely inside", () => {
  expect(judged(["job/define.ts", "kernel/errors.ts"])).toContain("entered through kernel/index.ts");
  expect(judged(["kernel/id.ts", "kernel/clock.ts"])).toBe("");
  expect(judged(["store/sqlite/claim.ts", "store/sqlite/statements.ts"])).toBe("");
  expect(judged(["worker.ts", "store/sqlite/index.ts"])).toBe("");
});

test("one store never imports another", () => {
  expect(judged(["store/postgres/index.ts", "store/sqlite/index.ts"])).toContain(
    "store/postgres may import only",
  );
  expect(judged(["store/contract.ts", "store/sqlite/index.ts"])).toContain("store may import only");
});

test("a child of the runner knows the composition root of workers and nothing of jobs", () => {
  expect(judged(["runner/child/main.ts", "worker.ts"], ["runner/child/main.ts", "runner/index.ts"])).toBe("");
  expect(judged(["runner/child/main.ts", "loop/index.ts"])).toContain("runner/child may import only");
  expect(judged(["runner/index.ts", "runner/child/main.ts"])).toContain("runner may import only kernel");
});

test("tests import what they like and are imported by nobody", () => {
  expect(judged(["kernel/id.test.ts", "queue/enqueue.ts"])).toBe("");
  expect(judged(["kernel/id.ts", "kernel/clock.test.ts"])).toContain("nothing imports a test");
});

test("a circle is named from end to end", () => {
  expect(judged(["run/a.ts", "run/b.ts"], ["run/b.ts", "run/c.ts"], ["run/c.ts", "run/a.ts"])).toBe(
    "A circle: src/run/a.ts → src/run/b.ts → src/run/c.ts → src/run/a.ts.",
  );
});

test("a new folder has to be given its arrows", () => {
  expect(judged(["stuff/a.ts", "kernel/index.ts"])).toContain("a part without arrows: stuff");
});
