// The rule of suspension, shown with a record in memory: what is delivered in which order, when a handler is suspended,
// and that every execution of a run sees the same.
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Wait } from "../job/index.js";
import type { Entry } from "../store/contract.js";
import { createEngine } from "./engine.js";

/** A run's record, as the simplest store would keep it. */
class Book {
  readonly entries = new Map<string, Entry>();
  writes = 0;
  #next = 1;
  #untold: Entry[] = [];

  settle(name: string, value?: unknown, state: "done" | "failed" = "done"): void {
    const entry = this.entries.get(name);
    if (entry === undefined || entry.state !== "pending") throw new Error(`nothing is pending as ${name}`);
    this.#set({ ...entry, state, value: JSON.stringify(value), position: this.#next++ });
  }

  #set(entry: Entry): void {
    this.entries.set(entry.name, entry);
    if (entry.position !== undefined) this.#untold.push(entry);
  }

  write(entries: readonly Entry[]): Entry[] {
    this.writes += 1;
    for (const entry of entries) {
      if (this.entries.get(entry.name)?.position !== undefined) continue;
      const position = entry.state === "pending" ? undefined : this.#next++;
      this.#set({ ...entry, position });
    }
    const settled = this.#untold;
    this.#untold = [];
    return settled;
  }
}

interface Ctx {
  step<T>(name: string, body: () => T | Promise<T>): Wait<T>;
  sleep(name: string): Wait<unknown>;
}

type Handler = (ctx: Ctx) => Promise<unknown>;

/** One execution: how it ended, and what gave life after that. */
async function execute(
  handler: Handler,
  book: Book,
): Promise<{ end: string; value?: unknown; life: Promise<string> }> {
  let tellLife: (call: string) => void = () => {};
  const life = new Promise<string>((resolve) => {
    tellLife = resolve;
  });
  const engine = createEngine({
    journal: { history: new Map(book.entries), write: async (entries) => book.write(entries) },
    onLost: () => {},
    onLife: (call) => tellLife(call),
    mismatch: ({ name }) => new Error(`mismatch of ${name}`),
  });
  const read = ({ state, value }: Entry) => {
    const parsed = value === undefined ? undefined : JSON.parse(value);
    if (state === "failed") throw new Error(parsed);
    return parsed;
  };
  const ctx: Ctx = {
    step: (name, body) =>
      engine.call({
        name,
        kind: "step",
        read,
        begin: () =>
          engine.work(async () => {
            try {
              engine.write({ name, kind: "step", state: "done", value: JSON.stringify(await body()) });
            } catch (error) {
              const value = JSON.stringify(error instanceof Error ? error.message : error);
              engine.write({ name, kind: "step", state: "failed", value });
            }
          }),
      }),
    sleep: (name) =>
      engine.call({
        name,
        kind: "sleep",
        read,
        begin: (known) => {
          if (known === undefined) engine.write({ name, kind: "sleep", state: "pending" });
        },
      }),
  };
  const ended = handler(ctx).then(
    async (value) => ({ end: "returned", value, missed: await engine.end() }),
    async (error: Error) => ({ end: `threw ${error.message}`, value: undefined, missed: await engine.end() }),
  );
  const suspended = engine.suspended.then((names) => ({
    end: `suspended on ${names.join(", ")}`,
    value: undefined,
  }));
  const { end, value } = await Promise.race([ended, suspended]);
  return { end, value, life };
}

