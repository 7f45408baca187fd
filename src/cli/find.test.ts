import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../kernel/index.js";
import type { Store } from "../store/contract.js";
import { sqlite } from "../store/sqlite/index.js";
import { findId } from "./find.js";

let store: Store;
beforeEach(async () => {
  store = sqlite({ file: ":memory:" });
  await store.open();
});
afterEach(() => store.close());

async function insert(...ids: string[]): Promise<void> {
  await store.insert(ids.map((id) => ({ id, job: "a", version: 1, queue: "q", priority: 0 })));
}

describe("an id by its beginning", () => {
  test("is found when it is the only one", async () => {
    const [one, other] = [newId(), newId(Date.now() - 300_000)];
    await insert(one, other);
    expect(await findId(store, one.slice(0, 23))).toBe(one);
    expect(await findId(store, ` ${other.slice(0, 13).toUpperCase()} `)).toBe(other);
    expect(await findId(store, one)).toBe(one);
  });

  test("several are named, as far as there is room", async () => {
    const ids = Array.from({ length: 7 }, () => newId());
    await insert(...ids);
    const beginning = ids[0]?.slice(0, 8) ?? "";
    await expect(findId(store, beginning)).rejects.toThrow(
      new RegExp(`Several runs begin with ${beginning}.*…`, "s"),
    );
  });

  test("none is said to be none, and what is no beginning is refused", async () => {
    await expect(findId(store, "01900000-0000")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    await expect(findId(store, newId())).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
    for (const text of ["0190", "not-an-id", "0190000000000", "", "01900000-0000-7000-8000-0000000000000"])
      await expect(findId(store, text)).rejects.toMatchObject({ code: "USAGE" });
  });
});
