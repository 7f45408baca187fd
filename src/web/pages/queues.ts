// Queues: a line for each, and a page for one with its charts, its jobs' pace, and what an operator does with it.
//
// Before this file come the facts of the overview. After it come the overview and the layout.
import type { Metrics, MetricsPoint, QueueState, WorkerState } from "../../queue/index.js";
import { atMost, isLate, slotsOf, type Usual } from "../sentences.js";
import { finishedChart, spark, waitChart } from "./charts.js";
import { ago, count, type Html, html, lasting, many, type Site, to, toNamed } from "./markup.js";
import { icon } from "./states.js";

export interface QueueFacts {
  readonly now: Date;
  readonly queues: readonly QueueState[];
  readonly workers: readonly WorkerState[];
  readonly hour: Metrics;
  readonly usual: Usual;
}

export function queuesPage(site: Site, facts: QueueFacts): Html {
  const paused = facts.queues.filter((queue) => queue.paused).length;
  return html`<div class="title-bar"><h1>Queues</h1></div>
<p class="when">${many(facts.queues.length, "queue")}${paused === 0 ? "" : `, ${paused === 1 ? "one of them" : count(paused)} paused`}. A pause lets what runs go on, and starts nothing more.</p>
<section data-live="queues"><div class="head"><h2 class="sr">All queues</h2></div>${queueRows(site, facts)}</section>`;
}

export function queueRows(site: Site, facts: QueueFacts): Html {
  if (facts.queues.length === 0)
    return html`<p class="empty">No queue yet. A job names its queue, <code>job({ name, queue: "mail" })</code>, and it is here as soon as a worker has the job, or a run is in it. <a class="go" href="${to(site, "/workers")}">Start a worker</a></p>`;
  return html`<table class="t"><colgroup><col><col class="w4"><col class="w6"><col class="w8"><col class="w7 sm"><col class="w5 sm"></colgroup><thead><tr><th scope="col">Queue</th><th scope="col" class="n">Ready</th><th scope="col" class="n">Running</th><th scope="col" class="n">Oldest wait</th><th scope="col" class="sm" colspan="2">Throughput</th></tr></thead><tbody>${facts.queues.map((queue) => queueRow(site, queue, facts))}</tbody></table>`;
}

function queueRow(site: Site, queue: QueueState, facts: QueueFacts): Html {
  const points = facts.hour.queues[queue.name] ?? [];
  const pace = paceOf(points);
  const aside = queue.waiting > 0 ? html` <span class="dim">${count(queue.waiting)} waiting</span>` : "";
  const slots = slotsOf(queue, facts.workers);
  const running =
    queue.paused && queue.running === 0
      ? html`<span class="dim">paused</span>`
      : html`${count(queue.running)} <span class="dim">of ${count(slots)}</span>`;
  return html`<tr data-key="${queue.name}"${queue.paused ? html` class="off"` : ""}><td><a class="name" href="${toNamed(site, "/queues", queue.name)}">${queue.name}</a>${aside}</td><td class="n">${count(queue.ready)}</td><td class="n">${running}</td><td class="n">${oldestWait(queue, facts)}</td><td class="sm">${spark(points.slice(0, -1).map(finishedIn), `${queue.name}: ${pace} runs a minute`)}</td><td class="n sm">${pace}</td></tr>`;
}

function oldestWait(queue: QueueState, facts: QueueFacts): Html {
  if (queue.oldest === undefined) return html`<span class="dim">none</span>`;
  const text = lasting(facts.now.getTime() - queue.oldest.getTime());
  if (!isLate(queue, facts)) return html`${text}`;
  return html`<span class="st over">${icon("waiting")}${text}<span class="sr">, late</span></span>`;
}

function finishedIn({ succeeded, failed, cancelled }: MetricsPoint): number {
  return succeeded + failed + cancelled;
}

function paceOf(points: readonly MetricsPoint[]): string {
  const whole = points.slice(0, -1);
  if (whole.length === 0) return "0";
  const pace = whole.reduce((sum, point) => sum + finishedIn(point), 0) / whole.length;
  return pace > 0 && pace < 1 ? "<1" : count(pace);
}

// ── One queue ───────────────────────────────────────────────────────────────────────────────────────────────────

