// Runs: a filter that is the address, a page of them, and what can be done with those that are selected.
//
// Without a script the form sends, the boxes tick and the buttons lead to a page that counts first what they would do.
//
// Before this file come the search and a page of runs. After it comes the layout.
import type { RunRecord } from "../../job/index.js";
import type { JobState, Metrics, QueueState } from "../../queue/index.js";
import { ago, clock, count, type Html, html, lasting, many, type Site, short, to } from "./markup.js";
import { ages, filterOf, queryOf, type Search, textOf } from "./search.js";
import { because, icon, stateLabel, states, tookOf, waitOf } from "./states.js";
import { valueLine } from "./values.js";

export interface RunsFacts {
  readonly search: Search;
  readonly runs: readonly RunRecord[];
  readonly next: string | undefined;
  /** How far it was looked, where not all of it could be at once. */
  readonly lookedBackTo: Date | undefined;
  /** Whether this is the first page. */
  readonly isFirst: boolean;
  readonly jobs: readonly JobState[];
  readonly queues: readonly QueueState[];
  readonly hour: Metrics;
  /** Why the filter could not be used, if so. */
  readonly problem: string | undefined;
}

export function runsPage(site: Site, facts: RunsFacts): Html {
  const { search, runs } = facts;
  return html`<div class="title-bar"><h1>Runs</h1><span class="push"></span>${site.role === "operate" ? html`<a class="go" href="${to(site, "/enqueue", { job: search.job })}">Enqueue a run</a>` : ""}</div>
${filterForm(site, facts)}
<p class="fresh"><span>Newest first.</span> <a class="go" href="${to(site, "/runs", queryOf(search))}" data-newer hidden>newer runs, show them</a></p>
${facts.problem === undefined ? (runs.length === 0 ? none(site, facts) : list(site, facts)) : html`<p class="empty">${facts.problem}</p>`}
${pager(site, facts)}`;
}

function filterForm(site: Site, { search, jobs, queues, hour }: RunsFacts): Html {
  const known = [...new Set([...jobs.map(({ name }) => name), ...Object.keys(hour.jobs), search.job])]
    .filter((name) => name !== "")
    .sort();
  const lines = [...new Set([...queues.map(({ name }) => name), search.queue])]
    .filter((name) => name !== "")
    .sort();
  const option = (value: string, chosen: string, text = value) =>
    html`<option value="${value}"${value === chosen ? html` selected` : ""}>${text}</option>`;
  return html`<form class="filter" method="get" action="${to(site, "/runs")}" role="search">
<div class="line"><input class="field find" type="search" name="q" value="${search.q}" aria-label="Search in input, error and id" placeholder="Search input, error, id"><input class="field" name="error" value="${search.error}" aria-label="Name or code of the error" placeholder="Error name or code"><select class="field" name="job" aria-label="Job">${option("", search.job, "Any job")}${known.map((name) => option(name, search.job))}</select><select class="field" name="queue" aria-label="Queue">${option("", search.queue, "Any queue")}${lines.map((name) => option(name, search.queue))}</select><select class="field" name="since" aria-label="Requested">${option("", search.since, "Any time")}${Object.entries(ages).map(([age, text]) => option(age, search.since, text))}</select><input class="field tagged" name="tag" value="${search.tag}" aria-label="Tag" placeholder="Tag"><button class="btn main">Filter</button></div>
<fieldset class="states"><legend class="sr">State</legend>${states.map((state) => html`<label><input type="checkbox" name="state" value="${state}"${search.states.includes(state) ? html` checked` : ""}>${icon(state)}${state} ${chip(state, queues, hour)}</label>`)}</fieldset>
</form>`;
}

/** Of live states how many there are, of the others how many came to that end within the hour. */
function chip(state: (typeof states)[number], queues: readonly QueueState[], hour: Metrics): Html {
  const isEnd = state === "succeeded" || state === "failed" || state === "cancelled";
  const number = isEnd
    ? hour.points.reduce((sum, point) => sum + point[state], 0)
    : queues.reduce((sum, queue) => sum + queue[state], 0);
  return html`<span class="c" data-live="chip-${state}"${isEnd ? html` title="within 60 min"` : ""}>${count(number)}${isEnd ? html`<span class="sr"> within 60 min</span>` : ""}</span>`;
}