describe("a handler that waits", () => {
  test("is suspended, and gets past the wait in an execution that repeats no finished step", async () => {
    const book = new Book();
    let ran = 0;
    let unwound = 0;
    const handler: Handler = async (ctx) => {
      try {
        const first = await ctx.step("a", () => ++ran);
        await ctx.sleep("nap");
        return first;
      } finally {
        unwound += 1;
      }
    };
    expect((await execute(handler, book)).end).toBe("suspended on nap");
    expect(unwound).toBe(0);
    book.settle("nap");
    expect(await execute(handler, book)).toMatchObject({ end: "returned", value: 1 });
    expect([ran, unwound]).toEqual([1, 1]);
  });

  test("is suspended once on all that it waits for, which are written together", async () => {
    const book = new Book();
    const handler: Handler = (ctx) => Promise.all([1, 2, 3].map((number) => ctx.sleep(`child ${number}`)));
    expect((await execute(handler, book)).end).toBe("suspended on child 1, child 2, child 3");
    expect(book.writes).toBe(1);
    book.settle("child 3", 3);
    book.settle("child 1", 1);
    expect((await execute(handler, book)).end).toBe("suspended on child 2");
    book.settle("child 2", 2);
    expect((await execute(handler, book)).value).toEqual([1, 2, 3]);
  });

  test("finishes the step beside its wait first", async () => {
    const book = new Book();
    const handler: Handler = (ctx) =>
      Promise.all([ctx.step("slow", () => delay(20, "done")), ctx.sleep("nap")]);
    expect((await execute(handler, book)).end).toBe("suspended on nap");
    expect(book.entries.get("slow")).toMatchObject({ state: "done", value: '"done"' });
  });

  test("is not suspended while it works elsewhere, whatever it has begun", async () => {
    const book = new Book();
    const handler: Handler = async (ctx) => {
      const child = ctx.sleep("child");
      child.catch(() => {});
      await delay(20);
      await ctx.step("after", () => 1);
      return child;
    };
    expect((await execute(handler, book)).end).toBe("suspended on child");
    expect(book.entries.get("after")?.state).toBe("done");
  });

  test("is not suspended within the turn in which it goes on elsewhere", async () => {
    const book = new Book();
    const handler: Handler = (ctx) => {
      const elsewhere = async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return ctx.step("after a turn", () => 1);
      };
      return Promise.all([ctx.sleep("nap"), elsewhere()]);
    };
    expect((await execute(handler, book)).end).toBe("suspended on nap");
    expect(book.entries.get("after a turn")?.state).toBe("done");
  });

  test("is not suspended by a promise of its own alone", async () => {
    const handler: Handler = async () => {
      await delay(20);
      return "done";
    };
    expect((await execute(handler, new Book())).end).toBe("returned");
  });

  test("does foreign work beside a wait again, and comes to the right result", async () => {
    const book = new Book();
    let fetched = 0;
    const handler: Handler = (ctx) => Promise.all([delay(5).then(() => ++fetched), ctx.sleep("child")]);
    expect((await execute(handler, book)).end).toBe("suspended on child");
    book.settle("child", "C");
    const { value } = await execute(handler, book);
    expect((value as unknown[])[1]).toBe("C");
  });

  test("gives a sign of life where a foreign promise wins against its wait, and writes nothing by it", async () => {
    const book = new Book();
    const handler: Handler = async (ctx) => {
      await Promise.race([delay(5), ctx.sleep("hour")]);
      await ctx.step("next", () => 1);
    };
    const { end, life } = await execute(handler, book);
    expect(end).toBe("suspended on hour");
    expect(await life).toBe('ctx.step "next"');
    expect(book.entries.has("next")).toBe(false);
  });
});

describe("a race", () => {
  test("is won by what settled first, whatever the order of the calls, in every execution", async () => {
    const book = new Book();
    const handler: Handler = (ctx) => Promise.race([ctx.sleep("b"), ctx.sleep("a"), ctx.sleep("limit")]);
    await execute(handler, book);
    for (const name of ["a", "b", "limit"]) book.settle(name, name);
    for (let time = 0; time < 20; time += 1) expect((await execute(handler, book)).value).toBe("a");
  });

  test("has the same winner behind chains of awaits", async () => {
    const book = new Book();
    const chain = async (first: Promise<unknown>, length: number): Promise<unknown> => {
      let value = await first;
      for (let link = 0; link < length; link += 1) value = await value;
      return value;
    };
    const handler: Handler = (ctx) => Promise.race([chain(ctx.sleep("a"), 50), chain(ctx.sleep("b"), 0)]);
    await execute(handler, book);
    book.settle("a", "a");
    book.settle("b", "b");
    expect((await execute(handler, book)).value).toBe("a");
  });
});

describe("a step that failed", () => {
  test("is caught where it is awaited, in every execution", async () => {
    const book = new Book();
    let tries = 0;
    const handler: Handler = async (ctx) => {
      try {
        await ctx.step("charge", () => {
          tries += 1;
          throw new Error("declined");
        });
      } catch (error) {
        await ctx.sleep("nap");
        return (error as Error).message;
      }
      return "nothing failed";
    };
    expect((await execute(handler, book)).end).toBe("suspended on nap");
    book.settle("nap");
    expect((await execute(handler, book)).value).toBe("declined");
    expect(tries).toBe(1);
  });
});

test("a call that is not the one on record is refused", async () => {
  const book = new Book();
  await execute((ctx) => ctx.sleep("same"), book);
  expect((await execute((ctx) => ctx.step("same", () => 1), book)).end).toBe("threw mismatch of same");
});

test("ten thousand steps are replayed in one read and without a write", async () => {
  const book = new Book();
  const handler: Handler = async (ctx) => {
    let sum = 0;
    for (let number = 0; number < 10_000; number += 1) sum += await ctx.step(`step ${number}`, () => number);
    return sum;
  };
  const { value } = await execute(handler, book);
  const { writes } = book;
  expect((await execute(handler, book)).value).toBe(value);
  expect(book.writes).toBe(writes);
});
