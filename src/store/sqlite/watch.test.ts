import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { manualClock, newId } from "../../kernel/index.js";
import type { Change, NewRun } from "../contract.js";
import { connect, type Sql } from "./driver.js";
import { type SqliteStore, sqlite } from "./index.js";
import { Watch } from "./watch.js";

let folder: string;
let file: string;
let here: SqliteStore;
let elsewhere: SqliteStore;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "duckdive-watch-"));
  file = join(folder, "jobs.db");
  here = sqlite({ file });
  elsewhere = sqlite({ file });
  await here.open();
  await elsewhere.open();
});

afterEach(async () => {
  await here.close();
  await elsewhere.close();
  rmSync(folder, { recursive: true });
});

function run(fields: Partial<NewRun> = {}): NewRun {
  return { id: newId(), job: "copy", version: 1, queue: "default", priority: 0, ...fields };
}

describe("a listener", () => {
  test("hears of a storm elsewhere in far fewer changes than commits, and never misses the last one", async () => {
    const commits = 300;
    let changes = 0;
    const seenAll = new Promise<void>((resolve, reject) => {
      here.watch(() => {
        changes++;
        here.count({}).then((count) => count === commits && resolve(), reject);
      });
    });
    for (let commit = 0; commit < commits; commit++) await elsewhere.insert([run()]);
    await seenAll;
    expect(changes).toBeLessThan(commits);
  });

  test("hears when something that was recorded elsewhere is due", async () => {
    const at = Date.now() + 3_600_000;
    const heard = new Promise<Change>((resolve) => void here.watch(resolve));
    await elsewhere.insert([run({ due: { at } })]);
    expect(await heard).toMatchObject({ origin: "elsewhere", due: at });
  });

  test("hears of a commit that was half done when it began to listen, although nothing reports it", async () => {
    const connection = connect(file);
    let versions = 0;
    const sql: Sql = {
      run: (text, values) => connection.run(text, values),
      all: (text, values) => connection.all(text, values),
      // As if the commit became visible after the first look: its log was written before anybody watched.
      get(text, values) {
        if (text === "pragma data_version") versions++;
        return connection.get(
          versions === 1 ? text : text.replace("pragma data_version", "select -1"),
          values,
        );
      },
    };
    // The clock stands still, so the look that comes twice a second does not help.
    const watch = new Watch({ file, clock: manualClock(0), sql: () => sql, report: () => {} });
    watch.open();
    const change = await new Promise<Change>((resolve) => void watch.listen(resolve));
    expect(change).toMatchObject({ origin: "elsewhere" });
    watch.close();
    connection.close();
  });

  test("that throws, and a reporter that throws as well, keep no answer from whoever wrote", async () => {
    const reports: unknown[] = [];
    const store = sqlite({
      file: ":memory:",
      onError(error) {
        reports.push(error);
        throw new Error("the reporter failed");
      },
    });
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    store.watch(() => {
      throw new Error("the listener failed");
    });
    expect(await store.insert([run({ id: "a" })])).toEqual([{ id: "a", created: true }]);
    expect(reports.map(String)).toEqual(["Error: the listener failed"]);
    expect((await warned).message).toContain("the reporter failed");
    await store.close();
  });

  test("hears nothing after it stopped", async () => {
    const changes: Change[] = [];
    here.watch((change) => void changes.push(change))();
    await here.insert([run()]);
    expect(changes).toEqual([]);
  });
});

describe("watching a file where nothing happens", () => {
  test("asks for the version twice a second and reads no table", async () => {
    const connection = connect(file);
    const asked: string[] = [];
    const sql: Sql = {
      run: (text, values) => connection.run(text, values),
      all: (text, values) => connection.all(text, values),
      get(text, values) {
        asked.push(text);
        return connection.get(text, values);
      },
    };
    const clock = manualClock(0);
    const watch = new Watch({
      file,
      clock,
      sql: () => sql,
      report: (error) => {
        throw error;
      },
    });
    watch.open();
    const stop = watch.listen(() => {});
    await clock.advance(10_000);
    // Once at the start, twenty times after it, and a few looks for what was half done when listening began.
    expect(asked.length).toBeGreaterThanOrEqual(21);
    expect(asked.length).toBeLessThanOrEqual(27);
    expect(new Set(asked)).toEqual(new Set(["pragma data_version"]));
    stop();
    expect(clock.nextTimer()).toBeUndefined();
    connection.close();
  });
});

describe("a folder that cannot be watched", () => {
  test("has its version asked every ten milliseconds, by one timer, however often listeners come and go", async () => {
    let asked = 0;
    const sql: Sql = {
      run: () => 0,
      all: () => [],
      get() {
        asked++;
        return undefined;
      },
    };
    const clock = manualClock(0);
    const watch = new Watch({
      file: join(folder, "missing", "jobs.db"),
      clock,
      sql: () => sql,
      report: () => {},
    });
    watch.open();
    for (let times = 0; times < 5; times++) watch.listen(() => {})();
    const leave = watch.listen(() => {});
    asked = 0;
    await clock.advance(100);
    expect(asked).toBe(10);
    leave();
    expect(clock.nextTimer()).toBeUndefined();
  });
});
