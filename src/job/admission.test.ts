// What a policy makes of an input: keys that are equal when, and only when, the runs belong together.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { admissionOf } from "./admission.js";
import { job, policyOf } from "./define.js";
import { InvalidKeyError } from "./errors.js";
import { longestKey } from "./key.js";
import type { Policy } from "./policy-types.js";

type Input = Record<string, unknown>;

/** The admission of an input under a policy; the job is `mail` unless named. */
function admission(policy: Policy<Input>, input: unknown, name = "mail") {
  const contract = job({ name, input: z.any(), ...policy } as { name: string });
  return admissionOf(policyOf(contract), name, input);
}
const keys = (policy: Policy<Input>, input: unknown, name?: string) =>
  admission(policy, input, name).gates?.map(({ kind, key }) => `${kind} ${key}`) ?? [];

describe("admission", () => {
  test("is nothing for a policy without rules, and for a run that no rule is for", () => {
    expect(admission({ priority: 3 }, { id: 1 })).toEqual({});
    const none = () => null;
    const policy: Policy<Input> = {
      lock: none,
      concurrency: { limit: 1, by: none },
      rate: { limit: 1, per: "1s", by: none },
      unique: { by: none },
      fair: { by: none },
    };
    expect(admission(policy, { id: 1 })).toEqual({});
  });

  test("has locks and limits first and rates last, however they are written", () => {
    const policy: Policy<Input> = {
      rate: [{ limit: 600, per: "1m", by: "accountId" }],
      concurrency: [{ limit: 5 }, { limit: 2, by: "accountId" }],
      lock: { by: (input) => `server:${String(input.server)}`, hold: "attempt" },
    };
    expect(admission(policy, { accountId: 7, server: 532 }, "account-sync").gates).toEqual([
      { kind: "lock", key: "server:532", limit: 1, hold: "attempt" },
      { kind: "limit", key: "account-sync", limit: 5 },
      { kind: "limit", key: "account-sync accountId=7", limit: 2 },
      { kind: "rate", key: "account-sync accountId=7", limit: 600, per: 60_000, burst: 1 },
    ]);
  });

  test("shares a lock by its text, and keeps one of fields the job's own", () => {
    const shared: Policy<Input> = { lock: () => "server:532" };
    expect(keys(shared, {}, "a")).toEqual(keys(shared, {}, "b"));
    expect(keys({ lock: "id" }, { id: 1 }, "a")).toEqual(["lock a/id=1"]);
    expect(keys({ lock: ["id", "house"] }, { id: 1, house: "x" }, "b")).toEqual(['lock b/id=1 house="x"']);
  });

  test("shares a limit and a rate by name, and never with the job of that name", () => {
    const named: Policy<Input> = { rate: { limit: 5, per: "1s", name: "stripe", by: "id" } };
    expect(keys(named, { id: 1 }, "a")).toEqual(["rate [stripe] id=1"]);
    expect(keys(named, { id: 1 }, "b")).toEqual(keys(named, { id: 1 }, "a"));
    expect(keys({ rate: { limit: 5, per: "1s", by: "id" } }, { id: 1 }, "stripe")).toEqual([
      "rate stripe id=1",
    ]);
  });

  test("tells rules of one kind apart that differ in their numbers only", () => {
    const policy: Policy<Input> = {
      rate: [
        { limit: 10, per: "1s", by: "id" },
        { limit: 1_000, per: "1h", by: "id" },
        { limit: 1, per: "1m", by: () => "x" },
        { limit: 1, per: "1m", by: () => "x" },
      ],
    };
    expect(keys(policy, { id: 1 })).toEqual([
      "rate mail id=1",
      "rate mail#2 id=1",
      'rate mail "x"',
      'rate mail#2 "x"',
    ]);
  });

  test("tells a number from its text, and a field that is absent from one that is null", () => {
    const key = (id: unknown) => keys({ lock: "id" }, { id })[0];
    expect([1, "1", null, undefined, true, [1], { a: 1 }].map(key)).toEqual([
      "lock mail/id=1",
      'lock mail/id="1"',
      "lock mail/id=null",
      "lock mail/id=undefined",
      "lock mail/id=true",
      "lock mail/id=[1]",
      'lock mail/id={"a":1}',
    ]);
  });

  test("takes as burst what a tenth of a second allows, and at least one", () => {
    const burst = (limit: number, per: `${number}s`) =>
      admission({ rate: { limit, per } }, {}).gates?.[0]?.burst;
    expect([burst(1, "60s"), burst(10, "1s"), burst(101, "1s"), burst(1_000, "1s")]).toEqual([1, 1, 11, 100]);
    expect(admission({ rate: { limit: 1, per: "1s", burst: 7 } }, {}).gates?.[0]?.burst).toBe(7);
  });

  test("makes one unique key of a job that names no fields", () => {
    expect(admission({ unique: {} }, { id: 1 }).unique).toEqual({
      key: "mail",
      while: ["scheduled", "ready", "waiting", "running"],
      onConflict: { kind: "ignore" },
    });
  });

  test("lets a run that has begun keep no key from those that would change it", () => {
    const unique = (rule: Policy<Input>["unique"]) => admission({ unique: rule }, { id: 1 }).unique;
    expect(unique({ by: "id", onConflict: { debounce: "1m", atMost: "10m" } })).toEqual({
      key: "mail id=1",
      while: ["scheduled", "ready", "waiting"],
      onConflict: { kind: "debounce", delay: 60_000, atMost: 600_000 },
    });
    expect(unique({ by: "id", onConflict: { replace: ["input"] } })?.while).not.toContain("running");
    expect(unique({ while: ["running"], onConflict: { replace: ["input"] } })?.while).toEqual(["running"]);
    expect(unique({ for: "15m" })).toEqual({
      key: "mail",
      window: 900_000,
      onConflict: { kind: "ignore" },
    });
  });

  test("gives a tenant one share in all jobs", () => {
    expect(admission({ fair: { by: "tenant" } }, { tenant: 7 }, "a").fair).toBe("tenant=7");
    expect(admission({ fair: { by: () => "acme" } }, {}, "b").fair).toBe("acme");
  });

  test.each<[string, Policy<Input>, RegExp]>([
    [
      "throws",
      {
        lock: () => {
          throw new TypeError("no house");
        },
      },
      /^job "mail": lock threw: no house\..*Nothing was recorded/,
    ],
    ["gives a number", { unique: { by: (() => 7) as never } }, /unique\.by gave 7\. Give a text, or null/],
    ["gives nothing", { fair: { by: (() => {}) as never } }, /fair\.by gave undefined/],
    ["is asynchronous", { lock: (async () => "x") as never }, /lock gave a promise/],
    ["gives an empty text", { lock: { by: () => "" } }, /lock\.by gave an empty text/],
    ["gives NUL", { lock: () => "a\0" }, /lock gave a text that no database keeps/],
    [
      "asks for a field that is no data",
      { concurrency: [{ limit: 1 }, { limit: 1, by: "map" }] },
      /concurrency\[1\]\.by asks for "map", which cannot be compared/,
    ],
  ])("names the job and the option of a rule that %s", (_what, policy, message) => {
    expect(() => admission(policy, { map: new Map() })).toThrow(message);
    expect(() => admission(policy, { map: new Map() })).toThrow(InvalidKeyError);
  });

  test("asks a field of nothing that has no fields", () => {
    expect(() => admission({ lock: "length" }, "text")).toThrow(
      /lock asks for "length" of an input that is "text"/,
    );
  });
});

