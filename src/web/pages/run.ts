// One run: what it is doing, and why not more; then when it did what, what went wrong, and what it was given and gave.
//
// `explain` stands above the facts, because it is what people came for; what can be done stands beside the name, and what
// cannot stays there, disabled, with its reason.
//
// Before this file come a run with all that is known of it. After it comes the layout.
import type { RunRecord } from "../../job/index.js";
import type { Step, Timeline } from "../../queue/index.js";
import { errorName } from "../failure-groups.js";
import type { Gantt } from "../gantt.js";
import { errorBlock } from "./errors.js";
import {
  ago,
  clock,
  count,
  cut,
  type Html,
  html,
  lasting,
  many,
  type Site,
  short,
  to,
  toNamed,
} from "./markup.js";
import { because, icon, tookOf, waitOf } from "./states.js";
import { timelineBlock } from "./timeline.js";
import { told } from "./told.js";
import { valueBlock } from "./values.js";

export interface RunFacts {
  readonly run: RunRecord;
  readonly attempts: number | undefined;
  readonly sentences: readonly string[];
  readonly timeline: Timeline;
  readonly steps: readonly Step[];
  readonly children: readonly ChildFacts[];
  readonly moreChildren: boolean;
  readonly gantt: Gantt;
}

interface ChildFacts {
  readonly run: RunRecord;
  readonly children: readonly RunRecord[];
}

const mostLogs = 50;

export function runPage(site: Site, facts: RunFacts): Html {
  const { run, steps } = facts;
  return html`<p class="crumb"><a href="${to(site, "/runs")}">Runs</a> / <a href="${to(site, "/runs", { job: run.job })}">${run.job}</a>${run.parent === undefined ? "" : html` / child of <a href="${to(site, `/runs/${run.parent}`)}">${short(run.parent)}</a>`}</p>
<div class="run-head"><div><h1>${run.job} <span class="id">${run.id}</span></h1>
<p class="lead" data-live="lead">${icon(run.state)}<span>${leadOf(facts, site.now)}</span></p></div>
${actions(site, run, steps)}</div>
${progress(run)}
${explained(site, facts)}
${keyFacts(site, facts)}
<section><div class="head"><h2>Timeline</h2><p data-live="spent">${spentText(facts)}</p></div>${timelineBlock(site, facts.gantt)}</section>
<div class="two"><div>
${run.error === undefined ? "" : html`<section data-live="error"><div class="head"><h2>${run.state === "failed" ? "Error" : "Last error"}</h2><p>${errorNote(run)}</p></div>${errorBlock(run.error)}</section>`}
<section><div class="head"><h2>Input</h2><p>${run.waiting?.reason === "preparation" ? "not checked yet" : "checked at the enqueue and at each attempt"}</p></div>${valueBlock(run.input, "It has none.")}</section>
${labels(site, run)}
</div><div>
${family(site, facts)}
<section data-live="logs"><div class="head"><h2>Logs</h2><p>${logsNote(facts.timeline.logs.length)}</p></div>${logs(facts.timeline)}</section>
<section data-live="output"><div class="head"><h2>Output</h2></div>${run.state === "succeeded" ? valueBlock(run.output, "Its handler returned nothing.") : html`<p class="empty">None yet. The output appears here when the run succeeds.</p>`}</section>
${stepValues(steps)}
<section data-live="events"><div class="head"><h2>What happened</h2><p>${many(facts.timeline.events.length, "event")}</p></div>${events(facts.timeline)}</section>
</div></div>`;
}

function leadOf({ run, attempts }: RunFacts, now: Date): Html {
  const tries =
    run.attempt === 0
      ? ""
      : ` It is on attempt ${run.attempt}${attempts === undefined ? "" : ` of ${attempts}`}.`;
  const took = tookOf(run);
  switch (run.state) {
    case "running":
      return html`<b>Running</b> for ${lasting(now.getTime() - (run.startedAt?.getTime() ?? now.getTime()))}.${tries}${run.cancelAsked === undefined ? "" : " It was asked to end."}`;
    case "waiting":
      return html`<b>Waiting</b> ${because(run, now)}.${tries} It holds no slot.`;
    case "ready":
      return html`<b>Ready</b>, since ${lasting(now.getTime() - run.runAt.getTime())}.${tries}`;
    case "scheduled":
      return html`<b>Scheduled.</b> It starts ${ago(run.runAt, now)}, at ${clock(run.runAt)}.${tries}`;
    case "succeeded":
      return html`<b>Succeeded</b>${run.finishedAt === undefined ? "" : html` ${ago(run.finishedAt, now)}`}${took === undefined ? "" : `, in ${lasting(took)}`}${run.attempt > 1 ? `, at attempt ${run.attempt}` : ""}.`;
    case "failed":
      return html`<b>Failed</b>${run.finishedAt === undefined ? "" : html` ${ago(run.finishedAt, now)}`} at attempt ${run.attempt}${run.error === undefined ? "." : `: ${cut(`${run.error.name}: ${run.error.message}`, 160)}`}`;
    default:
      return html`<b>Cancelled</b>${run.finishedAt === undefined ? "" : html` ${ago(run.finishedAt, now)}`}${run.reason === undefined ? "" : `: ${run.reason}`}.`;
  }
}