function none(site: Site, { search, lookedBackTo }: RunsFacts): Html {
  if (lookedBackTo !== undefined)
    return html`<p class="empty">None so far. It was looked for in runs back to ${clock(lookedBackTo, "day")}; “Older” goes on from there. A job, a state or a queue makes it faster.</p>`;
  const isNarrow = textOf(search) !== "" || Object.keys(filterOf(search, site.now)).length > 0;
  if (isNarrow)
    return html`<p class="empty">No run fits this filter. Ended runs are removed after their keeping, 7 days for those that succeeded. <a class="go" href="${to(site, "/runs")}">All runs</a></p>`;
  return html`<div class="empty"><p>No run yet. Ask for one, and it is here at once:</p><pre><code>duckdive enqueue welcome-email '{"userId":7}'</code></pre></div>`;
}

function list(site: Site, { runs, search }: RunsFacts): Html {
  return html`<form method="get" action="${to(site, "/act")}">
<table class="t runs" data-rows><caption class="sr">Runs, newest first</caption><colgroup><col class="w2"><col class="w7 state"><col class="w15 job"><col class="lg"><col class="w11 sm"><col class="w7 md"><col class="w4 md"><col class="w6 lg"><col class="w6 sm"><col class="w6"></colgroup><thead><tr><th scope="col"><input type="checkbox" aria-label="Select this page" data-all></th><th scope="col">State</th><th scope="col">Job</th><th scope="col" class="lg">Input</th><th scope="col" class="sm">Because</th><th scope="col" class="md">Queue</th><th scope="col" class="n md">Attempt</th><th scope="col" class="n lg">Waited</th><th scope="col" class="n sm">Took</th><th scope="col" class="n">Requested</th></tr></thead><tbody>
${runs.map((run) => row(site, run))}
</tbody></table>
${bulk(site, search)}
</form>`;
}

function row(site: Site, run: RunRecord): Html {
  const { id, job, queue, state, attempt, requestedAt } = run;
  const input = valueLine(run.input);
  const reason = because(run, site.now);
  const waited = waitOf(run);
  const took = tookOf(run);
  return html`<tr data-key="${id}"><td><input type="checkbox" name="run" value="${id}" aria-label="Select ${job} ${short(id)}"></td><td>${stateLabel(state)}</td><td><a href="${to(site, `/runs/${id}`)}" class="name">${job}</a> <span class="dim mono sm">${short(id)}</span><span class="sub ph">${reason === "" ? input : reason}</span></td><td class="lg dim mono">${input}</td><td class="sm soft">${reason}</td><td class="md soft">${queue}</td><td class="n md">${attempt}</td><td class="n lg">${waited === undefined ? "" : lasting(waited)}</td><td class="n sm">${took === undefined ? "" : lasting(took)}</td><td class="n">${ago(requestedAt, site.now)}</td></tr>
`;
}

function bulk(site: Site, search: Search): Html {
  if (site.role !== "operate") return html``;
  const hidden = Object.entries(queryOf(search)).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((one) => one !== "" && one !== undefined)
      .map((one) => html`<input type="hidden" name="${name}" value="${one}">`),
  );
  return html`<div class="bulk">${hidden}<span data-selected aria-live="polite">Select runs, or</span>${textOf(search) === "" ? html`<label class="st"><input type="checkbox" name="all" value="1">take all that match</label>` : ""}<span class="btns"><button class="btn" name="action" value="retry">Retry…</button><button class="btn" name="action" value="cancel">Cancel…</button><button class="btn harm" name="action" value="delete">Delete…</button></span></div>`;
}

function pager(site: Site, { search, runs, next, isFirst, lookedBackTo }: RunsFacts): Html {
  const [first, last] = [runs[0], runs.at(-1)];
  const text =
    first === undefined || last === undefined
      ? ""
      : html`${many(runs.length, "run")}, ${clock(first.requestedAt)} back to ${clock(lookedBackTo ?? last.requestedAt)}`;
  return html`<nav class="pager" aria-label="More runs"><span>${text}</span><span class="push"></span>${isFirst ? "" : html`<a class="btn" href="${to(site, "/runs", queryOf(search))}">Newest</a>`}${next === undefined ? "" : html`<a class="btn" href="${to(site, "/runs", { ...queryOf(search), cursor: next })}">Older</a>`}</nav>`;
}
