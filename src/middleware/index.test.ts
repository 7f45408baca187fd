import { describe, expect, test } from "vitest";
import type { RunRecord } from "../job/index.js";
import { compose, composeEnqueue, composeExecute, type Middleware, NextCalledTwiceError } from "./index.js";

function recorder() {
  const said: string[] = [];
  const layer = (name: string) => async (_subject: string, next: () => Promise<void>) => {
    said.push(`${name} in`);
    await next();
    said.push(`${name} out`);
  };
  const core = async () => {
    said.push("core");
  };
  return { said, layer, core };
}

describe("an onion of middleware", () => {
  test("enters from the first to the last, and leaves in the other direction", async () => {
    const { said, layer, core } = recorder();
    await compose([layer("a"), layer("b")])("run", core);
    expect(said).toEqual(["a in", "b in", "core", "b out", "a out"]);
  });

  test("without layers is what it stands around", async () => {
    const { said, core } = recorder();
    await compose<string>([])("run", core);
    expect(said).toEqual(["core"]);
  });

  test("hands every layer the same subject", async () => {
    const seen: object[] = [];
    const layer = async (subject: object, next: () => Promise<void>) => {
      seen.push(subject);
      await next();
    };
    const subject = {};
    await compose([layer, layer])(subject, async () => {});
    expect(seen).toEqual([subject, subject]);
    expect(seen[0]).toBe(seen[1]);
  });

  test("lets errors pass through every layer, and layers may catch them", async () => {
    const failing = async () => {
      throw new Error("broken");
    };
    const { layer } = recorder();
    await expect(compose([layer("a"), layer("b")])("run", failing)).rejects.toThrow("broken");
    const catching = async (_subject: string, next: () => Promise<void>) => next().catch(() => {});
    await expect(compose([layer("a"), catching])("run", failing)).resolves.toBeUndefined();
  });

  test("refuses a second next(), while the first is under way and after it", async () => {
    const { core } = recorder();
    const atOnce = async (_subject: string, next: () => Promise<void>) => {
      await Promise.all([next(), next()]);
    };
    const again = async (_subject: string, next: () => Promise<void>) => {
      await next();
      await next();
    };
    for (const layer of [atOnce, again]) {
      await expect(compose([layer])("run", core)).rejects.toThrow(NextCalledTwiceError);
    }
    await expect(compose([again])("run", core)).rejects.toMatchObject({ code: "NEXT_CALLED_TWICE" });
    await expect(compose([again])("run", core)).rejects.toThrow('"again"');
  });

  test("does not end before what it stands around, when a layer forgets to await", async () => {
    const forgetful = async (_subject: string, next: () => Promise<void>) => {
      void next();
    };
    let ended = false;
    await compose([forgetful])("run", async () => {
      await new Promise((resolve) => setImmediate(resolve));
      ended = true;
    });
    expect(ended).toBe(true);
    await expect(
      compose([forgetful])("run", async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error("late");
      }),
    ).rejects.toThrow("late");
  });

  test("turns a layer that throws at once into a rejection", async () => {
    const throwing = () => {
      throw new Error("at once");
    };
    await expect(compose([throwing])("run", async () => {})).rejects.toThrow("at once");
  });
});

describe("a list of middleware", () => {
  test("has nothing around enqueue when no entry names it", () => {
    expect(
      composeEnqueue([async (_run, next) => next(), { execute: async (_run, next) => next() }]),
    ).toBeUndefined();
  });

  test("stands around execute as a function or by name, in the order of the list", async () => {
    const said: string[] = [];
    const layer = (name: string) => async (_subject: unknown, next: () => Promise<void>) => {
      said.push(name);
      await next();
    };
    const list: Middleware[] = [
      layer("function"),
      { enqueue: layer("enqueue") },
      { execute: layer("execute") },
    ];
    const run: RunRecord = {
      id: "a",
      job: "mail",
      queue: "mail",
      state: "running",
      input: undefined,
      attempt: 1,
      requestedAt: new Date(0),
      runAt: new Date(0),
      tags: [],
      meta: {},
      version: 1,
      priority: 0,
      crashes: 0,
    };
    await composeExecute(list)(run, async () => {
      said.push("handler");
    });
    expect(said).toEqual(["function", "execute", "handler"]);
  });
});
