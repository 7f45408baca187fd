import { describe, expect, test } from "vitest";
import type { RunRecord } from "../job/index.js";
import { findRuns } from "./find.js";
import type { Served } from "./served.js";

function aRun(place: number, fields: Partial<RunRecord> = {}): RunRecord {
  return {
    id: `run-${place}`,
    job: "copy",
    queue: "default",
    state: "failed",
    input: { name: `File-${place}` },
    attempt: 1,
    requestedAt: new Date(1_000_000 - place),
    runAt: new Date(0),
    tags: [],
    meta: {},
    version: 1,
    priority: 0,
    crashes: 0,
    ...fields,
  };
}

/** A client with these runs, whose cursors are places; it counts how many it gave. */
function clientOf(runs: readonly RunRecord[]): { client: Pick<Served, "list">; given: () => number } {
  let given = 0;
  const list = (
    _: unknown,
    { limit = 100, cursor = "0" }: { limit?: number; cursor?: string | undefined } = {},
  ) => {
    const end = Number(cursor) + limit;
    const page = runs.slice(Number(cursor), end);
    given += page.length;
    return Promise.resolve({ runs: page, cursor: end < runs.length ? String(end) : undefined });
  };
  return { client: { list } as never, given: () => given };
}

const asItIs = { run: (run: RunRecord) => run };
const asked = { filter: {}, cursor: undefined, limit: 25 };

describe("looking for a text", () => {
  test("finds it in inputs, errors, their causes and ids, in any case", async () => {
    const error = {
      name: "HttpError",
      message: "503",
      cause: { name: "SocketError", message: "other side closed" },
    };
    const { client } = clientOf([aRun(0), aRun(1, { error }), aRun(2, { input: ["Ünï"] })]);
    const find = async (text: string) =>
      (await findRuns(client, asItIs, { ...asked, text })).runs.map(({ id }) => id);
    expect(await find("file-0")).toEqual(["run-0"]);
    expect(await find("SIDE closed")).toEqual(["run-1"]);
    expect(await find("ünÏ")).toEqual(["run-2"]);
    expect(await find("run-")).toEqual(["run-0", "run-1", "run-2"]);
    expect(await find("nowhere")).toEqual([]);
  });

  test("goes on exactly where the page ended", async () => {
    const { client } = clientOf(
      Array.from({ length: 1_300 }, (_, place) => aRun(place, { input: place % 3 })),
    );
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const found = await findRuns(client, asItIs, {
        ...asked,
        text: "2",
        cursor,
        limit: 10,
        filter: { id: [] },
      });
      ids.push(...found.runs.filter(({ input }) => input === 2).map(({ id }) => id));
      cursor = found.next;
    } while (cursor !== undefined);
    expect(ids).toEqual(Array.from({ length: 433 }, (_, place) => `run-${3 * place + 2}`));
  });

  test("does not find what is not shown", async () => {
    const { client } = clientOf([aRun(0, { input: { card: "4111" } })]);
    const redacted = { run: (run: RunRecord) => ({ ...run, input: { card: "[redacted]" } }) };
    expect((await findRuns(client, redacted, { ...asked, text: "4111" })).runs).toEqual([]);
  });

  test("stops after a while, and says how far it came", async () => {
    const { client, given } = clientOf(Array.from({ length: 5_000_000 }, () => big));
    const found = await findRuns(client, asItIs, { ...asked, text: "nowhere" });
    expect(found.next).toBe(String(given()));
    expect(found.lookedBackTo).toEqual(big.requestedAt);
    expect(given()).toBeLessThan(5_000_000);
  });
});

const big = aRun(7, { input: "x".repeat(2_000) });
