// Batches: runs that are counted together, and how far each is.
//
// Before this file come the batches of the client. After it comes the layout.
import type { BatchState } from "../../queue/index.js";
import { ago, count, type Html, html, many, type Site, short, to } from "./markup.js";
import { icon } from "./states.js";

export function batchesPage(site: Site, batches: readonly BatchState[], older: string | undefined): Html {
  const open = batches.filter(({ finishedAt }) => finishedAt === undefined).length;
  return html`<div class="title-bar"><h1>Batches</h1></div>
<p class="when" data-live="lead">${batches.length === 0 ? "No runs are counted together yet." : `${many(open, "batch", "batches")} of these ${open === 1 ? "goes" : "go"} on. Newest first.`}</p>
<section data-live="batches"><div class="head"><h2 class="sr">All batches</h2></div>${batches.length === 0 ? none : rows(site, batches)}</section>
<nav class="pager" aria-label="More batches"><span class="push"></span>${older === undefined ? "" : html`<a class="btn" href="${to(site, "/batches", { before: older })}">Older</a>`}</nav>`;
}

const none = html`<p class="empty">A batch counts runs together and tells a job when all have ended: <code>duckdive.batch(lines.map((line) => row.with({ line })), { name: "import", onFinished: done })</code>. How far each is stands here.</p>`;

function rows(site: Site, batches: readonly BatchState[]): Html {
  return html`<table class="t"><colgroup><col><col class="w7"><col class="w12 sm"><col class="w6"><col class="w6 sm"><col class="w6 md"><col class="w6 sm"></colgroup><thead><tr><th scope="col">Batch</th><th scope="col">State</th><th scope="col" class="sm"><span class="sr">Progress</span></th><th scope="col" class="n">Ended</th><th scope="col" class="n sm">Failed</th><th scope="col" class="n md">Cancelled</th><th scope="col" class="n sm">Begun</th></tr></thead><tbody>${batches.map((batch) => row(site, batch))}</tbody></table>`;
}

function row(site: Site, batch: BatchState): Html {
  const { id, name, total, succeeded, failed, cancelled, createdAt, finishedAt } = batch;
  const ended = succeeded + failed + cancelled;
  const state =
    finishedAt === undefined
      ? html`<span class="st">${icon("running")}goes on</span>`
      : succeeded === total
        ? html`<span class="st succeeded">${icon("succeeded")}succeeded</span>`
        : html`<span class="st${failed > 0 ? " failed" : ""}">${icon(failed > 0 ? "failed" : "cancelled")}finished</span>`;
  return html`<tr data-key="${id}"><td><span class="name">${name}</span> <span class="dim mono sm">${short(id)}</span><span class="sub ph">${ago(createdAt, site.now)}</span></td><td>${state}</td><td class="sm"><progress max="${Math.max(1, total)}" value="${ended}" aria-label="${name}: ${ended} of ${total} ended">${ended} of ${total}</progress></td><td class="n">${count(ended)} <span class="dim">of ${count(total)}</span></td><td class="n sm">${failed === 0 ? html`<span class="dim">0</span>` : html`<b>${count(failed)}</b>`}</td><td class="n md">${count(cancelled)}</td><td class="n sm">${ago(createdAt, site.now)}</td></tr>`;
}
