// Schedules: when each ticks next, what became of its ticks, and pausing, resuming and running it now.
//
// Before this file come the schedules of the client. After it come the overview and the layout.
import type { PastTick, ScheduleState } from "../../queue/index.js";
import { ago, clock, type Html, html, lasting, many, type Site, to, toNamed } from "./markup.js";
import { icon, stateLabel } from "./states.js";
import { valueBlock } from "./values.js";

export function schedulesPage(site: Site, schedules: readonly ScheduleState[]): Html {
  const active = schedules.filter(({ state }) => state === "active").length;
  return html`<div class="title-bar"><h1>Schedules</h1></div>
<p class="when" data-live="lead">${schedules.length === 0 ? "Nothing is done by the clock yet." : `${many(schedules.length, "schedule")}, ${active} of them active.`}</p>
<section data-live="schedules"><div class="head"><h2 class="sr">All schedules</h2></div>${schedules.length === 0 ? none : rows(site, schedules)}</section>`;
}

const none = html`<p class="empty">A schedule enqueues a run at its times, once for each tick however many workers there are. Write one in code, <code>schedule("nightly", report, { cron: "0 3 * * *", timeZone: "Europe/Lisbon" })</code>, and give it to <code>open(store, { schedules })</code>; or make one at run time with <code>duckdive.schedule("nightly").create(report, { cron: "0 3 * * *" })</code>.</p>`;

function rows(site: Site, schedules: readonly ScheduleState[]): Html {
  return html`<table class="t"><colgroup><col><col class="md"><col class="sm"><col class="w7 sm"><col class="w9 md"><col class="w6"><col class="w10 act"></colgroup><thead><tr><th scope="col">Schedule</th><th scope="col" class="md">Job</th><th scope="col" class="sm">Times</th><th scope="col" class="sm">State</th><th scope="col" class="md">Last tick</th><th scope="col" class="n">Next</th><th scope="col"><span class="sr">Act</span></th></tr></thead><tbody>${schedules.map((one) => row(site, one))}</tbody></table>`;
}

function row(site: Site, schedule: ScheduleState): Html {
  const { name, job, state, last, next } = schedule;
  return html`<tr data-key="${name}"${next === undefined ? html` class="off"` : ""}><td><a class="name" href="${toNamed(site, "/schedules", name)}">${name}</a></td><td class="md soft">${job}</td><td class="sm soft">${whenText(schedule)}</td><td class="sm">${state === "active" ? html`<span class="soft">active</span>` : html`<span class="st">${icon("waiting")}${state}</span>`}</td><td class="md soft">${last === undefined ? "none yet" : html`${last.outcome} ${ago(last.at, site.now)}`}</td><td class="n">${next === undefined ? "none" : ago(next, site.now)}</td><td class="n">${buttons(site, schedule)}</td></tr>`;
}

function buttons(site: Site, { name, state, isComputed }: ScheduleState): Html {
  if (site.role !== "operate" || state === "retired" || state === "over") return html``;
  const isPaused = state === "paused";
  const address = toNamed(site, "/schedules", name);
  return html`<form class="btns small" method="post" action="${address}"><button class="btn" name="action" value="${isPaused ? "resume" : "pause"}">${isPaused ? "Resume" : "Pause"}<span class="sr"> ${name}</span></button>${isComputed ? "" : html`<button class="btn" name="action" value="trigger">Run now<span class="sr"> ${name}</span></button>`}</form>`;
}

/** When it ticks, as its definition says it. */
export function whenText({ cron, timeZone, every }: ScheduleState): string {
  if (every !== undefined) return `every ${roundly(every)}`;
  return `${cron ?? ""}${timeZone === undefined || timeZone === "UTC" ? ", UTC" : `, ${timeZone}`}`;
}

// ── One schedule ────────────────────────────────────────────────────────────────────────────────────────────────

