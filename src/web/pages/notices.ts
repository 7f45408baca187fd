// Pages that say one thing: that nothing is here, that something went wrong, that somebody has to sign in.
//
// Before this file come refusals and errors. After it comes the layout.
import type { Problem } from "../problem.js";
import { type Html, html, type Site, to } from "./markup.js";

export function problemPage(site: Pick<Site, "base">, problem: Problem): Html {
  return html`<h1>That did not work</h1><p class="lead">${problem.detail}</p><p class="btns confirm"><a class="btn main" href="${to(site, "/")}">Overview</a><a class="btn" href="${to(site, "/runs")}">Runs</a></p>`;
}

export function missingPage(site: Pick<Site, "base">, what: string, why: string): Html {
  return html`<h1>${what}</h1><p class="lead">${why}</p><p class="btns confirm"><a class="btn main" href="${to(site, "/runs")}">Runs</a><a class="btn" href="${to(site, "/")}">Overview</a></p>`;
}

export function signInPage(
  base: string,
  assets: Site["assets"],
  about: { readonly next: string; readonly hasFailed: boolean },
): Html {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Sign in · duckdive</title><link rel="icon" href="data:,"><link rel="stylesheet" href="${base}/assets/${assets.style}"></head>
<body><main class="page signin" id="main"><h1>Sign in to duckdive</h1>
<p class="when">With the token that the server was started with, <code>duckdive serve --token</code>, or its read token.</p>
${about.hasFailed ? html`<p class="wrong" role="alert">That token is not the right one.</p>` : ""}
<form method="post" action="${base}/sign-in"><input type="hidden" name="next" value="${about.next}"><label for="token">Token</label><input class="field" id="token" name="token" type="password" autocomplete="current-password" required autofocus><button class="btn main">Sign in</button></form>
</main></body></html>`;
}
