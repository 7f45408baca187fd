// Inputs of older versions: the steps are called in turn, each sees JSON, and whatever is wrong says where and keeps the input.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { job, parseStored, UpgradeError, type Upgrades } from "./index.js";

const input = z.object({ first: z.string(), last: z.string().nullable(), at: z.coerce.date() });

/** At version 3: version 1 had a name, version 2 a first and a last one. */
function greet(upgrade: Upgrades) {
  return job({ name: "greet", version: 3, upgrade, input, handle() {} });
}

const steps: Upgrades = {
  1: (old: { name: string }) => ({ first: old.name, last: null }),
  2: (old: { first: string; last: string | null }) => ({ ...old, at: new Date(0) }),
};

async function refused(upgrade: Upgrades, text = '{"name":"Ada"}'): Promise<unknown> {
  try {
    await parseStored(greet(upgrade), text, 1);
  } catch (error) {
    return error;
  }
  return expect.unreachable();
}

describe("an input of an older version", () => {
  test("goes through each step from its version on, and then through the schema", () => {
    const made = { first: "Ada", last: null, at: new Date(0) };
    expect(parseStored(greet(steps), '{"name":"Ada"}', 1)).toEqual(made);
    expect(parseStored(greet(steps), '{"first":"Ada","last":null}', 2)).toEqual(made);
  });

  test("of the version at hand, or a newer one, is left as it is", () => {
    const text = '{"first":"Ada","last":"Lovelace","at":"1970-01-01T00:00:00.000Z"}';
    for (const version of [3, 4])
      expect(parseStored(greet(steps), text, version)).toMatchObject({ last: "Lovelace" });
  });

  test("is JSON for every step, whatever the one before it gave", () => {
    const seen: unknown[] = [];
    const upgrade = {
      1: () => ({ first: "Ada", last: null, at: new Date(0), gone: undefined }),
      2: (old: unknown) => {
        seen.push(old);
        return old;
      },
    };
    void parseStored(greet(upgrade), "{}", 1);
    expect(seen).toEqual([{ first: "Ada", last: null, at: "1970-01-01T00:00:00.000Z" }]);
    expect(seen[0]).not.toHaveProperty("gone");
  });

  test("may be made of none, and into none", () => {
    const grown = job({
      name: "x",
      version: 2,
      upgrade: { 1: () => ({ n: 1 }) },
      input: z.object({ n: z.number() }),
      handle() {},
    });
    expect(parseStored(grown, undefined, 1)).toEqual({ n: 1 });
    const shrunk = job({ name: "x", version: 2, upgrade: { 1: () => undefined }, handle() {} });
    expect(parseStored(shrunk, '{"n":1}', 1)).toBeUndefined();
  });

  test("is waited for where a step is asynchronous, and only there", async () => {
    const later: Upgrades = {
      ...steps,
      1: async (old: { name: string }) => ({ first: old.name, last: null }),
    };
    expect(await parseStored(greet(later), '{"name":"Ada"}', 1)).toMatchObject({ first: "Ada" });
    expect(parseStored(greet(later), '{"first":"Ada","last":null}', 2)).not.toBeInstanceOf(Promise);
  });

  test("comes to the same by many steps as by one that does all of them", () => {
    void fc.assert(
      fc.property(
        fc.array(fc.integer(), { minLength: 1, maxLength: 8 }),
        fc.integer(),
        (added, start): void => {
          const upgrade = Object.fromEntries(added.map((n, place) => [place + 1, (old: number) => old + n]));
          const sum = job({
            name: "sum",
            version: added.length + 1,
            upgrade,
            input: z.number(),
            handle() {},
          });
          for (let from = 1; from <= added.length + 1; from += 1) {
            const left = added.slice(from - 1).reduce((one, other) => one + other, start);
            expect(parseStored(sum, String(start), from)).toBe(left);
          }
        },
      ),
    );
  });
});

describe("an upgrade that goes wrong names the job, the step and what to do", () => {
  test("when it throws, at once or later", async () => {
    const broken = (): never => {
      throw new TypeError("name is undefined");
    };
    const failures = [
      { ...steps, 1: broken },
      { ...steps, 1: async () => broken() },
    ];
    for (const upgrade of failures) {
      const error = await refused(upgrade);
      expect(error).toBeInstanceOf(UpgradeError);
      expect(error).toMatchObject({
        code: "UPGRADE_FAILED",
        job: "greet",
        from: 1,
        to: 3,
        cause: { name: "TypeError" },
      });
      expect(String(error)).toMatch(
        /version 1 .*version 3: upgrade\[1\] threw TypeError: name is undefined\. .*kept.*retry/,
      );
    }
  });

  test("when what it gives is no JSON, or not what the schema accepts", async () => {
    expect(String(await refused({ ...steps, 2: () => new Map() }))).toMatch(
      /upgrade\[2\] returned what cannot be stored/,
    );
    const error = await refused({ ...steps, 2: (old: unknown) => old });
    expect(error).toMatchObject({ code: "UPGRADE_FAILED", issues: [{ path: "$.at" }] });
    expect(String(error)).toMatch(/does not accept what upgrade\[2\] returned: \$\.at/);
  });

  test("when the input is older than the oldest step", async () => {
    expect(String(await refused({ 2: (old: unknown) => old }))).toMatch(/there is no upgrade\[1\]/);
  });

  test("and without any, a refused input says which version it is of", () => {
    const bare = job({ name: "greet", version: 3, input, handle() {} });
    expect(() => parseStored(bare, '{"name":"Ada"}', 1)).toThrow(
      /recorded with version 1, and version 3 does not/,
    );
  });
});

describe("a definition is refused whose upgrade", () => {
  const cases: [string, unknown, RegExp][] = [
    [
      "has no version beside it",
      { upgrade: { 1: () => ({}) } },
      /step from version 1, and the job is at version 1.*`version` to 2/,
    ],
    ["starts at its own version", { version: 2, upgrade: { 2: () => ({}) } }, /`version` to 3/],
    [
      "has a gap",
      { version: 4, upgrade: { 1: () => ({}), 3: () => ({}) } },
      /none from version 2. .*\(old\) => old/,
    ],
    ["has something that is no function", { version: 2, upgrade: { 1: {} } }, /upgrade\[1\] is .* function/],
    [
      "has something that is no version",
      { version: 2, upgrade: { one: () => ({}) } },
      /A key of job "x": upgrade/,
    ],
    ["has no step", { version: 2, upgrade: {} }, /no step/],
    ["is no object", { version: 2, upgrade: () => ({}) }, /upgrade is/],
  ];
  test.each(cases)("%s", (_title, fields, message) => {
    expect(() => Reflect.apply(job, undefined, [{ name: "x", handle() {}, ...(fields as object) }])).toThrow(
      message,
    );
  });
});