function actions(site: Site, run: RunRecord, steps: readonly Step[]): Html {
  if (site.role !== "operate") return html``;
  const hasEnded = ["succeeded", "failed", "cancelled"].includes(run.state);
  const canRetry = run.state === "failed" || run.state === "cancelled";
  const address = to(site, `/runs/${run.id}`);
  const query = { run: run.id };
  const waits = steps.some(({ kind, state }) => kind === "signal" && state === "pending");
  const note =
    canRetry || hasEnded
      ? run.state === "succeeded"
        ? "It has succeeded; there is nothing to retry."
        : ""
      : "Retry is for a run that has ended.";
  return html`<div><div class="btns">${waits ? html`<a class="btn main" href="#signal">Send a signal…</a>` : ""}<form method="post" action="${address}"><button class="btn${run.state === "failed" ? " main" : ""}" name="action" value="retry"${canRetry ? "" : html` disabled aria-describedby="note"`}>Retry</button></form>${hasEnded ? html`<a class="btn harm" href="${to(site, "/act", { ...query, action: "delete" })}">Delete…</a>` : html`<a class="btn harm" href="${to(site, "/act", { ...query, action: "cancel" })}">Cancel…</a>`}</div>${note === "" ? "" : html`<p class="note" id="note">${note}</p>`}</div>`;
}

function progress({ progress: said }: RunRecord): Html {
  if (said === undefined) return html`<div data-live="progress"></div>`;
  const { done, total, note } = said;
  const words = note === undefined ? "" : html`<span class="dim">“${note}”</span>`;
  if (total === undefined)
    return html`<div class="prog" data-live="progress"><span>${count(done)} done</span>${words}</div>`;
  return html`<div class="prog" data-live="progress"><label for="progress">${count(done)} of ${count(total)}</label><progress id="progress" max="${total}" value="${Math.min(done, total)}">${done} of ${total}</progress>${words}</div>`;
}

function explained(site: Site, { run, sentences, steps }: RunFacts): Html {
  const question = {
    running: "What is it doing?",
    succeeded: "How did it end?",
    failed: "Why did it fail?",
    cancelled: "Why was it cancelled?",
  };
  const title =
    run.state in question ? question[run.state as keyof typeof question] : "Why is this run not running?";
  const tone =
    run.state === "failed" ? "bad" : run.state === "succeeded" || run.state === "running" ? "well" : "";
  return html`<section class="explain ${tone}" aria-labelledby="why" data-live="explain">
<div><h2 id="why">${title}</h2>
<ol>${sentences.map((sentence) => html`<li>${told(site, sentence)}</li>`)}</ol></div>
<div><h3>What helps</h3><ul class="checks">${nextSteps(site, run, steps).map((step) => html`<li>${icon("dim")}<span>${step}</span></li>`)}</ul>${signalForm(site, run, steps)}</div>
</section>`;
}