export function queuePage(
  site: Site,
  queue: QueueState,
  facts: QueueFacts & { readonly metrics: Metrics },
): Html {
  const empty = Array.from({ length: facts.metrics.points.length }, (_, place) =>
    nothingAt(facts.metrics.points[place]?.at ?? facts.now),
  );
  const points = facts.metrics.queues[queue.name] ?? empty;
  const address = toNamed(site, "/queues", queue.name);
  return html`<p class="crumb"><a href="${to(site, "/queues")}">Queues</a></p>
<div class="run-head"><div><h1>${queue.name}</h1>
<p class="lead" data-live="lead">${leadOf(queue, facts)}</p></div>
${actions(site, queue, address)}</div>
<dl class="kv" data-live="facts">
<div><dt>Ready</dt><dd><a href="${to(site, "/runs", { queue: queue.name, state: "ready" })}">${count(queue.ready)}</a></dd></div>
<div><dt>Running</dt><dd><a href="${to(site, "/runs", { queue: queue.name, state: "running" })}">${count(queue.running)}</a><small>of ${many(slotsOf(queue, facts.workers), "slot")}</small></dd></div>
<div><dt>Waiting</dt><dd><a href="${to(site, "/runs", { queue: queue.name, state: "waiting" })}">${count(queue.waiting)}</a></dd></div>
<div><dt>Scheduled</dt><dd><a href="${to(site, "/runs", { queue: queue.name, state: "scheduled" })}">${count(queue.scheduled)}</a></dd></div>
<div><dt>Oldest wait</dt><dd>${oldestWait(queue, facts)}<small>${usualText(queue, facts.usual)}</small></dd></div>
<div><dt>Workers</dt><dd><a href="${to(site, "/workers")}">${count(drawing(queue, facts.workers))}</a><small>draw from it</small></dd></div>
</dl>
<p class="switch">${spanLinks(site, address, facts.metrics.every)}</p>
<div class="two"><section>${finishedChart(points, facts.metrics.every)}</section><section>${waitChart(points, facts.metrics.every)}</section></div>
${slotsForm(site, queue, address)}`;
}

function nothingAt(at: Date): MetricsPoint {
  return { at, succeeded: 0, failed: 0, cancelled: 0, retried: 0, ran: undefined, wait: undefined };
}

function leadOf(queue: QueueState, facts: QueueFacts): Html {
  if (queue.paused)
    return html`${icon("waiting")}<span><b>Paused.</b> ${many(queue.ready, "run")} ${queue.ready === 1 ? "is" : "are"} ready and nothing more is started until it is resumed.</span>`;
  if (queue.heldUntil !== undefined && queue.heldUntil > facts.now)
    return html`${icon("waiting")}<span><b>Held back</b>, because a handler said that it is rate limited. It goes on ${ago(queue.heldUntil, facts.now)}.</span>`;
  if (isLate(queue, facts))
    return html`${icon("waiting")}<span><b>Late.</b> Its oldest run has waited ${lasting(facts.now.getTime() - (queue.oldest?.getTime() ?? 0))}. ${usualText(queue, facts.usual)}</span>`;
  if (drawing(queue, facts.workers) === 0 && queue.ready > 0)
    return html`${icon("waiting")}<span><b>Nobody draws from it.</b> Start a worker that does.</span>`;
  return html`${icon("succeeded")}<span>On time.</span>`;
}

function usualText({ name }: QueueState, { waits }: Usual): string {
  const own = waits.get(name);
  return own === undefined ? "Its usual wait is not known yet." : `Its usual wait is under ${atMost(own)}.`;
}

function drawing(queue: QueueState, workers: readonly WorkerState[]): number {
  return workers.filter((worker) => slotsOf(queue, [worker]) > 0).length;
}

function actions(site: Site, queue: QueueState, address: string): Html {
  if (site.role !== "operate") return html``;
  const action = queue.paused ? "resume" : "pause";
  return html`<form class="btns" method="post" action="${address}"><button class="btn${queue.paused ? " main" : ""}" name="action" value="${action}">${queue.paused ? "Resume" : "Pause"}</button></form>`;
}

function spanLinks(site: Site, address: string, every: number): Html {
  const isHour = every === 60_000;
  return html`Charts of <a href="${address}"${isHour ? html` aria-current="true"` : ""}>the last hour</a>, <a href="${address}?since=24h"${site.address.endsWith("24h") ? html` aria-current="true"` : ""}>24 hours</a>, <a href="${address}?since=7d"${site.address.endsWith("7d") ? html` aria-current="true"` : ""}>7 days</a>`;
}

function slotsForm(site: Site, queue: QueueState, address: string): Html {
  if (site.role !== "operate") return html``;
  const now =
    queue.slots === undefined
      ? "Each worker has its own number of slots for it."
      : `Each worker has ${many(queue.slots, "slot")} for it, as somebody has set.`;
  return html`<section><div class="head"><h2>Slots</h2><p>${now}</p></div>
<form class="inline" method="post" action="${address}"><label for="slots">Slots in each worker</label> <input class="field" id="slots" name="slots" type="number" min="0" max="10000" value="${queue.slots ?? ""}" required> <button class="btn" name="action" value="slots">Set</button>${queue.slots === undefined ? "" : html` <button class="btn" name="action" value="own-slots" formnovalidate>Give each its own again</button>`}</form></section>`;
}
