import { describe, expect, test } from "vitest";
import { chooseStore, isInMemory, requireStore, shownStore } from "./target.js";

const everything = { DUCKDIVE_STORE: "sqlite:b.db", DATABASE_URL: "sqlite:d.db" };
const configured = { store: "sqlite:c.db", file: "duckdive.config.ts" };

describe("which store is meant", () => {
  test("what is nearer comes first: option, variable, configuration, DATABASE_URL, default", () => {
    expect(chooseStore({ store: "sqlite:a.db" }, everything, configured)).toEqual({
      store: "sqlite:a.db",
      from: "from --store",
      options: {},
    });
    expect(chooseStore({}, everything, configured).store).toBe("sqlite:b.db");
    expect(chooseStore({}, { DATABASE_URL: "sqlite:d.db" }, configured)).toMatchObject({
      store: "sqlite:c.db",
      from: "from duckdive.config.ts",
    });
    expect(chooseStore({}, { DATABASE_URL: "sqlite:d.db" }).store).toBe("sqlite:d.db");
    expect(chooseStore({}, {})).toMatchObject({ store: "sqlite:./duckdive.db", from: "the default" });
  });

  test("a variable that is empty is not set", () => {
    expect(chooseStore({}, { DUCKDIVE_STORE: "", DUCKDIVE_SCHEMA: "", DATABASE_URL: "" })).toMatchObject({
      from: "the default",
      options: {},
    });
  });

  test("how it is opened comes with it, but for a schema that is said apart", () => {
    const inConfig = {
      ...configured,
      store: "postgres://host/app",
      schema: "jobs",
      direct: "postgres://host/db",
    };
    expect(chooseStore({}, {}, inConfig).options).toEqual({ schema: "jobs", direct: "postgres://host/db" });
    expect(chooseStore({ store: "postgres://other/db" }, {}, inConfig).options).toEqual({});
    const env = { DUCKDIVE_SCHEMA: "other" };
    expect(chooseStore({}, env, inConfig).options).toMatchObject({ schema: "other" });
    expect(chooseStore({ store: "sqlite:a.db" }, env).options).toEqual({});
    expect(chooseStore({ schema: "mine" }, env, inConfig).options).toMatchObject({ schema: "mine" });
  });

  test("a password is not shown", () => {
    expect(shownStore({ store: "postgres://me:secret@host/db", options: {} })).toBe("postgres://…@host/db");
    expect(shownStore({ store: "postgres://host/db", options: { schema: "jobs" } })).toBe(
      "postgres://host/db, schema jobs",
    );
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

  test("memory is of one process, a file and a server are of many", () => {
    const stores = ["sqlite::memory:", "sqlite://:memory:", "sqlite:./memory.db", "postgres://host/db", {}];
    expect(stores.filter(isInMemory)).toEqual(["sqlite::memory:", "sqlite://:memory:"]);
  });
});
