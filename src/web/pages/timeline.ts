// The timeline of a run, drawn: thick is work, a dotted line is a wait, and one that is open to the right goes on.
//
// Each row is an SVG of its own whose places are percent, so that nothing is distorted at any width.
//
// Before this file come the rows. After it comes the page of the run.
import type { Gantt, GanttRow, Segment } from "../gantt.js";
import { clock, type Html, html, lasting, type Site, to } from "./markup.js";
import { icon } from "./states.js";

const ticks = [0, 20, 40, 60, 80, 100];

export function timelineBlock(site: Site, gantt: Gantt): Html {
  const span = gantt.to - gantt.from;
  const at = (time: number) => ((time - gantt.from) / span) * 100;
  const form = span < 3_000 ? "tenth" : span > 86_400_000 ? "day" : "second";
  return html`<ul class="gantt" data-live="gantt"><li class="axis"><span class="lab"></span><div aria-hidden="true">${ticks.map((tick) => html`<span>${clock(new Date(gantt.from + (span * tick) / 100), form)}</span>`)}</div><span class="dur">Took</span></li>
${gantt.rows.map((row) => ganttRow(site, row, gantt, at))}</ul>${legend}`;
}

function ganttRow(site: Site, row: GanttRow, gantt: Gantt, at: (time: number) => number): Html {
  const { level, state, name, note, run, segments } = row;
  const from = Math.min(...segments.map((segment) => segment.from));
  const to_ = Math.max(...segments.map((segment) => segment.to));
  const label = run === undefined ? html`${name}` : html`<a href="${to(site, `/runs/${run}`)}">${name}</a>`;
  const sentence = `${name}${note === "" ? "" : `, ${note}`}: ${lasting(to_ - from)}`;
  return html`<li${level === "attempt" ? html` class="att"` : ""}><span class="lab">${icon(state)}<span>${label}${note === "" ? "" : html` <span class="dim">${note}</span>`}</span></span><svg class="bar" role="img" aria-label="${sentence}">${ticks.map((tick) => html`<line class="tick" x1="${tick}%" x2="${tick}%" y1="0" y2="100%"/>`)}${gantt.now < gantt.to ? html`<line class="now" x1="${percent(at(gantt.now))}" x2="${percent(at(gantt.now))}" y1="0" y2="100%"/>` : ""}${segments.map((segment) => mark(segment, at))}</svg><span class="dur">${lasting(to_ - from)}</span></li>
`;
}

function mark({ from, to: end, kind, isFailure }: Segment, at: (time: number) => number): Html {
  const [left, right] = [at(from), at(end)];
  if (kind === "held" || kind === "work") {
    const wide = Math.max(0.3, right - left);
    const begin = Math.min(left, 100 - wide);
    const bad =
      isFailure === true
        ? html`<rect class="bad" x="${percent(Math.max(begin, begin + wide - 0.4))}" y="30%" width="0.4%" height="40%" rx="1.5"/>`
        : "";
    return html`<rect class="${kind === "held" ? "strong" : "work"}" x="${percent(begin)}" y="30%" width="${percent(wide)}" height="40%" rx="1.5"/>${bad}`;
  }
  const tone = { wait: "", open: " open", backoff: " later" }[kind];
  const cap = (x: number) =>
    html`<line class="cap${tone}" x1="${percent(x)}" x2="${percent(x)}" y1="32%" y2="68%"/>`;
  return html`<line class="hold${tone}" x1="${percent(left)}" x2="${percent(right)}" y1="50%" y2="50%"/>${cap(left)}${kind === "open" ? "" : cap(right)}`;
}

function percent(value: number): string {
  return `${Number(value.toFixed(2))}%`;
}

const legend = html`<p class="legend"><span><svg viewBox="0 0 24 12" class="bar" aria-hidden="true"><rect class="strong" x="0" y="3" width="24" height="6" rx="1.5"/></svg>a worker held it</span><span><svg viewBox="0 0 24 12" class="bar" aria-hidden="true"><rect class="work" x="0" y="3" width="24" height="6" rx="1.5"/></svg>step at work</span><span><svg viewBox="0 0 24 12" class="bar" aria-hidden="true"><path class="hold" d="M1 6H23"/><path class="cap" d="M1 3V9M23 3V9"/></svg>wait, no slot held</span><span><svg viewBox="0 0 24 12" class="bar" aria-hidden="true"><path class="hold open" d="M1 6H24"/><path class="cap open" d="M1 3V9"/></svg>wait still open</span><span><svg viewBox="0 0 24 12" class="bar" aria-hidden="true"><rect class="bad" x="0" y="3" width="24" height="6" rx="1.5"/></svg>failed there</span></p>`;
