import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { NotJsonError, TooLargeError } from "../kernel/index.js";
import { job } from "./define.js";
import { InvalidInputError, InvalidOutputError } from "./errors.js";
import { runFailure } from "./failure.js";
import { parseFailure, parseOutput, parseStored, prepareInput, storeFailure, storeOutput } from "./input.js";
import type { Schema } from "./schema.js";

const resize = job({
  name: "resize",
  input: z.object({
    key: z.string(),
    width: z.number().default(800),
    at: z.coerce.date(),
    size: z.coerce.bigint(),
  }),
  output: z.object({ url: z.url(), at: z.coerce.date() }),
  errors: { unreadable: z.object({ format: z.string().transform((text) => text.toUpperCase()) }) },
});

function thrown(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return expect.unreachable();
}

describe("an input", () => {
  test("is stored as it was given, after JSON, and handed over as its schema reads it", () => {
    const given = { key: "a", at: new Date(0), size: 7n };
    const text = '{"key":"a","at":"1970-01-01T00:00:00.000Z","size":"7"}';
    const parsed = { key: "a", width: 800, at: new Date(0), size: 7n };
    expect(prepareInput(resize, given)).toEqual({ text, parsed });
    expect(parseStored(resize, text, 1)).toEqual(parsed);
  });

  test("is judged by what its text says, so that a schema which wants the Date itself says what to use", () => {
    const wrong = Reflect.apply(job, undefined, [
      { name: "x", input: z.object({ at: z.date() }), handle() {} },
    ]);
    const error = thrown(() => prepareInput(wrong, { at: new Date(0) }));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ job: "x", issues: [{ path: "$.at" }] });
    expect(String(error)).toMatch(/\$\.at: .* z\.coerce\.date\(\)/);
    const big = Reflect.apply(job, undefined, [
      { name: "x", input: z.object({ n: z.bigint() }), handle() {} },
    ]);
    expect(() => prepareInput(big, { n: 1n })).toThrow(/z\.coerce\.bigint\(\)/);
  });

  test("that the schema refuses names the job and every issue with its path", () => {
    const list = job({
      name: "list",
      input: v.object({ items: v.array(v.object({ id: v.number() })) }),
      handle() {},
    });
    const error = thrown(() => prepareInput(list, { items: [{ id: 1 }, { id: "2" }] }));
    expect(error).toMatchObject({ code: "INVALID_INPUT", job: "list", issues: [{ path: "$.items[1].id" }] });
    expect(String(error)).toContain('Job "list" does not accept this input: $.items[1].id: ');
  });

  test("of many issues shows the first ten", () => {
    const many = job({ name: "many", input: z.array(z.number()), handle() {} });
    expect(() => prepareInput(many, Array.from({ length: 13 }, String))).toThrow(/\$\[9\]: .*; and 3 more/);
  });

  test("that is not JSON, or too large, is refused with the path", () => {
    const any = job({ name: "any", input: z.unknown(), handle() {} });
    expect(() => prepareInput(any, { a: [new Map()] })).toThrow(NotJsonError);
    expect(() => prepareInput(any, { a: [new Map()] })).toThrow(
      /^The input of job "any" is not JSON: \$\.a\[0\] is a Map/,
    );
    expect(() => prepareInput(any, "x".repeat(1_048_576))).toThrow(TooLargeError);
    expect(() => prepareInput(any, "xxx", { limit: 4 })).toThrow(TooLargeError);
  });

  test("of a job without one is undefined and nothing else", () => {
    const sweep = job({ name: "sweep", handle() {} });
    expect(prepareInput(sweep, undefined)).toEqual({ text: undefined, parsed: undefined });
    expect(parseStored(sweep, undefined, 1)).toBeUndefined();
    expect(() => prepareInput(sweep, null)).toThrow(/takes no input/);
    expect(() => parseStored(sweep, "{}", 1)).toThrow(InvalidInputError);
  });

  test("may be left out when the schema allows it", () => {
    const sweep = job({ name: "sweep", input: z.object({ a: z.number() }).optional(), handle() {} });
    expect(prepareInput(sweep, undefined)).toEqual({ text: undefined, parsed: undefined });
    expect(parseStored(sweep, '{"a":1}', 1)).toEqual({ a: 1 });
  });

  test("is judged in a promise when the schema is asynchronous, and only then", async () => {
    const slow = job({
      name: "slow",
      input: z.object({ id: z.number().refine(async (id) => id > 0) }),
      handle() {},
    });
    const prepared = prepareInput(slow, { id: 1 });
    expect(prepared).toBeInstanceOf(Promise);
    expect(await prepared).toEqual({ text: '{"id":1}', parsed: { id: 1 } });
    await expect(prepareInput(slow, { id: 0 })).rejects.toThrow(InvalidInputError);
  });

  test("whose schema throws is refused, and the cause is kept", async () => {
    const validate = () => {
      throw new Error("no such table");
    };
    const input: Schema<object, object> = { "~standard": { version: 1, vendor: "by hand", validate } };
    const error = thrown(() => prepareInput(job({ name: "broken", input, handle() {} }), {}));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(String(error)).toContain("the schema threw: no such table");
    expect(error).toMatchObject({ cause: { message: "no such table" } });
    const late = job({ name: "late", input: z.object({}).transform(validate), handle() {} });
    await expect(prepareInput(late, {})).rejects.toThrow(InvalidInputError);
  });

  test("that was stored before the schema changed is refused with what to do", () => {
    expect(() => parseStored(resize, '{"key":7}', 1)).toThrow(/stored input .* accept both forms/);
  });
});

