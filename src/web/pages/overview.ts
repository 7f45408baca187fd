// The overview: is it healthy? One sentence, then what is late, what failed and who works, then counts, charts and tables.
//
// Colour is where the trouble is: a coloured hairline stands over what is late and over what failed, and nowhere else.
//
// Before this file come the facts and their sentences. After it comes the layout.
import type { State } from "../../job/index.js";
import type { ScheduleState } from "../../queue/index.js";
import type { FailureGroup } from "../failure-groups.js";
import { type Finding, findingsOf, type HealthFacts, headline, isNew } from "../sentences.js";
import { finishedChart, waitChart } from "./charts.js";
import { failureRows } from "./failures.js";
import { ago, count, type Html, html, lasting, many, roughly, type Site, to, toNamed } from "./markup.js";
import { queueRows } from "./queues.js";
import { whenText } from "./schedules.js";
import { icon, states } from "./states.js";
import { told } from "./told.js";
import { workerRows } from "./workers.js";

export function overviewPage(site: Site, facts: HealthFacts): Html {
  const findings = findingsOf(facts);
  return html`<div class="health">
<h1 data-live="headline" aria-live="polite">${headline(findings, facts)}</h1>
<p class="when" data-live="summary">${summaryOf(facts)}</p>
${isNew(facts) ? firstSteps : threeFacts(site, findings, facts)}
</div>
${strip(site, facts)}
<div class="two">
<section>${finishedChart(facts.hour.points, facts.hour.every)}</section>
<section>${waitChart(facts.hour.points, facts.hour.every)}</section>
</div>
<div class="two">
<section data-live="queues"><div class="head"><h2>Queues</h2><p>oldest wait, and runs a minute over 60 min</p></div>${queueRows(site, facts)}</section>
<section data-live="failures"><div class="head"><h2>Failures</h2><p>by job and error, 60 min</p></div>${failures(site, facts.groups.slice(0, 8))}</section>
</div>
<div class="two">
<section data-live="workers"><div class="head"><h2>Workers</h2><p>${many(facts.workers.length, "worker")} alive</p></div>${workerRows(site, facts)}</section>
<section data-live="schedules"><div class="head"><h2>Next on the clock</h2><p>schedules</p></div>${nextTicks(site, facts.schedules)}</section>
</div>`;
}

function summaryOf({ queues, workers }: HealthFacts): string {
  const paused = queues.filter((queue) => queue.paused).length;
  const drawn = queues.length - paused;
  const pausedText = paused === 0 ? "" : `, ${paused === 1 ? "one is" : `${count(paused)} are`} paused`;
  if (queues.length === 0)
    return "No queue is known yet: a worker that starts publishes its jobs and their queues.";
  return `${many(drawn, "queue")} ${drawn === 1 ? "draws" : "draw"} work${pausedText}. ${many(workers.length, "worker")} ${workers.length === 1 ? "is" : "are"} alive.`;
}

const firstSteps = html`<div class="empty"><p>Ask for one, from a terminal or from code, and it is here at once:</p>
<pre><code>duckdive enqueue welcome-email '{"userId":7}'</code></pre>
<pre><code>await duckdive.enqueue(welcome, { userId: 7 });</code></pre>
<p>A worker takes it: <code>duckdive work jobs.ts</code>.</p></div>`;

function threeFacts(site: Site, findings: readonly Finding[], facts: HealthFacts): Html {
  const late = findings.find(({ kind }) => kind === "nobody" || kind === "late");
  const failing = findings.find(({ kind }) => kind === "failing");
  const dead = findings.find(({ kind }) => kind === "dead");
  const others = findings.filter((one) => one !== late && one !== failing && one !== dead);
  return html`<dl class="facts3" data-live="facts">
${late === undefined ? fact("", "succeeded", "Late", onTime(facts)) : fact("late", "waiting", "Late", said(site, late))}
${failing === undefined ? fact("", "succeeded", "Failed", noneFailing(site, facts)) : fact("bad", "failed", "Failed", said(site, failing))}
${dead === undefined ? fact("", "worker", "Working", working(facts)) : fact("", "failed", "Working", said(site, dead))}
</dl>
${others.length === 0 ? html`<div data-live="others"></div>` : html`<div data-live="others"><h2 class="also">Besides</h2><ul class="also">${others.map((one) => besides(site, one))}</ul></div>`}`;
}

function fact(tone: string, symbol: State | "worker", name: string, body: Html): Html {
  const shown = symbol === "succeeded" || symbol === "worker" ? icon("dim", symbol) : icon(symbol);
  return html`<div class="${tone}"><dt>${shown}${name}</dt>${body}</div>`;
}

function said(site: Site, { say, why, link }: Finding): Html {
  return html`<dd class="say">${say}</dd><dd class="why">${told(site, why)}</dd><dd><a class="go" href="${site.base}${link.path}">${link.text}</a></dd>`;
}

function besides(site: Site, { kind, say, why, link }: Finding): Html {
  const symbol = kind === "failing" || kind === "dead" ? "failed" : "waiting";
  return html`<li>${icon(symbol)}<p><span class="say">${say}</span> <span class="why">${told(site, why)}</span> <a class="go" href="${site.base}${link.path}">${link.text}</a></p></li>`;
}

