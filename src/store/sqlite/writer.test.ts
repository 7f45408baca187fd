import { expect, test } from "vitest";
import type { Findings } from "../findings.js";
import { connect } from "./driver.js";
import { StoreClosedError } from "./errors.js";
import { type Operation, Writer } from "./writer.js";

function setup() {
  const connection = connect(":memory:");
  connection.exec("create table thing (name text primary key) strict");
  const commits: Findings[] = [];
  const writer = new Writer(connection, "test.db", (found) => void commits.push(found));
  const names = () => connection.all<[string]>("select name from thing order by rowid").map((row) => row[0]);
  return { connection, writer, commits, names };
}

const add =
  (name: string): Operation<string> =>
  ({ sql, found }) => {
    sql.run("insert into thing (name) values (:name)", { name });
    found.ended.push(name);
    return name;
  };

test("operations of one turn share a commit, in their order", async () => {
  const { writer, commits, names } = setup();
  const results = await Promise.all(["b", "a", "c"].map((name) => writer.submit(add(name))));
  expect(results).toEqual(["b", "a", "c"]);
  expect(names()).toEqual(["b", "a", "c"]);
  expect(commits.map((found) => found.ended)).toEqual([["b", "a", "c"]]);
});

test("of a group only the operation that fails is refused, and nobody hears of what it did", async () => {
  const { writer, commits, names } = setup();
  const half: Operation<string> = (transaction) => {
    add("half")(transaction);
    throw new Error("half done");
  };
  const settled = await Promise.allSettled([
    writer.submit(add("a")),
    writer.submit(half),
    writer.submit(add("b")),
  ]);
  expect(settled.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(names()).toEqual(["a", "b"]);
  expect(commits.flatMap((found) => found.ended)).toEqual(["a", "b"]);
});

test("the process gets its turn between two groups when there is more work than fits into one", async () => {
  const { writer, commits } = setup();
  const slow =
    (name: string): Operation<string> =>
    (transaction) => {
      for (const end = performance.now() + 6; performance.now() < end; );
      return add(name)(transaction);
    };
  let turns = 0;
  let isDone = false;
  const count = (): void => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  await Promise.all(Array.from({ length: 12 }, (_, index) => writer.submit(slow(`thing ${index}`))));
  isDone = true;
  expect(commits.length).toBeGreaterThan(2);
  expect(turns).toBeGreaterThan(2);
});

test("what a listener submits while it hears of a commit is written by the next one", async () => {
  const { writer, names } = setup();
  const other = setup();
  let second: Promise<string> | undefined;
  const chained = new Writer(other.connection, "test.db", () => {
    second ??= chained.submit(add("second"));
  });
  await chained.submit(add("first"));
  await second;
  expect(other.names()).toEqual(["first", "second"]);
  await writer.submit(add("x"));
  expect(names()).toEqual(["x"]);
});

test("closing waits for what was submitted and refuses what comes after", async () => {
  const { writer, names } = setup();
  const before = writer.submit(add("a"));
  const closed = writer.close();
  await expect(writer.submit(add("b"))).rejects.toBeInstanceOf(StoreClosedError);
  await closed;
  await before;
  expect(names()).toEqual(["a"]);
});
