// Who may do what: every request passes here before anything answers it.
//
//   where from   a page of another site may not act, and may not read the API; with `loopback` the host must be this machine
//   who          a token in the header, a cookie of somebody who signed in with one, or what the application's own
//                `authorize` says
//   what         `read` looks, `operate` also acts: everything that is not GET or HEAD
//
// Signing in and out is here as well, because it is about the same tokens; the page with the form is one of the pages.
//
// Before this file comes the mounting. After it come the API and the pages, which read the role from the context.
import type { MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { createAttempts } from "./attempts.js";
import type { WebContext, WebEnvironment } from "./environment.js";
import { isFromElsewhere, isLoopbackName } from "./origin.js";
import { type Refusal, refused } from "./problem.js";
import type { Authorize, Role } from "./role.js";
import { cookieName, roleOfSession, roleOfToken, sessionOf, sessionSeconds, type Tokens } from "./session.js";

export interface AccessOptions {
  readonly tokens: Tokens;
  readonly authorize: Authorize | undefined;
  /** Whoever reaches this may do everything, as long as the host that is asked for is this machine itself. */
  readonly loopback: boolean;
  readonly base: string;
  readonly now: () => number;
}

export interface Access {
  /** Refuses, or sets `role` and goes on. */
  readonly guard: MiddlewareHandler<WebEnvironment>;
  readonly signIn: (context: WebContext) => Promise<Response>;
  readonly signOut: (context: WebContext) => Response;
}

/** What somebody must be able to see who has not signed in. */
const open = /^\/(?:sign-in|assets\/[^/]+)$/;

export function createAccess(options: AccessOptions): Access {
  const { tokens, authorize, loopback, base, now } = options;
  const attempts = createAttempts(now);
  const cookiePath = base === "" ? "/" : base;
  const hasTokens = tokens.operate !== undefined || tokens.read !== undefined;

  /** The role of a token, or why it is not even looked at. */
  function judgeToken(context: WebContext, given: string): Role | undefined {
    const address = context.env?.address ?? "unknown";
    const wait = attempts.blockedFor(address);
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1_000);
      throw refused("TOO_MANY_ATTEMPTS", `Too many wrong tokens came from there. Wait ${seconds} s.`, {
        headers: { "retry-after": String(seconds) },
      });
    }
    const role = roleOfToken(tokens, given);
    if (role === undefined) attempts.wrong(address);
    else attempts.right(address);
    return role;
  }

  async function roleOf(context: WebContext): Promise<Role | undefined> {
    if (hasTokens) {
      const bearer = bearerOf(context.req.raw.headers);
      if (bearer !== undefined) {
        const role = judgeToken(context, bearer);
        if (role !== undefined) return role;
        if (authorize === undefined) throw wrongToken();
      }
      const cookie = getCookie(context, cookieName);
      const role = cookie === undefined ? undefined : roleOfSession(tokens, cookie, now());
      if (role !== undefined) {
        context.set("session", true);
        return role;
      }
    }
    if (authorize !== undefined) return acceptedRole(await authorize(context.req.raw));
    return loopback && !hasTokens ? "operate" : undefined;
  }

  return {
    async guard(context, next) {
      const { method, path } = context.req;
      const url = new URL(context.req.url);
      const acts = method !== "GET" && method !== "HEAD";
      context.set("base", base);
      context.set("session", false);
      if (loopback && !isLoopbackName(url.hostname)) throw otherHost(url.host);
      if ((acts || isApi(path)) && isFromElsewhere(context.req.raw.headers, url.host)) throw otherOrigin();
      if (open.test(path)) return next();
      const role = await roleOf(context);
      if (role === undefined) {
        const mayBeAsked = !isApi(path) && !acts && hasTokens;
        if (mayBeAsked) return context.redirect(signInPage(base, `${path}${url.search}`), 303);
        throw notSignedIn(hasTokens);
      }
      if (acts && role !== "operate" && path !== "/sign-out") throw notAllowed();
      context.set("role", role);
      return next();
    },
    async signIn(context) {
      const { token, next } = await context.req.parseBody();
      const target = pathInside(typeof next === "string" ? next : "/");
      const role = hasTokens && typeof token === "string" ? judgeToken(context, token) : undefined;
      if (role === undefined) return context.redirect(`${signInPage(base, target)}&failed=1`, 303);
      setCookie(context, cookieName, sessionOf(tokens, role, now()), {
        path: cookiePath,
        httpOnly: true,
        sameSite: "Strict",
        secure: isSecure(context),
        maxAge: sessionSeconds,
      });
      return context.redirect(`${base}${target}`, 303);
    },
    signOut(context) {
      deleteCookie(context, cookieName, { path: cookiePath });
      return context.redirect(`${base}/sign-in`, 303);
    },
  };
}

/** As far as a browser is concerned; a proxy says so, and whoever pretends to be one only gets a cookie that is sent less. */
function isSecure({ req }: WebContext): boolean {
  return new URL(req.url).protocol === "https:" || req.header("x-forwarded-proto") === "https";
}

/** What programs ask for. */
function isApi(path: string): boolean {
  return path === "/metrics" || path === "/api" || path.startsWith("/api/");
}

/** A path of ours and nothing else: whoever signs in is not sent elsewhere. */
function pathInside(path: string): string {
  return /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path) ? path : "/";
}

function signInPage(base: string, next: string): string {
  return `${base}/sign-in?next=${encodeURIComponent(pathInside(next))}`;
}

function bearerOf(headers: Headers): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function acceptedRole(role: unknown): Role | undefined {
  if (role === "read" || role === "operate") return role;
  if (role === undefined || role === false || role === null) return undefined;
  // Not the fault of whoever asks: it is logged, and answered as any failure is.
  throw new TypeError(
    'The authorize of web() answered something that is no role. Let it answer "read", "operate" or undefined.',
  );
}

const challenge = { headers: { "www-authenticate": 'Bearer realm="duckdive"' } };

function notSignedIn(hasTokens: boolean): Refusal {
  const how = hasTokens
    ? "Send the token: Authorization: Bearer TOKEN."
    : "The application did not let it pass.";
  return refused("NOT_SIGNED_IN", `Nobody is signed in. ${how}`, challenge);
}

function wrongToken(): Refusal {
  return refused("WRONG_TOKEN", "The token in the Authorization header is not the right one.", challenge);
}

function notAllowed(): Refusal {
  return refused("NOT_ALLOWED", "This token may look and not act. Use the one that may operate.");
}

function otherOrigin(): Refusal {
  return refused(
    "OTHER_ORIGIN",
    "The request comes from a page of another site, by its Sec-Fetch-Site or Origin header. Only this site's own pages, and programs, are answered.",
  );
}

function otherHost(host: string): Refusal {
  return refused(
    "OTHER_HOST",
    `The request is for host ${JSON.stringify(host)}, and without a token only localhost, 127.0.0.1 and [::1] are answered. Behind a proxy, set a token.`,
  );
}