function onTime({ queues, now, usual }: HealthFacts): Html {
  const oldest = queues
    .filter(({ paused, oldest: since }) => !paused && since !== undefined)
    .sort((one, other) => (one.oldest?.getTime() ?? 0) - (other.oldest?.getTime() ?? 0))[0];
  if (oldest?.oldest === undefined)
    return html`<dd class="say">Nothing is late. No run waits for a free slot.</dd>`;
  const own = usual.waits.get(oldest.name);
  const usually = own === undefined ? "" : ` Usual there: ${lasting(own)}.`;
  return html`<dd class="say">Nothing is late. The oldest run that could start has waited ${lasting(now.getTime() - oldest.oldest.getTime())}.</dd><dd class="why">It is in ${oldest.name}.${usually}</dd>`;
}

function noneFailing(site: Site, { hour, groups, usual }: HealthFacts): Html {
  const counted = hour.points.reduce((sum, point) => sum + point.failed, 0);
  const failed = Math.max(
    counted,
    groups.reduce((sum, { runs }) => sum + runs, 0),
  );
  const retried = hour.points.reduce((sum, point) => sum + point.retried, 0);
  const again =
    retried === 0
      ? "No attempt had to be tried again."
      : `${many(retried, "attempt")} failed and ${retried === 1 ? "was" : "were"} put back to be tried again.`;
  if (failed === 0)
    return html`<dd class="say">No run failed in the last hour.</dd><dd class="why">${again}</dd>`;
  return html`<dd class="say">${many(failed, "run")} failed in the last hour. ${usualFailures(usual)}</dd><dd class="why">${again}</dd><dd><a class="go" href="${to(site, "/failures")}">Open failures</a></dd>`;
}

function usualFailures({ isKnown, failures: number }: HealthFacts["usual"]): string {
  if (!isKnown) return "What is usual is not known yet.";
  return `A usual hour has ${number < 0.5 ? "less than one" : count(number)}.`;
}

function working({ workers, now }: HealthFacts): Html {
  if (workers.length === 0)
    return html`<dd class="say">No worker is alive.</dd><dd class="why">Nothing waits for one. Start one with <code>duckdive work jobs.ts</code>.</dd>`;
  const busy = workers.reduce((sum, { running }) => sum + running, 0);
  const slots = workers.reduce(
    (sum, { queues, report }) =>
      sum + Object.values(report?.queues ?? queues).reduce((all, one) => all + one, 0),
    0,
  );
  const slowest = Math.max(...workers.map(({ heartbeatAt }) => now.getTime() - heartbeatAt.getTime()));
  const who =
    workers.length === 1 ? "The one worker is alive" : `All ${count(workers.length)} workers are alive`;
  return html`<dd class="say">${who}, with ${count(busy)} of ${many(slots, "slot")} busy.</dd><dd class="why">The slowest heartbeat is ${roughly(slowest)} old.</dd>`;
}

function strip(site: Site, { queues, hour }: HealthFacts): Html {
  const live = (state: "ready" | "running" | "waiting" | "scheduled") =>
    queues.reduce((sum, queue) => sum + queue[state], 0);
  const ended = (state: "succeeded" | "failed" | "cancelled") =>
    hour.points.reduce((sum, point) => sum + point[state], 0);
  return html`<nav class="strip" aria-label="Runs by state, the finished ones over 60 minutes" data-live="strip">${states.map(
    (state) => {
      const isEnd = state === "succeeded" || state === "failed" || state === "cancelled";
      const number = isEnd ? ended(state) : live(state);
      return html`<a href="${to(site, "/runs", { state })}"${number === 0 ? html` class="zero"` : ""}><span class="st">${icon(state)}<span>${state}${isEnd ? html`<span class="sm">, 60 min</span>` : ""}</span></span><b>${count(number)}</b></a>`;
    },
  )}</nav>`;
}

function failures(site: Site, groups: readonly FailureGroup[]): Html {
  if (groups.length > 0) return failureRows(site, groups);
  return html`<p class="empty">No failures in 60 min. When a run fails for good it is grouped here by job and error, with one button to retry the whole group. <a class="go" href="${to(site, "/failures", { since: "7d" })}">Failures of the last 7 days</a></p>`;
}

function nextTicks(site: Site, schedules: readonly ScheduleState[]): Html {
  if (schedules.length === 0)
    return html`<p class="empty">No schedule yet. <code>schedule("nightly", report, { cron: "0 3 * * *" })</code> in code, or <code>duckdive.schedule("nightly").create(…)</code> at run time, makes runs by the clock, and their next ticks stand here.</p>`;
  const soonest = schedules
    .toSorted(
      (one, other) =>
        (one.next?.getTime() ?? Number.POSITIVE_INFINITY) -
        (other.next?.getTime() ?? Number.POSITIVE_INFINITY),
    )
    .slice(0, 8);
  return html`<table class="t"><colgroup><col><col><col class="w6"></colgroup><thead><tr><th scope="col">Schedule</th><th scope="col">Times</th><th scope="col" class="n">Next</th></tr></thead><tbody>${soonest.map(
    (one) =>
      html`<tr${one.next === undefined ? html` class="off"` : ""}><td><a class="name" href="${toNamed(site, "/schedules", one.name)}">${one.name}</a></td><td class="soft">${one.state === "active" ? whenText(one) : one.state}</td><td class="n">${one.next === undefined ? "none" : ago(one.next, site.now)}</td></tr>`,
  )}</tbody></table>`;
}