function nextSteps(site: Site, run: RunRecord, steps: readonly Step[]): Html[] {
  const queue = html`<a href="${toNamed(site, "/queues", run.queue)}">Open its queue ${run.queue}</a>`;
  switch (run.state) {
    case "failed":
      return [
        html`Retry it: what it has on record is not done again, the rest is.`,
        html`<a href="${to(site, "/runs", { state: "failed", job: run.job, error: run.error === undefined ? undefined : errorName(run) })}">Other runs that failed like this</a>.`,
      ];
    case "waiting":
      if (run.waiting?.reason === "worker")
        return [html`<a href="${to(site, "/workers")}">Deploy a worker that has ${run.job}</a>.`];
      if (
        run.waiting?.reason === "entries" &&
        steps.some(({ kind, state }) => kind === "signal" && state === "pending")
      )
        return [html`Send it the signal that it waits for.`];
      if (run.waiting?.reason === "admission")
        return [
          html`Whoever holds it up is named here: open that run, and cancel it if it hangs.`,
          html`${queue}.`,
        ];
      return [html`It goes on by itself when what it waits for has come.`, html`${queue}.`];
    case "ready":
      return [html`${queue}, and <a href="${to(site, "/workers")}">who draws from it</a>.`];
    case "scheduled":
      return [html`It starts by itself at its time.`];
    case "running":
      return [html`Look at its logs and its progress below; they come as it writes them.`];
    case "succeeded":
      return [html`Nothing is needed.`];
    default:
      return [html`Retry it, if it should be done after all.`];
  }
}

function signalForm(site: Site, run: RunRecord, steps: readonly Step[]): Html {
  const names = steps.flatMap(({ kind, state, signal }) =>
    kind === "signal" && state === "pending" && signal !== undefined ? [signal] : [],
  );
  if (site.role !== "operate" || names.length === 0) return html``;
  return html`<form class="signal" id="signal" method="post" action="${to(site, `/runs/${run.id}`)}"><h3>Send a signal</h3><label>Signal <select class="field" name="signal">${names.map((name) => html`<option>${name}</option>`)}</select></label><label>Payload, as JSON <textarea class="field" name="payload" rows="2" spellcheck="false">null</textarea></label><button class="btn" name="action" value="signal">Send</button></form>`;
}

function keyFacts(site: Site, { run, attempts }: RunFacts): Html {
  const waited = waitOf(run);
  return html`<dl class="kv" data-live="key-facts">
<div><dt>Requested</dt><dd>${clock(run.requestedAt, "day")}<small>${ago(run.requestedAt, site.now)}</small></dd></div>
<div><dt>Queue</dt><dd><a href="${toNamed(site, "/queues", run.queue)}">${run.queue}</a><small>priority ${run.priority}</small></dd></div>
<div><dt>Attempt</dt><dd>${run.attempt}${attempts === undefined ? "" : ` of ${attempts}`}<small>${run.crashes === 0 ? "" : `${many(run.crashes, "worker")} lost`}</small></dd></div>
<div><dt>Started</dt><dd>${run.startedAt === undefined ? html`<span class="dim">not yet</span>` : clock(run.startedAt)}<small>${waited === undefined ? "" : `waited ${lasting(waited)}`}</small></dd></div>
<div><dt>Ended</dt><dd>${run.finishedAt === undefined ? html`<span class="dim">not yet</span>` : clock(run.finishedAt)}<small>${run.finishedAt === undefined ? "" : ago(run.finishedAt, site.now)}</small></dd></div>
<div><dt>Code</dt><dd>version ${run.version}<small>${run.release ?? ""}</small></dd></div>
</dl>`;
}

function spentText({ run, gantt }: RunFacts): string {
  const held = gantt.rows.flatMap(({ level, segments }) =>
    level === "attempt" ? segments.filter(({ kind }) => kind === "held") : [],
  );
  const worked = held.reduce((sum, { from, to: end }) => sum + end - from, 0);
  const whole = (run.finishedAt?.getTime() ?? gantt.now) - run.requestedAt.getTime();
  return `worked ${lasting(worked)}, waited ${lasting(Math.max(0, whole - worked))}`;
}

function errorNote(run: RunRecord): string {
  return run.state === "failed"
    ? `at attempt ${run.attempt}`
    : run.state === "succeeded"
      ? "a later attempt got past it"
      : "of the attempt before";
}

function labels(site: Site, { tags, meta, batch, after }: RunRecord): Html {
  const pairs = Object.entries(meta);
  if (tags.length === 0 && pairs.length === 0 && batch === undefined && after === undefined) return html``;
  return html`<section><div class="head"><h2>Labels</h2></div><dl class="pairs">${tags.length === 0 ? "" : html`<div><dt>Tags</dt><dd>${tags.map((tag) => html`<a class="tag" href="${to(site, "/runs", { tag })}">${tag}</a> `)}</dd></div>`}${pairs.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}${batch === undefined ? "" : html`<div><dt>Batch</dt><dd><a href="${to(site, "/batches")}">${short(batch)}</a></dd></div>`}${after === undefined || after.length === 0 ? "" : html`<div><dt>Comes after</dt><dd>${after.map((id) => html`<a href="${to(site, `/runs/${id}`)}">${short(id)}</a> `)}</dd></div>`}</dl></section>`;
}

