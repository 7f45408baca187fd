// Failures, grouped by job and error: what is broken, since when, how often, and one way to try all of it again.
//
// Before this file come the groups. After it come the overview and the layout.
import type { FailureGroup } from "../failure-groups.js";
import { failurePath } from "../sentences.js";
import { failureSpark } from "./charts.js";
import { ago, count, type Html, html, many, type Site, to } from "./markup.js";

export const spans = { "1h": "the last hour", "24h": "the last 24 hours", "7d": "the last 7 days" } as const;
export type Span = keyof typeof spans;

export function failuresPage(
  site: Site,
  groups: readonly FailureGroup[],
  about: { readonly span: Span; readonly isCut: boolean },
): Html {
  const runs = groups.reduce((sum, group) => sum + group.runs, 0);
  const lead =
    runs === 0
      ? `No run has failed in ${spans[about.span]}.`
      : `${many(runs, "run")} of ${many(new Set(groups.map(({ job }) => job)).size, "job")} failed in ${spans[about.span]}, in ${many(groups.length, "way")}.`;
  const cut = about.isCut ? " Only the newest thousand failures were looked at." : "";
  return html`<div class="title-bar"><h1>Failures</h1></div>
<p class="when" data-live="lead">${lead}${cut}</p>
<p class="switch">Failures of ${Object.entries(spans).map(([span, name], place) => html`${place === 0 ? "" : ", "}<a href="${to(site, "/failures", { since: span })}"${span === about.span ? html` aria-current="true"` : ""}>${name}</a>`)}</p>
<section data-live="failures"><div class="head"><h2 class="sr">By job and error</h2></div>${groups.length === 0 ? none(site) : failureRows(site, groups)}</section>`;
}

function none(site: Site): Html {
  return html`<p class="empty">When a run fails for good, its attempts used up, it is grouped here by job and error, with one button to retry the whole group. Attempts that fail and are tried again are no failures: they stand with their run. <a class="go" href="${to(site, "/runs", { state: "scheduled" })}">Runs that will be tried again</a></p>`;
}

export function failureRows(site: Site, groups: readonly FailureGroup[]): Html {
  return html`<table class="t"><colgroup><col><col class="w4"><col class="w6 sm"><col class="w6"><col class="w6 sm"></colgroup><thead><tr><th scope="col">Job and error</th><th scope="col" class="n">Runs</th><th scope="col" class="sm">When</th><th scope="col" class="n">Last</th><th scope="col" class="sm"><span class="sr">Act</span></th></tr></thead><tbody>${groups.map((group) => failureRow(site, group))}</tbody></table>`;
}

function failureRow(site: Site, group: FailureGroup): Html {
  const { job, error, message, runs, last, when } = group;
  const path = `${site.base}${failurePath(group)}`;
  const act =
    site.role === "operate"
      ? html`<a class="go" href="${to(site, "/act", { action: "retry", all: "1", state: "failed", job, error })}">Retry ${count(runs)}…<span class="sr"> runs of ${job}</span></a>`
      : "";
  return html`<tr class="tall" data-key="${job} ${error}"><td><a class="name" href="${path}">${job}</a><span class="sub" title="${message}"><span class="soft">${error}:</span> ${message}</span></td><td class="n"><b>${count(runs)}</b></td><td class="sm">${failureSpark(when, `${many(runs, "failure")} of ${job}`)}</td><td class="n">${ago(last, site.now)}</td><td class="n sm">${act}</td></tr>`;
}
