import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { InvalidOptionError } from "../kernel/index.js";
import { definitionOf, isContract, isJob, job, partsOf, policyOf } from "./define.js";
import { ContractNotHandledError, DuplicateJobError, RunFailedError } from "./errors.js";
import { collectJobs } from "./find.js";
import { signal, signalSchema } from "./signal.js";

const contract = job({
  name: "resize",
  input: z.object({ key: z.string() }),
  queue: "images",
  timeout: "1m",
});
const resize = contract.handle(() => {});

describe("job()", () => {
  test("makes a job, frozen, with its handler", () => {
    const handle = () => "done";
    const mail = job({ name: "mail", handle });
    expect(mail.name).toBe("mail");
    expect(mail.handler).toBe(handle);
    expect(Object.isFrozen(mail)).toBe(true);
    expect([isJob(mail), isContract(mail)]).toEqual([true, true]);
  });

  test("without handle makes a contract, whose handler adds code and no policy", () => {
    expect([isJob(contract), isContract(contract)]).toEqual([false, true]);
    expect(isJob(resize)).toBe(true);
    expect(policyOf(resize)).toBe(policyOf(contract));
    expect(definitionOf(resize).input).toBeDefined();
  });

  test("knows a job that another copy of the package made", () => {
    const other = Object.freeze({ name: "other", [Symbol.for("duckdive.job")]: definitionOf(resize) });
    expect(isContract(other)).toBe(true);
    expect(policyOf(other).queue).toBe("images");
  });

  test("using() is the same function: an adapter is only a type", () => {
    expect(job.using()).toBe(job);
  });

  test("takes any library that speaks Standard Schema, and refuses what does not", () => {
    expect(isJob(job({ name: "a", input: v.object({ id: v.number() }), handle() {} }))).toBe(true);
    for (const input of [{ id: "number" }, "string", null, { "~standard": {} }]) {
      expect(() => Reflect.apply(job, undefined, [{ name: "a", input, handle() {} }])).toThrow(
        /Standard Schema/,
      );
    }
    expect(() => Reflect.apply(job, undefined, [{ name: "a", errors: { declined: 1 } }])).toThrow(
      "errors.declined",
    );
  });

  test.each([undefined, "", "  ", 7, "x".repeat(201), "a\u0000", "a\u0007b", "\ud800"])(
    "refuses the name %j",
    (name) => {
      expect(() => Reflect.apply(job, undefined, [{ name, handle() {} }])).toThrow(InvalidOptionError);
    },
  );

  test("refuses what is no definition, and a handler that is no function", () => {
    expect(() => Reflect.apply(job, undefined, [])).toThrow(/job\(\) was given undefined/);
    expect(() => Reflect.apply(job, undefined, [{ name: "a", handle: 1 }])).toThrow(
      /handler of job "a" is 1/,
    );
    expect(() => Reflect.apply(contract.handle, undefined, [])).toThrow(
      /handler of job "resize" is undefined/,
    );
    expect(() => policyOf({})).toThrow(/is not a job/);
  });
});

describe("a contract", () => {
  test("puts a request together", () => {
    const request = contract.with({ key: "a" }, { priority: 2 });
    expect(request.job).toBe("resize");
    const parts = partsOf(request);
    expect(parts.input).toEqual({ key: "a" });
    expect(parts.options).toEqual({ priority: 2 });
    expect(policyOf(parts.contract)).toBe(policyOf(contract));
    expect(() => partsOf({ job: "resize" })).toThrow(/not a request/);
  });

  test("tells its runs and its failures from others", () => {
    expect(contract.is({ job: "resize" } as Parameters<typeof contract.is>[0])).toBe(true);
    expect(contract.is({ job: "mail" } as Parameters<typeof contract.is>[0])).toBe(false);
    const declared = job({ name: "pay", errors: { declined: z.object({ why: z.string() }) } });
    const fail = (name: string, code: string) =>
      new RunFailedError({
        runId: "r",
        job: name,
        error: { name: "Error", message: "no", code, data: { why: "x" } },
      });
    expect(declared.failedWith(fail("pay", "declined"), "declined")).toBe(true);
    expect(declared.failedWith(fail("pay", "other"), "declined")).toBe(false);
    expect(declared.failedWith(fail("mail", "declined"), "declined")).toBe(false);
    expect(declared.failedWith(new Error("declined"), "declined")).toBe(false);
  });
});

describe("collectJobs", () => {
  test("finds jobs by name; one job met twice is one job", () => {
    const mail = job({ name: "mail", handle() {} });
    expect([...collectJobs([mail, resize, mail]).keys()]).toEqual(["mail", "resize"]);
  });

  test("refuses two jobs with one name, a contract without handler, and what is no job", () => {
    expect(() => collectJobs([resize, contract.handle(() => {})])).toThrow(DuplicateJobError);
    expect(() => collectJobs([contract])).toThrow(ContractNotHandledError);
    expect(() => collectJobs([undefined])).toThrow(/jobs has undefined in it/);
  });
});

test("a signal has a name and a schema", () => {
  const schema = z.object({ by: z.string() });
  const approved = signal("approved", schema);
  expect(approved.name).toBe("approved");
  expect(signalSchema(approved)).toBe(schema);
  expect(signalSchema({})).toBeUndefined();
  expect(() => Reflect.apply(signal, undefined, ["x", {}])).toThrow(/signal "x" is not a schema/);
  expect(() => signal("", schema)).toThrow(/A signal needs a name/);
});
