import { describe, expect, test } from "vitest";
import { interruptible } from "./bulk.js";
import type { Output } from "./output.js";
import type { Cli } from "./session.js";

/** A command line that keeps what is said in it. */
function listening(isJson = false): { cli: Cli; said: string[] } {
  const said: string[] = [];
  const output: Partial<Output> = {
    isJson,
    note: (text) => said.push(text),
    json: (value) => said.push(JSON.stringify(value)),
    progress: (text) => said.push(text),
  };
  return { cli: { output: output as Output } as Cli, said };
}

const action = { verb: "retry", done: "retried" };

describe("acting on many runs from the command line", () => {
  test("says how far it is, and answers on how many it acted", async () => {
    const { cli, said } = listening();
    const number = await interruptible(cli, action, { count: 1_500, from: undefined }, async (bulk) => {
      bulk.onProgress?.({ done: 1_000, cursor: "here" });
      bulk.onProgress?.({ done: 1_500, cursor: undefined });
      return 1_500;
    });
    expect(number).toBe(1_500);
    expect(said).toEqual(["1,000 of 1,500 runs retried …", ""]);
  });

  test.each([
    [false, ["", "Interrupted: 1,000 runs retried. Go on: the same command with --from here"]],
    [true, ['{"action":"retry","count":1000,"interrupted":true,"from":"here"}']],
  ])("ends when it is interrupted, and says how to go on (JSON: %s)", async (isJson, expected) => {
    const { cli, said } = listening(isJson);
    const number = await interruptible(cli, action, { count: 1_500, from: undefined }, async (bulk) => {
      bulk.onProgress?.({ done: 1_000, cursor: "here" });
      process.emit("SIGINT", "SIGINT");
      process.emit("SIGINT", "SIGINT");
      bulk.signal?.throwIfAborted();
      return 1_500;
    });
    expect(number).toBeUndefined();
    expect(said).toEqual(expect.arrayContaining(expected));
    expect(process.listenerCount("SIGINT")).toBe(0);
  });

  test("hands an error on that has nothing to do with an interruption", async () => {
    const { cli } = listening();
    const broken = interruptible(cli, action, { count: 1, from: undefined }, () =>
      Promise.reject(new Error("away")),
    );
    await expect(broken).rejects.toThrow("away");
  });
});
