// A route: what it takes and answers, as shapes, and what it does.
//
// Requests are judged by the shapes before a route sees them; the document prints the same shapes. So a route is written
// once, as data, and there is nothing about it that the document could get wrong.
//
// Before this file come shapes. After it come the resources, and the document.
import type { Hono } from "hono";
import { checkName } from "../../job/index.js";
import { checkId } from "../../queue/index.js";
import { jsonOf } from "../body.js";
import type { WebContext, WebEnvironment } from "../environment.js";
import { refused } from "../problem.js";
import type { JsonSchema, Shape } from "../schema.js";
import { issuesOf } from "../validate.js";

type Method = "get" | "post" | "put" | "delete";

/** What is given to a route once it has been judged. */
interface Asked<Query, Body> {
  readonly context: WebContext;
  readonly query: Query;
  readonly body: Body;
  /** A part of the path, decoded. */
  readonly part: (name: string) => string;
}

export interface Answer {
  readonly description: string;
  readonly shape?: Shape<unknown>;
  /** `application/json` unless given. */
  readonly type?: string;
}

/** What a route is to whoever writes one. */
interface RouteOptions<Query, Body> {
  readonly method: Method;
  /** Parts in braces: `/runs/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly query?: Shape<Query>;
  readonly body?: Shape<Body>;
  /** Whether the body may be left out. */
  readonly isBodyOptional?: boolean;
  readonly answers: Readonly<Record<number, Answer>>;
  /** Codes of the problems that are its own. */
  readonly problems?: readonly string[];
  /** What it answers, as JSON; or a Response of its own. */
  readonly handle: (asked: Asked<Query, Body>) => Promise<unknown>;
}

export interface Route extends Omit<RouteOptions<unknown, unknown>, "handle"> {
  readonly answer: (context: WebContext) => Promise<Response>;
}

/** An answer with another status than 200. */
export class Said {
  readonly status: number;
  readonly value: unknown;

  constructor(status: number, value: unknown) {
    this.status = status;
    this.value = value;
  }
}

export function route<Query = Record<never, never>, Body = undefined>(
  options: RouteOptions<Query, Body>,
): Route {
  const { handle, ...rest } = options;
  const nothing: Shape<unknown> = { schema: { type: "object", properties: {}, additionalProperties: false } };
  return {
    ...rest,
    async answer(context) {
      const query = judged<Query>(
        "The query",
        (options.query ?? nothing).schema,
        queryOf(context, options.query),
      );
      const body = await bodyOf<Body>(context, options);
      const part = (name: string): string => partOf(name, context.req.param(name));
      const said = await handle({ context, query, body, part });
      if (said instanceof Response) return said;
      return said instanceof Said ? json(said.value, said.status) : json(said, 200);
    },
  };
}

/** The answer of whatever only has to be done. */
export async function ok(doing: Promise<unknown>): Promise<{ readonly done: true }> {
  await doing;
  return { done: true };
}

/** Adds routes, and for each of their paths the refusal of other methods. */
export function addRoutes(app: Hono<WebEnvironment>, routes: readonly Route[]): void {
  const methods = new Map<string, string[]>();
  for (const { method, path, answer } of routes) {
    const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(method.toUpperCase(), pattern, answer);
    const known = methods.get(pattern) ?? [];
    methods.set(pattern, [...known, method.toUpperCase()]);
  }
  for (const [pattern, known] of methods) {
    app.all(pattern, () => {
      const allow = known.includes("GET") ? [...known, "HEAD"] : known;
      throw refused("WRONG_METHOD", `This address takes ${allow.join(", ")}.`, {
        headers: { allow: allow.join(", ") },
      });
    });
  }
}

function json(value: unknown, status: number): Response {
  if (status === 204) return new Response(null, { status });
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { "content-type": "application/json" },
  });
}

/** A part of the path, as the client takes it. @throws InvalidIdError, InvalidOptionError */
function partOf(name: string, value: unknown): string {
  if (name === "id") checkId(value);
  else checkName(value, `The ${name} in the path`);
  return value;
}

async function bodyOf<Body>(
  context: WebContext,
  {
    method,
    body,
    isBodyOptional = false,
  }: Pick<RouteOptions<unknown, Body>, "method" | "body" | "isBodyOptional">,
): Promise<Body> {
  if (method === "get" || body === undefined) return undefined as Body;
  const value = await jsonOf(context);
  if (value === undefined && !isBodyOptional)
    throw refused("INVALID_REQUEST", "The request needs a body, and has none.");
  return judged<Body>("The body", body.schema, value ?? {});
}

/** What was asked for, as the shape says. @throws Refusal with each complaint */
function judged<T>(what: string, schema: JsonSchema, value: unknown): T {
  const issues = issuesOf(schema, value);
  if (issues.length === 0) return value as T;
  const said = issues.map(({ path, message }) => `${path} ${message}`).join("; ");
  throw refused("INVALID_REQUEST", `${what} is not what this address takes: ${said}.`, { issues });
}

/** The query as an object: a name that may come several times is a list, digits are a number where one is wanted. */
function queryOf({ req }: WebContext, shape: Shape<unknown> | undefined): Record<string, unknown> {
  const known = shape?.schema.properties ?? {};
  const search = new URL(req.url).searchParams;
  return Object.fromEntries(
    [...new Set(search.keys())].map((name) => [
      name,
      queried(Object.hasOwn(known, name) ? known[name] : undefined, search.getAll(name)),
    ]),
  );
}

function queried(schema: JsonSchema | undefined, values: readonly string[]): unknown {
  if (schema?.type === "array") return values;
  const [value = "", ...more] = values;
  if (more.length > 0) return values;
  if (schema?.type === "integer" && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (schema?.type === "boolean" && (value === "true" || value === "false")) return value === "true";
  return value;
}
