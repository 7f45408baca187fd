import { describe, expect, test } from "vitest";
import { group } from "./group.js";

describe("a group", () => {
  test("writes the calls of one turn together, and gives each its own result", async () => {
    const batches: number[][] = [];
    const double = group<number, number>({
      limit: 100,
      write: async (batch) => {
        batches.push(batch);
        return batch.map((number) => number * 2);
      },
    });
    expect(await Promise.all([double(1), double(2), double(3)])).toEqual([2, 4, 6]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  test("shares writes among 64 callers that await in loops", async () => {
    const sizes: number[] = [];
    const call = group<number, number>({
      limit: 1_000,
      write: async (batch) => {
        sizes.push(batch.length);
        return batch;
      },
    });
    const caller = async (): Promise<void> => {
      for (let count = 0; count < 10; count++) {
        await Promise.resolve().then(() => call(count));
      }
    };
    await Promise.all(Array.from({ length: 64 }, caller));
    expect(sizes).toEqual(Array.from({ length: 10 }, () => 64));
  });

  test("gathers while a write is in flight, and settles a caller only after its own", async () => {
    const writes: { batch: string[]; finish: () => void }[] = [];
    const started: (() => void)[] = [];
    const write = (batch: string[]) =>
      new Promise<string[]>((resolve) => {
        writes.push({ batch, finish: () => resolve(batch) });
        started.shift()?.();
      });
    const next = () => new Promise<void>((resolve) => started.push(resolve));
    const call = group<string, string>({ limit: 100, write });
    const settled: string[] = [];
    const first = next();
    const a = call("a").then((value) => settled.push(value));
    await first;
    const second = next();
    const rest = ["b", "c"].map((item) => call(item).then((value) => settled.push(value)));
    await new Promise((resolve) => setImmediate(resolve));
    expect([settled, writes.length]).toEqual([[], 1]);
    writes[0]?.finish();
    await second;
    await a;
    expect(settled).toEqual(["a"]);
    expect(writes[1]?.batch).toEqual(["b", "c"]);
    writes[1]?.finish();
    await Promise.all(rest);
    expect(settled).toEqual(["a", "b", "c"]);
  });

  test("never writes more than the limit at once, and keeps the order", async () => {
    const batches: number[][] = [];
    const call = group<number, number>({
      limit: 3,
      write: async (batch) => {
        batches.push(batch);
        return batch;
      },
    });
    await Promise.all(Array.from({ length: 7 }, (_, index) => call(index)));
    expect(batches).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
  });

  test("a write that fails rejects its own batch and no other", async () => {
    const call = group<number, number>({
      limit: 2,
      write: async (batch) => {
        if (batch.includes(1)) throw new Error("disk full");
        return batch;
      },
    });
    const results = await Promise.allSettled([call(1), call(2), call(3)]);
    expect(results.map((result) => result.status)).toEqual(["rejected", "rejected", "fulfilled"]);
  });

  test("a write that throws at once, or loses a result, rejects its batch", async () => {
    const thrown = group<number, number>({
      limit: 2,
      write: () => {
        throw new Error("at once");
      },
    });
    await expect(thrown(1)).rejects.toThrow("at once");
    const short = group<number, number>({ limit: 2, write: async () => [] });
    await expect(short(1)).rejects.toThrow("gave back 0 results");
  });

  test("flush resolves when nothing is pending, also what came meanwhile", async () => {
    let written = 0;
    const call = group<number, number>({
      limit: 1,
      write: async (batch) => {
        written += batch.length;
        return batch;
      },
    });
    await call.flush();
    const calls = [call(1), call(2)];
    const more = calls[0]?.then(() => call(3));
    await call.flush();
    expect(written).toBe(3);
    await more;
  });
});
