// The frame of every page: the bar with the pages and the clock, the icons, and the foot with the theme.
//
// No script stands in it and no style: the policy of the site forbids both, so one stylesheet and one script are all there is.
//
// Before this file come the pages' own parts. After it comes the browser.
import { clock, type Html, html, type Site, to } from "./markup.js";

export interface Content {
  readonly title: string;
  /** Which of the pages in the bar this is, or belongs to. */
  readonly part?: string;
  readonly body: Html;
  /** How often the script looks for news, in milliseconds; absent: never. */
  readonly refresh?: number;
}

const pages = [
  ["Overview", "/"],
  ["Runs", "/runs"],
  ["Failures", "/failures"],
  ["Queues", "/queues"],
  ["Schedules", "/schedules"],
  ["Batches", "/batches"],
  ["Workers", "/workers"],
] as const;

export function layout(site: Site, { title, part, body, refresh }: Content): Html {
  return html`<!doctype html>
<html lang="en"${site.theme === undefined ? "" : html` data-theme="${site.theme}"`}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · duckdive</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${site.base}/assets/${site.assets.style}">
<script src="${site.base}/assets/${site.assets.script}" defer></script>
</head>
<body${refresh === undefined ? "" : html` data-refresh="${refresh}"`}>
<a class="skip" href="#main">Skip to content</a>
${icons}
<header class="top">
<a class="brand" href="${to(site, "/")}">${mark}duckdive</a>
<nav class="nav" aria-label="Pages">${pages.map(([name, path]) => pageLink(site, name, path, part))}</nav>
<div class="end"><span class="live" data-live="clock"><span class="sr">The store's clock: </span>${clock(site.now)}</span></div>
</header>
<main class="page" id="main" tabindex="-1">
${site.notice === undefined ? "" : html`<p class="notice" role="status">${site.notice}</p>`}
${body}
</main>
<footer class="foot"><span>duckdive</span><span data-times>Times are UTC.</span>${signedIn(site)}<span class="push">Theme: ${themeLinks(site)}</span></footer>
</body>
</html>`;
}

function pageLink(site: Site, name: string, path: string, part: string | undefined): Html {
  const current = name === part ? html` aria-current="page"` : "";
  const failing =
    name === "Failures"
      ? html`<span class="count" data-live="failing">${site.failing > 0 ? site.failing : ""}${site.failing > 0 ? html`<span class="sr"> ${site.failing === 1 ? "job" : "jobs"} failing</span>` : ""}</span>`
      : "";
  return html`<a href="${to(site, path)}"${current}>${name}${failing}</a>`;
}

function themeLinks(site: Site): Html {
  const [path = "/", search = ""] = site.address.split("?");
  const link = (theme: string, name: string) => {
    const query = new URLSearchParams(search);
    query.set("theme", theme);
    const isIt = (site.theme ?? "auto") === theme;
    return html`<a href="${site.base}${path}?${query.toString()}"${isIt ? html` aria-current="true"` : ""}>${name}</a>`;
  };
  return html`${link("auto", "system")}, ${link("light", "light")}, ${link("dark", "dark")}`;
}

function signedIn(site: Site): Html {
  const may = site.role === "read" ? html`<span>You may look, and not act.</span>` : "";
  if (!site.session) return html`${may}`;
  return html`${may}<form method="post" action="${to(site, "/sign-out")}"><button class="plain">Sign out</button></form>`;
}

const mark = html`<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M2 13.5C6.2 13.5 6.6 4.5 13 4.5c4.2 0 6.5 2.7 6.5 5.2 0 2-1.5 3.3-3.2 3.3-1.4 0-2.4-.9-2.4-2.1"/><path d="M5 17.2c4.2 2.6 10 3.2 16 1.3"/></svg>`;

const icons = html`<svg width="0" height="0" class="defs" aria-hidden="true" focusable="false"><defs>
<symbol id="scheduled" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="M8 4.8V8l2.3 1.6"/></symbol>
<symbol id="ready" viewBox="0 0 16 16"><circle cx="8" cy="8" r="4.6"/></symbol>
<symbol id="running" viewBox="0 0 16 16"><path d="M4.5 2.8v10.4L13 8z" fill="currentColor"/></symbol>
<symbol id="waiting" viewBox="0 0 16 16"><path d="M5.2 3.2v9.6M10.8 3.2v9.6" stroke-width="2.75"/></symbol>
<symbol id="succeeded" viewBox="0 0 16 16"><path d="M2.8 8.6 6.3 12l7-7.8"/></symbol>
<symbol id="failed" viewBox="0 0 16 16"><path d="M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5z" fill="currentColor"/><path d="m5.7 5.7 4.6 4.6m0-4.6-4.6 4.6" stroke="var(--page)"/></symbol>
<symbol id="cancelled" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6"/><path d="m4 12 8-8"/></symbol>
<symbol id="worker" viewBox="0 0 16 16"><rect x="2.2" y="3" width="11.6" height="10" rx="1.5"/><path d="M5 10.4V8m3 2.4V5.8m3 4.6V7.2"/></symbol>
</defs></svg>`;
