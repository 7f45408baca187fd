// What is recorded after the response: an outage, a refusal and an end of the process are never silent.
import { type Duckdive, job, open, type Request } from "duckdive";
import { requests } from "duckdive/with/next";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { StoreUnreachableError } from "../../src/store/errors.js";
import { gate, until } from "../engine.js";

const welcome = job({ name: "welcome", input: z.object({ userId: z.number() }), handle() {} });

interface Told {
  readonly code: string;
  readonly runId?: string;
  readonly lost: boolean;
}

/** A client whose `enqueueMany` is what the test says, and requests that end when the test says so. */
function stage(
  enqueueMany?: (requests: Iterable<Request>, real: Duckdive) => Promise<unknown>,
  mostHeld?: number,
) {
  const real = open("sqlite::memory:", { jobs: [welcome] });
  onTestFinished(() => real.close());
  const duckdive: Duckdive =
    enqueueMany === undefined
      ? real
      : {
          ...real,
          enqueueMany: ((all: Iterable<Request>) => enqueueMany(all, real)) as Duckdive["enqueueMany"],
        };
  const told: Told[] = [];
  const ends: (() => Promise<void>)[] = [];
  const jobs = requests(duckdive, {
    after: (task) => void ends.push(task),
    onError: (error, { lost }) => void told.push({ ...(error as Told), lost }),
    mostHeld,
  });
  const asks = jobs(async (...users: number[]) => {
    const ids: string[] = [];
    for (const userId of users) ids.push((await jobs.current().afterResponse(welcome, { userId })).id);
    return ids;
  });
  return {
    real,
    jobs,
    told,
    asks,
    end: async () => void (await Promise.all(ends.splice(0).map((one) => one()))),
  };
}

const away = (): Error => new StoreUnreachableError("the store is away", { passes: true });

describe("what is recorded after the response", () => {
  test("is tried again while the store is away, as the same run, and each failure is told", async () => {
    let tries = 0;
    const { real, told, asks, end, jobs } = stage(async (all, store) => {
      tries += 1;
      if (tries === 1) throw away();
      const recorded = await store.enqueueMany(all);
      // Recorded, and the answer was lost: trying again must not make a second run.
      if (tries === 2) throw away();
      return recorded;
    });
    const ids = await asks(1, 2);
    await end();
    expect(tries).toBe(3);
    expect(told).toMatchObject([
      { code: "STORE_UNREACHABLE", lost: false },
      { code: "STORE_UNREACHABLE", lost: false },
    ]);
    const { runs } = await real.list();
    expect(runs.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(jobs.waiting).toBe(0);
  });

  test("is lost by name when it is refused, and takes no other with it", async () => {
    const { real, told, asks, end } = stage(async (all, store) => {
      const requests = [...all];
      const inputs = requests.map((one) =>
        JSON.stringify(Reflect.ownKeys(one).map((key) => Reflect.get(one, key))),
      );
      if (inputs.some((text) => text.includes('"userId":2'))) throw new TypeError("not this one");
      return store.enqueueMany(requests);
    });
    const [, bad] = await asks(1, 2, 3);
    await end();
    expect(told).toMatchObject([{ code: "AFTER_RESPONSE_LOST", runId: bad, lost: true }]);
    expect(await real.count()).toBe(2);
  });

  test("is refused at once when too much waits already", async () => {
    const { asks, end, real } = stage(undefined, 2);
    await expect(asks(1, 2, 3)).rejects.toMatchObject({ code: "AFTER_RESPONSE_FULL" });
    await end();
    expect(await real.count()).toBe(2);
    await asks(4);
    await end();
    expect(await real.count()).toBe(3);
  });

  test("is recorded by flush before the response is out, and once", async () => {
    const { asks, end, real, jobs, told } = stage();
    await asks(1, 2);
    await jobs.flush();
    expect([await real.count(), jobs.waiting]).toEqual([2, 0]);
    await end();
    expect([await real.count(), told]).toEqual([2, []]);
  });

  test("is told as lost when flush is over and the store is still away, or does not answer", async () => {
    const never = gate();
    const tries = [async () => Promise.reject(away()), () => never.passed];
    for (const enqueueMany of tries) {
      const { asks, jobs, told } = stage(enqueueMany);
      const [id] = await asks(1);
      await jobs.flush({ within: "50ms" });
      expect(told.filter(({ lost }) => lost)).toMatchObject([{ code: "AFTER_RESPONSE_LOST", runId: id }]);
      expect(jobs.waiting).toBe(0);
    }
  });

  test("is told as lost when the process ends before", async () => {
    const before = new Set(process.listeners("exit"));
    const { asks, end, told } = stage();
    const [id] = await asks(1);
    const [added] = process.listeners("exit").filter((one) => !before.has(one));
    added?.(0);
    expect(told).toMatchObject([{ code: "AFTER_RESPONSE_LOST", runId: id, lost: true }]);
    await end();
    await until(() => process.listeners("exit").every((one) => before.has(one)));
  });

  test("is recorded in the request's own transaction where one is given, and not when that is rolled back", async () => {
    const { default: Database } = await import("libsql");
    const { sqlite } = await import("duckdive/with/sqlite");
    const { mkdtempSync, rmSync } = await import("node:fs");
    const folder = mkdtempSync("/tmp/duckdive-after-");
    const db = new Database(`${folder}/app.db`);
    const duckdive = open(`sqlite:${folder}/app.db`, { with: sqlite(db) });
    onTestFinished(async () => {
      await duckdive.close();
      db.close();
      rmSync(folder, { recursive: true });
    });
    await duckdive.ready();
    const jobs = requests(duckdive, { after: () => {} });
    const ask = jobs(async (end: "commit" | "rollback") => {
      db.exec("begin immediate");
      const { id } = await jobs.current().afterResponse(welcome, { userId: 1 }, { tx: db });
      db.exec(end);
      return id;
    });
    const [kept, gone] = [await ask("commit"), await ask("rollback")];
    expect((await duckdive.get(kept))?.meta.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect([await duckdive.get(gone), jobs.waiting]).toEqual([undefined, 0]);
  });
});
