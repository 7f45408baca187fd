import { describe, expect, test } from "vitest";
import { connect } from "./driver.js";

function memory() {
  const connection = connect(":memory:");
  connection.exec("create table thing (name text, number integer) strict");
  return connection;
}

describe("a connection", () => {
  test("binds values by name, also those that are named twice", () => {
    const connection = memory();
    const changes = connection.run(
      "insert into thing (name, number) values (:name, :number), (:name, :number)",
      {
        name: "a",
        number: 2,
      },
    );
    expect(changes).toBe(2);
    expect(connection.all("select number, name from thing where name = :name", { name: "a" })).toEqual([
      [2, "a"],
      [2, "a"],
    ]);
    connection.close();
  });

  test("takes undefined as null, and refuses a statement whose value was not given at all", () => {
    const connection = memory();
    connection.run("insert into thing (name, number) values (:name, :number)", {
      name: undefined,
      number: 1,
    });
    expect(connection.get("select name from thing")).toEqual([null]);
    expect(() => connection.run("insert into thing (name) values (:name)", {})).toThrow(":name");
    connection.close();
  });

  test("leaves a colon inside of a quoted text alone", () => {
    const connection = memory();
    expect(connection.get("select 'it''s :not a name', :real", { real: "x" })).toEqual([
      "it's :not a name",
      "x",
    ]);
    connection.close();
  });

  test("answers undefined where there is no row", () => {
    const connection = memory();
    expect(connection.get("select 1 from thing")).toBeUndefined();
    connection.close();
  });
});

test("a connection like the application's handle is of the handle's own library", () => {
  const opened: string[] = [];
  class Library {
    constructor(file: string) {
      opened.push(file);
    }
  }
  const connection = connect("app.db", new Library("mine.db"));
  expect(opened).toEqual(["mine.db", "app.db"]);
  expect(connection.driver).toBe("the application's own Library");
});

test("a plain object around a handle says nothing of its library", () => {
  const connection = connect(":memory:", {});
  expect(connection.driver).not.toContain("application");
  connection.close();
});