describe("keys", () => {
  const word = fc.oneof(
    fc.constantFrom("a", "a b", 'a"b', "a=1", "#2", "[a]", "a/b"),
    fc.string({ minLength: 1 }),
  );
  const values = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom("1", "a", 'x" y="'), fc.json());
  const usable = (text: string) =>
    text.trim() !== "" && !/[\p{Cc}\p{Surrogate}]/u.test(text) && text.length < 50;

  test("are equal only when the names, the fields and the values are", () => {
    const rule = fc.record({
      owner: word.filter(usable),
      isShared: fc.boolean(),
      by: fc.oneof(
        fc.constant(undefined),
        fc.uniqueArray(word.filter(usable), { minLength: 1, maxLength: 3 }),
      ),
      text: fc.option(
        word.filter((text) => usable(text)),
        { nil: undefined },
      ),
      value: values,
    });
    const keyOfRule = ({
      owner,
      isShared,
      by,
      text,
      value,
    }: typeof rule extends fc.Arbitrary<infer R> ? R : never) => {
      const name = isShared ? { name: owner } : {};
      const given = text === undefined ? by : () => text;
      const limit = { limit: 1, ...name, ...(given === undefined ? {} : { by: given }) };
      const input = Object.fromEntries((by ?? []).map((field) => [field, value]));
      return keys({ concurrency: limit }, input, isShared ? "job" : owner)[0];
    };
    const meaning = ({
      owner,
      isShared,
      by,
      text,
      value,
    }: typeof rule extends fc.Arbitrary<infer R> ? R : never) =>
      JSON.stringify([owner, isShared, text ?? by?.map((field) => [field, value]) ?? null]);
    fc.assert(
      fc.property(rule, rule, (one, other) => {
        expect(keyOfRule(one) === keyOfRule(other)).toBe(meaning(one) === meaning(other));
      }),
    );
  });

  test("are at most 500 characters, keep their beginning, and differ where the long texts do", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 3, unit: "grapheme" }),
        fc.integer({ min: 400, max: 900 }),
        (unit, times) => {
          fc.pre(!/[\0\p{Surrogate}]/u.test(unit));
          const key = (text: string) => admission({ lock: () => text }, {}).gates?.[0]?.key ?? "";
          const text = `server:${unit.repeat(times)}`;
          expect(key(text).length).toBeLessThanOrEqual(longestKey);
          expect(key(text)).not.toMatch(/\p{Surrogate}/u);
          expect(key(text).startsWith("server:")).toBe(true);
          expect(key(text)).not.toBe(key(`${text}!`));
          if (text.length <= longestKey) expect(key(text)).toBe(text);
        },
      ),
    );
  });

  test("are the same each time", () => {
    fc.assert(
      fc.property(fc.dictionary(word.filter(usable), values), (input) => {
        const fields = Object.keys(input);
        fc.pre(fields.length > 0 && !fields.includes("__proto__"));
        const policy: Policy<Input> = { unique: { by: fields }, fair: { by: fields }, lock: fields };
        expect(admission(policy, input)).toEqual(admission(policy, { ...input }));
      }),
    );
  });
});
