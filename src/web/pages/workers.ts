// Workers: who is alive and how busy, who has left or died, and what became of what those held.
//
// Before this file come the workers of the client. After it come the overview and the layout.
import type { DepartedState, WorkerState } from "../../queue/index.js";
import { workerName } from "../sentences.js";
import { slotsBar } from "./charts.js";
import { ago, count, type Html, html, many, roughly, type Site, short, to } from "./markup.js";
import { icon } from "./states.js";

export interface WorkerFacts {
  readonly now: Date;
  readonly workers: readonly WorkerState[];
  /** Lately. */
  readonly departed: readonly DepartedState[];
}

export function workersPage(site: Site, facts: WorkerFacts): Html {
  const { workers, departed, now } = facts;
  const dead = departed.filter(
    ({ how, endedAt }) => how === "lost" && now.getTime() - endedAt.getTime() < 3_600_000,
  );
  const busy = workers.reduce((sum, { running }) => sum + running, 0);
  const slots = workers.reduce((sum, worker) => sum + slotsIn(worker), 0);
  const deadText =
    dead.length === 0 ? "" : ` ${dead.length === 1 ? "One" : count(dead.length)} died within the hour.`;
  return html`<div class="health"><h1 data-live="headline">${workers.length === 0 ? "No worker is alive." : `${many(workers.length, "worker")} ${workers.length === 1 ? "is" : "are"} alive.`}${deadText}</h1>
<p class="when" data-live="summary">${count(busy)} of ${many(slots, "slot")} ${slots === 1 ? "is" : "are"} busy.</p></div>
<section data-live="workers"><div class="head"><h2>Living</h2><p>${many(workers.length, "worker")}</p></div>${workers.length === 0 ? none : living(site, workers)}</section>
<section data-live="departed"><div class="head"><h2>Gone</h2><p>kept for 7 days, so that a lost attempt can be explained</p></div>${departed.length === 0 ? html`<p class="empty">Nobody has left yet. Who stops or dies stands here, with how it ended and what became of its runs.</p>` : gone(site, departed)}</section>`;
}

const none = html`<p class="empty">A worker executes runs. Start one from a terminal, <code>duckdive work jobs.ts</code>, or inside your application, <code>duckdive.work()</code>; it is here within a second.</p>`;

function living(site: Site, workers: readonly WorkerState[]): Html {
  return html`<table class="t"><colgroup><col class="cw"><col class="w9 cs"><col class="w10 md"><col class="w6"><col class="md"><col class="w8 sm"><col class="w6 md"><col class="w5 lg"><col class="w7 sm"></colgroup><thead><tr><th scope="col">Worker</th><th scope="col">State</th><th scope="col" class="md">Slots</th><th scope="col" class="n">Busy</th><th scope="col" class="md">Queues</th><th scope="col" class="sm">Release</th><th scope="col" class="n md">Memory</th><th scope="col" class="n lg">Up</th><th scope="col" class="n sm">Heartbeat</th></tr></thead><tbody>${workers.map((worker) => livingRow(site, worker))}</tbody></table>`;
}

function livingRow(site: Site, worker: WorkerState): Html {
  const { id, running, report, queues, release, startedAt, heartbeatAt, runner } = worker;
  const slots = slotsIn(worker);
  const drawn = Object.entries(report?.queues ?? queues)
    .map(([name, number]) => `${name} ${number}`)
    .join(", ");
  const leaked =
    report === undefined || report.leaked === 0
      ? ""
      : html` <span class="dim">${many(report.leaked, "handler")} given up</span>`;
  return html`<tr data-key="${id}"><td><span class="name">${workerName(worker)}</span>${runner === undefined ? "" : html` <span class="dim mono sm">runner ${runner}</span>`}</td><td class="soft">${stateOf(worker)}${leaked}</td><td class="md">${slotsBar(running, slots)}</td><td class="n"><a href="${to(site, "/runs", { state: "running" })}">${count(running)}</a> <span class="dim">of ${count(slots)}</span></td><td class="md soft">${drawn}</td><td class="sm">${release ?? ""}</td><td class="n md">${report === undefined ? "" : `${count(report.memory / 1_048_576)}\u00a0MB`}</td><td class="n lg">${roughly(site.now.getTime() - startedAt.getTime())}</td><td class="n sm">${ago(heartbeatAt, site.now)}</td></tr>`;
}

