// The web part, put together: security first, then the API, then the pages; one function from a Request to a Response.
//
// What an application mounts is a function, so whatever serves HTTP can serve it. It opens nothing, listens to nothing and
// keeps nothing but the live streams, which `close` ends.
//
// Before this file comes the application, or `duckdive serve`. After it come access, the API and the pages.
import { Hono } from "hono";
import { createAccess } from "./access.js";
import { createApi } from "./api/index.js";
import { limitBody } from "./body.js";
import type { WebEnvironment } from "./environment.js";
import { protect } from "./headers.js";
import { settingsOf, type WebOptions } from "./options.js";
import { createPages } from "./pages/index.js";
import { problemOf, problemResponse, Refusal, refused } from "./problem.js";
import { asPeopleSee } from "./redacted.js";
import type { Origin } from "./role.js";
import { createScrape } from "./scrape.js";
import type { Served } from "./served.js";
import { createShown } from "./shown.js";

/** The HTTP API and the dashboard, as one function: what `web` gives back. */
export interface Web {
  /** Answers a request. `where` is where it comes from, as far as that is known. */
  (request: Request, where?: Origin): Promise<Response>;
  /** The same function. */
  readonly fetch: (request: Request, where?: Origin) => Promise<Response>;
  /** Ends the live streams. What is asked afterwards is answered, without streams. */
  close(): void;
}

/**
 * The HTTP API and the dashboard of a client, for whatever serves HTTP.
 *
 * @throws InvalidOptionError: at once; also when nothing says who may do what
 * @example
 * const jobs = web(duckdive, { base: "/jobs", authorize: (request) => (isAdmin(request) ? "operate" : undefined) });
 * app.all("/jobs/*", (context) => jobs(context.req.raw)); // Hono
 */
export function web(client: Served, options: WebOptions = {}): Web {
  const duckdive = asPeopleSee(client);
  const settings = settingsOf(options);
  const { base, log } = settings;
  const shown = createShown(settings.redact);
  const access = createAccess({ ...settings, now: Date.now });
  const api = createApi({ ...settings, duckdive, shown });

  const pages = createPages({
    duckdive,
    shown,
    onUnexpected: (error, { req }) => log.error("a page failed", { path: req.path, error }),
  });

  const app = new Hono<WebEnvironment>({ getPath: ({ url }) => pathIn(url, base) });
  app.use(async (context, next) => {
    await next();
    protect(context.res.headers);
  });
  app.use(access.guard);
  app.use(limitBody(new Set(["/api/runs/many"])));
  app.post("/sign-in", access.signIn);
  app.post("/sign-out", access.signOut);
  app.get("/metrics", createScrape(duckdive));
  app.route("/api", api.app);
  app.route("/", pages);
  app.notFound(() =>
    answerTo(
      refused("NO_SUCH_ROUTE", "There is nothing at this address. GET /api/openapi.json says what there is."),
    ),
  );
  app.onError((error, { req }) => {
    const { problem, isUnexpected } = problemOf(error);
    // Whoever has left meanwhile has ended what was done for it, and that is no failure.
    if (isUnexpected && !req.raw.signal.aborted)
      log.error("a request failed", { method: req.method, status: problem.status, error });
    return problemResponse(problem, error instanceof Refusal ? error.headers : {});
  });

  const answer = async (request: Request, where: Origin = {}): Promise<Response> => app.fetch(request, where);
  return Object.assign(answer, { fetch: answer, close: api.close });
}

function answerTo({ problem, headers }: Refusal): Response {
  return problemResponse(problem, headers);
}

/** The path below the base, whether whoever mounted it has taken the base off already or not. */
function pathIn(url: string, base: string): string {
  const { pathname } = new URL(url);
  if (base === "" || (pathname !== base && !pathname.startsWith(`${base}/`))) return pathname;
  return pathname.slice(base.length) || "/";
}
