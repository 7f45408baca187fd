import { describe, expect, test } from "vitest";
import { chooseStore, requireStore, shownStore } from "./target.js";

const everything = { DUCKDIVE_STORE: "sqlite:b.db", DATABASE_URL: "sqlite:d.db" };
const configured = { store: "sqlite:c.db", file: "duckdive.config.ts" };

describe("which store is meant", () => {
  test("what is nearer comes first: option, variable, configuration, DATABASE_URL, default", () => {
    expect(chooseStore("sqlite:a.db", everything, configured)).toEqual({
      store: "sqlite:a.db",
      from: "from --store",
    });
    expect(chooseStore(undefined, everything, configured).store).toBe("sqlite:b.db");
    expect(chooseStore(undefined, { DATABASE_URL: "sqlite:d.db" }, configured)).toEqual({
      store: "sqlite:c.db",
      from: "from duckdive.config.ts",
    });
    expect(chooseStore(undefined, { DATABASE_URL: "sqlite:d.db" }).store).toBe("sqlite:d.db");
    expect(chooseStore(undefined, {})).toEqual({ store: "sqlite:./duckdive.db", from: "the default" });
  });

  test("a variable that is empty is not set", () => {
    expect(chooseStore(undefined, { DUCKDIVE_STORE: "", DATABASE_URL: "" }).from).toBe("the default");
  });

  test("a password is not shown", () => {
    expect(shownStore({ store: "postgres://me:secret@host/db", from: "" })).toBe("postgres://…@host/db");
  });

  test("a file that is not there is missed; memory and what is no file are not", () => {
    expect(() => requireStore({ store: "sqlite:./no-such.db", from: "the default" })).toThrow(
      /no database at/,
    );
    expect(() => requireStore({ store: "sqlite://no-such.db", from: "" })).toThrow(
      /no database at no-such\.db/,
    );
    for (const store of ["sqlite::memory:", "postgres://host/db", {}]) requireStore({ store, from: "" });
  });
});
