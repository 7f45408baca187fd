// The OpenAPI document, printed from the routes: the shapes in it are those that judge requests.
//
// Before this file come the routes. After it come `GET /openapi.json`, and the clients that are generated from it.
import { type RefusalCode, refusals, statusOfCode } from "../problem.js";
import type { JsonSchema } from "../schema.js";
import type { Answer, Route } from "./route.js";
import { problemShape } from "./shapes.js";

/** The problems that every route may answer, by status. */
const always: readonly RefusalCode[] = [
  "INVALID_REQUEST",
  "NOT_SIGNED_IN",
  "NOT_ALLOWED",
  "TOO_MANY_ATTEMPTS",
];

/** @param server where it is mounted, with `/api` */
export function openApiOf(routes: readonly Route[], server: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of routes) paths[one.path] = { ...paths[one.path], [one.method]: operationOf(one) };
  return {
    openapi: "3.1.0",
    info: {
      title: "duckdive",
      version: "1",
      summary: "Background jobs in the database your application already has.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: server }],
    security: [{ token: [] }, {}],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { Problem: problemShape.schema },
    },
  };
}

function operationOf({
  method,
  path,
  summary,
  query,
  body,
  isBodyOptional,
  answers,
  problems = [],
}: Route): object {
  return {
    operationId: operationIdOf(method, path),
    summary,
    parameters: [...partsOf(path), ...queryOf(query?.schema)],
    ...(body === undefined ? {} : { requestBody: requestOf(body.schema, isBodyOptional !== true) }),
    responses: { ...Object.fromEntries(Object.entries(answers).map(answerOf)), ...problemsOf(problems) },
  };
}

/** `post /runs/{id}/cancel` is `postRunsIdCancel`. */
function operationIdOf(method: string, path: string): string {
  const words = path.replaceAll(/[{}]/g, "").split("/").filter(Boolean);
  return (
    method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1).replace(".json", "")).join("")
  );
}

function partsOf(path: string): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: name === "id" ? { type: "string", format: "uuid" } : { type: "string", minLength: 1 },
  }));
}

function queryOf(schema: JsonSchema | undefined): object[] {
  return Object.entries(schema?.properties ?? {}).map(([name, { description, ...rest }]) => ({
    name,
    in: "query",
    ...(description === undefined ? {} : { description }),
    schema: rest,
    ...(rest.type === "array" ? { style: "form", explode: true } : {}),
  }));
}

function requestOf(schema: JsonSchema, required: boolean): object {
  return { required, content: { "application/json": { schema } } };
}

function answerOf([status, { description, shape, type = "application/json" }]: [string, Answer]): [
  string,
  object,
] {
  const schema = shape?.schema ?? { type: "string" };
  const content = status === "204" ? {} : { content: { [type]: { schema } } };
  return [status, { description, ...content }];
}

/** Problems that share a status share a row. */
function problemsOf(own: readonly string[]): Record<string, object> {
  const rows = new Map<number, string[]>();
  for (const code of [...always, ...own]) {
    const status = isRefusal(code) ? refusals[code].status : (statusOfCode[code] ?? 500);
    rows.set(status, [...(rows.get(status) ?? []), code]);
  }
  const content = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  return Object.fromEntries(
    [...rows].map(([status, codes]) => [String(status), { description: codes.join(", "), content }]),
  );
}

function isRefusal(code: string): code is RefusalCode {
  return Object.hasOwn(refusals, code);
}
