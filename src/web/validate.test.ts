// What fits a schema and what does not, held to what a library says of the same schema and the same value.
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import fc from "fast-check";
import { expect, test } from "vitest";
import * as shapes from "./schema.js";
import { type JsonSchema, object } from "./schema.js";
import { issuesOf } from "./validate.js";

const ajv = new Ajv2020({ strict: false });
formats.default(ajv);

const leaves = fc.oneof(
  fc.constantFrom<JsonSchema>(
    shapes.text().schema,
    shapes.text({ minLength: 1, maxLength: 3 }).schema,
    shapes.text({ pattern: "^[a-c]+$" }).schema,
    shapes.integer({ minimum: -1, maximum: 3 }).schema,
    shapes.number().schema,
    shapes.flag().schema,
    shapes.word(["ab", "c"]).schema,
    shapes.only(true).schema,
    shapes.anything().schema,
    shapes.id().schema,
    shapes.time().schema,
  ),
);

const schemas = fc.letrec<{ schema: JsonSchema }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    leaves,
    tie("schema").map((schema) => shapes.list({ schema }, { minItems: 1, maxItems: 2 }).schema),
    tie("schema").map((schema) => shapes.dictionary({ schema }).schema),
    tie("schema").map((schema) => shapes.orNull({ schema }).schema),
    fc
      .tuple(tie("schema"), tie("schema"))
      .map(([one, other]) => shapes.either({ schema: one }, { schema: other }).schema),
    fc
      .tuple(tie("schema"), tie("schema"))
      .map(([a, b]) => object({ a: { schema: a } }, { b: { schema: b } }).schema),
  ),
})).schema;

const words = fc.constantFrom(
  "",
  "a",
  "ab",
  "c",
  "abc",
  "abcd",
  "😀😀😀",
  "01980f6e-0000-7000-8000-000000000000",
  "2026-05-01T08:00:00Z",
  "2026-02-30T08:00:00Z",
  "2026-05-01",
  "toString",
  "__proto__",
);
const values = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    words,
    fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 3, 4, 0.5, 1e21),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "b", "c", "constructor"), tie("value"), { maxKeys: 3 }),
  ),
})).value;

test("it accepts what a library accepts, and refuses what that refuses", () => {
  let [accepted, refused] = [0, 0];
  fc.assert(
    fc.property(schemas, values, (schema, value) => {
      const wanted = ajv.validate(schema, value);
      const issues = issuesOf(schema, value);
      if (wanted) accepted += 1;
      else refused += 1;
      expect(issues.length === 0, JSON.stringify({ schema, value, issues })).toBe(wanted);
    }),
    { numRuns: 3_000 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(100);
});

test("complaints name the place, are few, and are short whatever they complain of", () => {
  const { schema } = object({ runs: shapes.list(object({ job: shapes.text({ minLength: 1 }) })) });
  expect(issuesOf(schema, { runs: [{ job: "a" }, { job: "" }, {}] })).toEqual([
    { path: "$.runs[1].job", message: "must not be empty" },
    { path: "$.runs[2].job", message: "is missing" },
  ]);
  const many = { runs: Array.from({ length: 1_000 }, () => ({})) };
  expect(issuesOf(schema, many)).toHaveLength(20);
  const [long] = issuesOf(schema, { runs: [], ["x".repeat(10_000)]: 1 });
  expect(long?.path.length).toBeLessThan(100);
});

test("text that no database keeps is refused, in values and in names", () => {
  expect(issuesOf(shapes.text().schema, "a\0")).toHaveLength(1);
  expect(issuesOf(shapes.text().schema, "\ud800")).toHaveLength(1);
  expect(issuesOf(shapes.dictionary(shapes.text()).schema, { "a\0": "b" })).toHaveLength(1);
});
