// The reference of the API is the API: each route has its section with its words, and its example, run by a shell against a
// real server, is answered with a status and a body that the OpenAPI document promises, and with nothing that it does not name.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import type { Duckdive, Worker } from "duckdive";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApi } from "../../src/web/api/index.js";
import type { Route } from "../../src/web/api/route.js";
import { refusals } from "../../src/web/problem.js";
import { createShown } from "../../src/web/shown.js";
import { ask, type Operation, type Served, serve, token, welcome } from "./server.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/reference/http.md"), "utf8");
const execute = promisify(execFile);

const routes: readonly Route[] = createApi({
  duckdive: {} as Duckdive,
  shown: createShown(undefined),
  jobs: new Map(),
  signals: new Map(),
  streams: 1,
  base: "",
  log: console,
}).routes;

const sections = new Map(
  page
    .split(/^### /m)
    .slice(1)
    .map((text): [string, string] => {
      const [heading = "", ...rest] = text.split("\n");
      return [heading.replaceAll("`", ""), rest.join("\n").split(/^## /m)[0] ?? ""];
    }),
);
/** In the order of the page, since an example may need what the one before has made. */
const order = [...sections.keys()];
const named = routes
  .map((route) => ({ ...route, title: `${route.method.toUpperCase()} ${route.path}` }))
  .sort((one, other) => order.indexOf(one.title) - order.indexOf(other.title));

let served: Served;
let worker: Worker;
let document: { readonly paths: Record<string, Record<string, Operation>> };
let batch = "";

beforeAll(async () => {
  served = await serve();
  worker = served.working.work();
  await worker.ready;
  const gone = served.working.work();
  await gone.ready;
  await gone.stop();
  ({ body: document } = await ask(served, "GET", "/openapi.json"));
  const made = await served.working.batch([welcome.with({ userId: 1 })], { name: "import" });
  batch = made.id;
});
afterAll(async () => {
  await worker.stop();
  await served.close();
});

test("the reference has the routes of the code, each once, and no others", () => {
  expect([...sections.keys()].sort()).toEqual(named.map(({ title }) => title).sort());
});

test("the reference has the refusals of the code", () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| (.+) \|$/gm)].map(([, code, status, title]) => [
    code,
    { status: Number(status), title },
  ]);
  expect(Object.fromEntries(rows)).toEqual(refusals);
});

test("the document is OpenAPI", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document));
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

describe.each(named)("$title", ({ title, method, path, summary, query, body, problems = [] }) => {
  const section = sections.get(title) ?? "";

  test("has its words in the reference", () => {
    const text = section.replaceAll("\n", " ");
    expect(text).toContain(summary);
    const names = [query, body].flatMap((shape) => Object.keys(shape?.schema.properties ?? {}));
    for (const name of [...names, ...problems]) expect(text).toContain(`\`${name}\``);
  });

  test("answers its example with what the document promises", async () => {
    const [, command = ""] = /^```sh\n(.*?)^```$/ms.exec(section) ?? [];
    expect(command).toMatch(/^curl -s /);
    const { status, text, type } = await run(command);
    const responses = document.paths[path]?.[method]?.responses ?? {};
    expect(Object.keys(responses), `${status}: ${text}`).toContain(String(status));
    expect(status, text).toBeLessThan(300);
    if (status === 204) return expect(text).toBe("");
    const { content = {} } = responses[status] ?? {};
    const [kind = ""] = type.split(";");
    expect(Object.keys(content)).toEqual([kind]);
    const schema = content[kind]?.schema ?? {};
    if (kind === "application/json") expect(complaints(schema, JSON.parse(text))).toEqual([]);
  });
});

/** Runs an example as a reader would, for a run that waits for its time. */
async function run(command: string): Promise<{ status: number; text: string; type: string }> {
  const { body } = await ask(served, "POST", "/runs", { job: "welcome", input: { userId: 3 }, delay: "1h" });
  const environment = { API: served.api, AUTH: `authorization: Bearer ${token}`, RUN: body.id, BATCH: batch };
  const asked = command.replace("curl -s", 'curl -s -w "\\n%{http_code} %{content_type}"');
  const { stdout } = await execute("sh", ["-c", asked], { env: { ...process.env, ...environment } }).catch(
    // A stream goes on until the time that the example gives is over.
    (error: { code?: number; stdout: string }) => {
      if (error.code === 28) return error;
      throw error;
    },
  );
  const [, text = "", status, type = ""] = /^(.*)\n(\d{3}) (.*)$/s.exec(stdout) ?? [];
  return { status: Number(status), text, type };
}

/** What of a value is not as the schema says, or is in none of its fields. */
function complaints(schema: object, value: unknown): unknown[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  const judge = ajv.compile(closed(schema));
  return judge(value) ? [] : (judge.errors ?? []);
}

function closed(schema: unknown): object {
  return JSON.parse(JSON.stringify(schema), (_name, part: unknown) => {
    const isFixed = typeof part === "object" && part !== null && "properties" in part;
    if (!isFixed || "additionalProperties" in part) return part;
    return Object.keys(part.properties ?? {}).length === 0 ? part : { ...part, additionalProperties: false };
  });
}
