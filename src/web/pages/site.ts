// What a page has to know of the request that asks for it: who asks, when it is, what was just done.
//
// The time is the store's, since everything on a page was written by its clock; it comes with the counts of the hour, which
// every page reads for the bar.
//
// Before this file comes access. After it come the pages.
import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import type { Metrics } from "../../queue/index.js";
import type { WebEnvironment } from "../environment.js";
import type { Served } from "../served.js";
import { actions, doneText } from "./confirm.js";
import type { Site } from "./markup.js";

const themeCookie = "duckdive_theme";
const aYear = 365 * 24 * 60 * 60;

export async function siteOf(
  context: Context<WebEnvironment>,
  { duckdive, assets }: { readonly duckdive: Served; readonly assets: Site["assets"] },
): Promise<{ readonly site: Site; readonly hour: Metrics }> {
  const hour = await duckdive.metrics({ since: "1h" });
  const failing = Object.values(hour.jobs).filter((points) => points.some(({ failed }) => failed > 0)).length;
  return {
    hour,
    site: {
      ...quietSite(context, assets, hour.now),
      failing,
      notice: noticeOf(context.req.query("done") ?? ""),
    },
  };
}

/** The same where the store cannot be asked. */
export function quietSite(context: Context<WebEnvironment>, assets: Site["assets"], now: Date): Site {
  const theme = getCookie(context, themeCookie);
  const { search } = new URL(context.req.url);
  return {
    role: context.get("role"),
    base: context.get("base"),
    session: context.get("session"),
    now,
    address: `${context.req.path}${search}`,
    theme: theme === "light" || theme === "dark" ? theme : undefined,
    failing: 0,
    notice: undefined,
    assets,
  };
}

/** A link of the foot: it is kept in a cookie, and the page comes back without it. Undefined: the request is no such link. */
export function themeAnswer(context: Context<WebEnvironment>): Response | undefined {
  const theme = context.req.query("theme");
  if (theme !== "auto" && theme !== "light" && theme !== "dark") return undefined;
  const { searchParams } = new URL(context.req.url);
  searchParams.delete("theme");
  const query = searchParams.toString();
  const base = context.get("base");
  setCookie(context, themeCookie, theme, {
    path: base === "" ? "/" : base,
    sameSite: "Lax",
    maxAge: aYear,
    httpOnly: true,
  });
  return context.redirect(`${base}${context.req.path}${query === "" ? "" : `?${query}`}`, 303);
}

const notices: Readonly<Record<string, string>> = {
  paused: "It is paused. What runs goes on, and nothing more is started.",
  resumed: "It is resumed.",
  set: "It is set. Workers hear of it within ten seconds.",
  triggered: "A run was made.",
  signalled: "The signal was sent.",
  enqueued: "The run is recorded.",
};

/** What was done, from the address that a form leads to: only of what is known here. */
function noticeOf(done: string): string | undefined {
  const [name = "", number = ""] = done.split(".");
  const action = actions.find((one) => one === name);
  if (action !== undefined && /^\d{1,15}$/.test(number)) return doneText(action, Number(number));
  return Object.hasOwn(notices, done) ? notices[done] : undefined;
}