export function schedulePage(
  site: Site,
  schedule: ScheduleState,
  ticks: { readonly next: readonly Date[]; readonly past: readonly PastTick[] },
): Html {
  const { name, job, state, missed, overlap, jitter, origin, release, workers } = schedule;
  return html`<p class="crumb"><a href="${to(site, "/schedules")}">Schedules</a></p>
<div class="run-head"><div><h1>${name}</h1><p class="lead" data-live="lead">${lead(site, schedule)}</p></div>${buttons(site, schedule)}</div>
<dl class="kv">
<div><dt>Job</dt><dd><a href="${to(site, "/runs", { job })}">${job}</a></dd></div>
<div><dt>Times</dt><dd>${whenText(schedule)}<small>${jitter === 0 ? "" : `up to ${lasting(jitter)} later`}</small></dd></div>
<div><dt>Missed ticks</dt><dd>${typeof missed === "string" ? missed : `all, the last ${missed.all}`}</dd></div>
<div><dt>Overlap</dt><dd>${overlap}</dd></div>
<div><dt>Defined</dt><dd>${origin === "code" ? "in code" : "at run time"}<small>${release === undefined ? "" : `release ${release}`}</small></dd></div>
<div><dt>Workers</dt><dd>${workers}<small>tick it</small></dd></div>
</dl>
<div class="two"><section><div class="head"><h2>Next ticks</h2><p>${state === "paused" ? "as if it were not paused" : ""}</p></div>${ticks.next.length === 0 ? html`<p class="empty">It has no tick left.</p>` : html`<ol class="ticks">${ticks.next.map((at) => html`<li>${clock(at, "day")} <span class="dim">${ago(at, site.now)}</span></li>`)}</ol>`}
<div class="head"><h2>Input</h2></div>${schedule.isComputed ? html`<p class="empty">Code computes it at each tick.</p>` : valueBlock(schedule.input, "It has none.")}</section>
<section data-live="ticks"><div class="head"><h2>Past ticks</h2><p>the last ${ticks.past.length}</p></div>${past(site, ticks.past)}</section></div>`;
}

function lead(site: Site, { state, next, job, pausedAt }: ScheduleState): Html {
  if (state === "paused")
    return html`${icon("waiting")}<span><b>Paused</b>${pausedAt === undefined ? "" : html` ${ago(pausedAt, site.now)}`}. It does not tick until it is resumed; ticks in the pause are not made up for.</span>`;
  if (state === "unserved")
    return html`${icon("waiting")}<span><b>Nobody ticks it.</b> Start a worker that has the job ${job}.</span>`;
  if (state === "retired")
    return html`${icon("cancelled")}<span><b>Retired.</b> No worker’s code names it any more.</span>`;
  if (next === undefined) return html`${icon("succeeded")}<span><b>Over.</b> It has no tick left.</span>`;
  return html`${icon("scheduled")}<span>It ticks next ${ago(next, site.now)}, at ${clock(next, "day")}.</span>`;
}

function past(site: Site, ticks: readonly PastTick[]): Html {
  if (ticks.length === 0)
    return html`<p class="empty">It has not ticked yet. What becomes of each tick stands here, with its run.</p>`;
  return html`<table class="t"><colgroup><col class="w10"><col class="w9"><col></colgroup><thead><tr><th scope="col">Tick</th><th scope="col">Outcome</th><th scope="col">Run</th></tr></thead><tbody>${ticks.map(
    ({ at, outcome, run, runId, note, count: number }) =>
      html`<tr><td>${clock(at, "day")}</td><td class="soft">${outcome}${number > 1 ? ` ${number}` : ""}</td><td>${run === undefined ? (runId === undefined ? html`<span class="soft">${note ?? ""}</span>` : html`<span class="dim">${runId.slice(-4)}, removed</span>`) : html`<a href="${to(site, `/runs/${run.id}`)}">${stateLabel(run.state)} <span class="dim mono">${run.id.slice(-4)}</span></a>`}</td></tr>`,
  )}</tbody></table>`;
}

/** Times that people choose are whole: `15 min`, not `15 min 00 s`. */
function roundly(milliseconds: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
  ] as const;
  const whole = units.find(([, size]) => milliseconds % size === 0);
  return whole === undefined ? lasting(milliseconds) : `${milliseconds / whole[1]}\u00a0${whole[0]}`;
}
