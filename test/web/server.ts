// A real server on a port of its own, on a database file, with a worker in another client: what tests of the web part ask.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { type AnyJob, type Duckdive, job, open, signal } from "duckdive";
import { nodeListener, serveWeb, type Web, type WebOptions, type WebServer, web } from "duckdive/web";
import { z } from "zod";

export { nodeListener };

export const token = "operate-".padEnd(32, "0");
export const readToken = "read-".padEnd(32, "0");

export const welcome = job({
  name: "welcome",
  description: "Greets",
  input: z.object({ userId: z.number() }),
  queue: "mail",
  on: "user.created",
  async handle({ userId }, ctx) {
    ctx.log.info("greeting", { userId });
    await ctx.step("greet", () => ({ greeted: userId }));
    return { greeted: userId };
  },
});
export const resize = job({
  name: "resize",
  input: z.object({ path: z.string() }),
  handle: ({ path }) => path,
});
export const broken = job({
  name: "broken",
  input: z.unknown(),
  retry: { attempts: 1 },
  handle() {
    throw new TypeError("it is broken");
  },
});

export interface Served {
  readonly url: string;
  readonly api: string;
  readonly app: Web;
  readonly server: WebServer;
  /** The client that serves: it has no job but those given to `web`. */
  readonly duckdive: Duckdive;
  /** Another client on the same database, which has all jobs. */
  readonly working: Duckdive;
  /** What was logged, as text. */
  readonly logged: string[];
  close(): Promise<void>;
}

/**
 * @param jobs what the worker has
 * @param address of the store; a file of its own unless given
 */
export async function serve(
  given: WebOptions = { token, readToken, jobs: [welcome] },
  jobs: readonly AnyJob[] = [welcome, resize, broken, order],
  address?: string,
): Promise<Served> {
  const logged: string[] = [];
  const write = (message: string, fields?: object): void => void logged.push(inspect([message, fields]));
  const log = { debug: write, info: write, warn: write, error: write };
  const options: WebOptions = { log, ...given };
  const folder = mkdtempSync(join(tmpdir(), "duckdive-web-"));
  const store = address ?? `sqlite:${join(folder, "jobs.db")}`;
  const duckdive = open(store);
  const working = open(store, { jobs, log: { debug() {}, info() {}, warn() {}, error() {} } });
  await working.ready();
  const app = web(duckdive, options);
  const server = await serveWeb(app, { port: 0, host: "127.0.0.1" });
  return {
    url: server.url,
    api: `${server.url}/api`,
    app,
    server,
    duckdive,
    working,
    logged,
    async close() {
      await server.close();
      await Promise.all([duckdive.close(), working.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What answers are read for: whichever of it there is. */
interface AnsweredBody {
  readonly id: string;
  readonly code: string;
  readonly detail: string;
  readonly state: string;
  readonly created: boolean;
  readonly checked: boolean;
  readonly done: number | boolean;
  readonly count: number;
  readonly cursor: string | undefined;
  readonly runs: readonly { readonly id: string; readonly job: string; readonly input: unknown }[];
  readonly issues: readonly { readonly path: string; readonly message: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
}

const approved = signal("approved", z.object({ by: z.string() }));
export const order = job({
  name: "order",
  async handle(_input, ctx) {
    return (await ctx.waitFor("approval", approved)).by;
  },
});

export interface Operation {
  readonly responses: Record<string, { readonly content: Record<string, { readonly schema: object }> }>;
}

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: AnsweredBody;
}

/** A request with the token that may do everything, and a JSON body where there is one. */
export async function ask(
  { api }: Pick<Served, "api">,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    redirect: "manual",
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? undefined : JSON.parse(text),
  };
}