function family(site: Site, { run, children, moreChildren }: RunFacts): Html {
  if (children.length === 0) return html`<div data-live="children"></div>`;
  const ended = children.filter(({ run: child }) => child.finishedAt !== undefined).length;
  const line = (one: RunRecord, isOwn = false) =>
    html`<div class="r"><span class="st${isOwn ? " me" : ""}">${icon(one.state)}${isOwn ? one.job : html`<a href="${to(site, `/runs/${one.id}`)}">${one.job}</a> <span class="dim mono">${short(one.id)}</span>`}<span class="sr"> ${one.state}</span></span><span class="soft">${because(one, site.now)}</span><span>${lasting((one.finishedAt ?? site.now).getTime() - one.requestedAt.getTime())}</span></div>`;
  return html`<section data-live="children"><div class="head"><h2>Children</h2><p>${ended} of ${children.length}${moreChildren ? " shown" : ""} ended</p>${moreChildren ? html`<span class="push"></span><a class="go" href="${to(site, "/runs", { parent: run.id })}">More</a>` : ""}</div>
<div class="tree">${line(run, true)}<ul>${children.map(({ run: child, children: below }) => html`<li>${line(child)}${below.length === 0 ? "" : html`<ul>${below.map((one) => html`<li>${line(one)}</li>`)}</ul>`}</li>`)}</ul></div></section>`;
}

function logsNote(number: number): string {
  return number > mostLogs ? `last ${mostLogs} of ${number}` : many(number, "line");
}

function logs({ logs: lines }: Timeline): Html {
  if (lines.length === 0)
    return html`<p class="empty">No line yet. What the handler says with <code>ctx.log.info("…")</code> stands here, as it says it.</p>`;
  return html`<ol class="logs">${lines
    .slice(-mostLogs)
    .toReversed()
    .map(
      ({ at, level, attempt, message, fields }) =>
        html`<li class="${level}">${clock(at, "tenth")}<span class="lv">${level}</span><span class="a">attempt ${attempt}</span><span class="m">${message}${fieldsText(fields)}</span></li>`,
    )}</ol>`;
}

function fieldsText(fields: unknown): Html {
  if (typeof fields !== "object" || fields === null || Object.keys(fields).length === 0) return html``;
  return html` <span class="dim">${JSON.stringify(fields)}</span>`;
}

function stepValues(steps: readonly Step[]): Html {
  const given = steps.filter(({ state, value }) => state === "done" && value !== undefined);
  if (given.length === 0) return html``;
  return html`<details class="block"><summary>What the steps returned (${given.length})</summary>${valueBlock(Object.fromEntries(given.slice(0, 200).map(({ name, value }) => [name, value])), "")}</details>`;
}

function events({ events: all }: Timeline): Html {
  if (all.length === 0)
    return html`<p class="empty">Nothing out of the ordinary: no attempt failed, and nobody touched it.</p>`;
  return html`<ol class="logs">${all
    .slice(-mostLogs)
    .toReversed()
    .map(
      ({ at, kind, attempt, detail }) =>
        html`<li class="${kind === "failed" || kind === "lost" ? "error" : "info"}">${clock(at, "tenth")}<span class="lv">${eventWords[kind]}</span><span class="a">attempt ${attempt}</span><span class="m">${detailText(detail)}</span></li>`,
    )}</ol>`;
}

const eventWords: Readonly<Record<Timeline["events"][number]["kind"], string>> = {
  failed: "failed",
  lost: "lost",
  snoozed: "snoozed",
  handedBack: "back",
  parked: "parked",
  unparked: "goes on",
  suspended: "waits",
  cancelAsked: "cancel?",
  cancelled: "ended",
  retried: "retried",
  prepared: "checked",
  expired: "expired",
  rateLimited: "held",
  replaced: "replaced",
  changed: "changed",
  restarted: "anew",
};

function detailText(detail: unknown): string {
  if (detail === undefined || detail === null) return "";
  if (typeof detail !== "object") return String(detail);
  if ("name" in detail && "message" in detail) return `${detail.name}: ${detail.message}`;
  if ("reason" in detail)
    return `${detail.reason}${"on" in detail && detail.on !== undefined ? ` ${detail.on}` : ""}`;
  return JSON.stringify(detail);
}