describe("an output", () => {
  test("is stored as its schema's input and read by the caller as its output", () => {
    const text = storeOutput(resize, { url: "https://x.test", at: new Date(0) });
    expect(text).toBe('{"url":"https://x.test","at":"1970-01-01T00:00:00.000Z"}');
    expect(parseOutput(resize, String(text))).toEqual({ url: "https://x.test", at: new Date(0) });
  });

  test("that the job's own schema refuses is an error of the job", () => {
    const error = thrown(() => storeOutput(resize, { url: "nowhere" }));
    expect(error).toBeInstanceOf(InvalidOutputError);
    expect(String(error)).toContain(
      'The output of job "resize" is not what the schema it declares accepts: $.url: ',
    );
    expect(() => parseOutput(resize, "{}")).toThrow(InvalidOutputError);
  });

  test("without a schema is what JSON leaves of it", () => {
    const plain = job({ name: "plain", handle: () => 1 });
    expect(storeOutput(plain, undefined)).toBeUndefined();
    expect(parseOutput(plain, undefined)).toBeUndefined();
    expect(storeOutput(plain, { at: new Date(0) })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
    expect(parseOutput(plain, "[1]")).toEqual([1]);
    expect(() => storeOutput(plain, new Map())).toThrow(/^The output of job "plain" is not JSON/);
  });
});

describe("a declared failure", () => {
  test("carries data that its schema judges when it is made and reads when it is met", async () => {
    expect(storeFailure(resize, "unreadable", { format: "heic" })).toEqual({ format: "heic" });
    expect(() => storeFailure(resize, "unreadable", { format: 7 })).toThrow(
      /failure "unreadable" of job "resize"/,
    );
    expect(storeFailure(resize, "undeclared", { at: new Date(0) })).toEqual({
      at: "1970-01-01T00:00:00.000Z",
    });
    expect(parseFailure(resize, "unreadable", { format: "heic" })).toEqual({ format: "HEIC" });
    expect(parseFailure(resize, "toString", 1)).toBe(1);
  });

  test("reaches the caller even if its data is no longer what the schema accepts", () => {
    expect(parseFailure(resize, "unreadable", "old form")).toBe("old form");
  });

  test("is met as an error with its code, its data and what was recorded", async () => {
    const error = { name: "RunFailed", message: "cannot read", code: "unreadable", data: { format: "heic" } };
    const failure = await runFailure(resize, { runId: "r1", job: "resize", error });
    expect(failure).toMatchObject({
      code: "unreadable",
      data: { format: "HEIC" },
      runId: "r1",
      job: "resize",
      error,
    });
    expect(resize.failedWith(failure, "unreadable") && failure.data.format).toBe("HEIC");
    const plain = await runFailure(undefined, {
      runId: "r1",
      job: "resize",
      error: { name: "E", message: "m" },
    });
    expect([plain.code, plain.data]).toEqual(["RUN_FAILED", undefined]);
  });
});