function stateOf({ report }: WorkerState): string {
  if (report === undefined) return "starting";
  return { working: "working", quiet: "quiet", stopping: "draining" }[report.state];
}

function slotsIn({ queues, report }: WorkerState): number {
  return Object.values(report?.queues ?? queues).reduce((sum, one) => sum + one, 0);
}

function gone(site: Site, departed: readonly DepartedState[]): Html {
  return html`<table class="t wrap"><colgroup><col class="w12 cw"><col class="w9 cs"><col class="sm"><col><col class="w6 sm"></colgroup><thead><tr><th scope="col">Worker</th><th scope="col">How it ended</th><th scope="col" class="sm">Why</th><th scope="col">What became of its runs</th><th scope="col" class="n sm">When</th></tr></thead><tbody>${departed.map((worker) => goneRow(site, worker))}</tbody></table>`;
}

function goneRow(site: Site, worker: DepartedState): Html {
  const { id, how, cause, lost, runs, release, startedAt, endedAt } = worker;
  const up = `${release === undefined ? "" : `${release}, `}up ${roughly(endedAt.getTime() - startedAt.getTime())}`;
  const end =
    how === "lost"
      ? html`<span class="st failed">${icon("failed")}died</span>`
      : html`<span class="st succeeded">${icon("succeeded")}stopped</span>`;
  const became =
    lost === 0
      ? "It held none."
      : html`${many(lost, "run")} given back: ${runs.slice(0, 5).map((run, place) => html`${place === 0 ? "" : ", "}<a href="${to(site, `/runs/${run}`)}">${short(run)}</a>`)}${lost > 5 ? " …" : ""}`;
  return html`<tr class="tall" data-key="${id}"><td><span class="name">${workerName(worker)}</span><span class="sub">${up}<span class="ph"><br>${ago(endedAt, site.now)}</span></span></td><td>${end}</td><td class="sm soft">${cause ?? (how === "lost" ? "" : "it was told to")}</td><td>${became}</td><td class="n sm">${ago(endedAt, site.now)}</td></tr>`;
}

/** A few of them, for the overview; who died within the hour stands below the living. */
export function workerRows(site: Site, { workers, departed }: WorkerFacts): Html {
  const dead = departed.filter(({ how }) => how === "lost").slice(0, 3);
  if (workers.length === 0 && dead.length === 0) return none;
  const row = (worker: WorkerState) =>
    html`<tr data-key="${worker.id}"><td><a class="name" href="${to(site, "/workers")}">${workerName(worker)}</a></td><td class="soft">${stateOf(worker)}</td><td class="n">${count(worker.running)} <span class="dim">of ${count(slotsIn(worker))}</span></td><td class="sm">${slotsBar(worker.running, slotsIn(worker))}</td><td class="n sm">${ago(worker.heartbeatAt, site.now)}</td></tr>`;
  const deadRow = (worker: DepartedState) =>
    html`<tr class="off" data-key="${worker.id}"><td><a class="name" href="${to(site, "/workers")}">${workerName(worker)}</a></td><td><span class="st failed">${icon("failed")}died</span></td><td class="n"></td><td class="sm"></td><td class="n sm">${ago(worker.endedAt, site.now)}</td></tr>`;
  return html`<table class="t"><colgroup><col><col class="w7"><col class="w6"><col class="w8 sm"><col class="w6 sm"></colgroup><thead><tr><th scope="col">Worker</th><th scope="col">State</th><th scope="col" class="n">Busy</th><th scope="col" class="sm"><span class="sr">Slots</span></th><th scope="col" class="n sm">Heartbeat</th></tr></thead><tbody>${workers.slice(0, 8).map(row)}${dead.map(deadRow)}</tbody></table>${workers.length > 8 ? html`<p class="note"><a class="go" href="${to(site, "/workers")}">All ${count(workers.length)} workers</a></p>` : ""}`;
}
