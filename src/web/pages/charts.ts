// Charts: SVG that stretches, with strokes that do not, and all words in HTML around it.
//
// Every chart says in a sentence what it shows and has its numbers as a table below. The top of the axis moves by steps of
// round numbers, so that a chart that lives does not rescale with every minute. Geometry that is data stands in attributes
// of SVG: style attributes are forbidden here.
//
// Pure. Before this file come points of metrics. After it come the pages that have charts.
import type { MetricsPoint } from "../../queue/index.js";
import { clock, count, type Html, html, lasting, many } from "./markup.js";

const width = 600;
const height = 140;

/** Three divisions of a round number each, the first such that the most fits. */
export function topOf(most: number): number {
  for (let power = 1; ; power *= 10) {
    for (const step of [1, 2, 3, 5]) if (most <= 3 * step * power) return 3 * step * power;
  }
}

/** The same for times: each division is one that people say. */
export function topOfTime(most: number): number {
  const second = 1_000;
  const [minute, hour] = [60 * second, 3_600 * second];
  const sizes = [
    ...[50, 100, 200, 500],
    ...[1, 2, 3, 5, 10, 20, 30].map((number) => number * second),
    ...[1, 2, 3, 5, 10, 20, 30].map((number) => number * minute),
    ...[1, 2, 4, 8, 24, 48, 168].map((number) => number * hour),
  ];
  return 3 * (sizes.find((size) => most <= 3 * size) ?? most / 3);
}

/** Runs finished a minute: bars from zero, failures on top, at least three pixels high. */
export function finishedChart(all: readonly MetricsPoint[], every: number): Html {
  // Without the minute that goes on, which would look like a fall.
  const points = all.slice(0, -1);
  const most = Math.max(...points.map(({ succeeded, failed }) => succeeded + failed), 3);
  const top = topOf(most);
  const step = width / points.length;
  const y = (value: number) => (value / top) * height;
  const bar = (place: number, from: number, tall: number) =>
    `M${fixed(place * step + step * 0.14)} ${fixed(height - from)}v${fixed(-tall)}h${fixed(step * 0.72)}v${fixed(tall)}`;
  const work = points.map(({ succeeded }, place) =>
    succeeded > 0 ? bar(place, 0, Math.max(1, y(succeeded))) : "",
  );
  const failures = points.map(({ succeeded, failed }, place) =>
    failed > 0 ? bar(place, succeeded > 0 ? y(succeeded) + 2 : 0, Math.max(3, y(failed))) : "",
  );
  const last = points.at(-1);
  const failed = sumOf(points, "failed");
  const sentence =
    `Runs finished in each ${every === 60_000 ? "minute" : "hour"}: ${many(sumOf(points, "succeeded"), "run")} succeeded and ` +
    `${failed === 0 ? "none" : count(failed)} failed, ${count(most)} at most in one.`;
  return html`<div class="head"><h2>Finished ${every === 60_000 ? "a minute" : "an hour"}</h2><p>${spanText(all, every)}</p><span class="push"></span>${key("mass", "succeeded", count(last?.succeeded ?? 0))}${key("fail", "failed", count(last?.failed ?? 0))}</div>
<div class="chart" data-live="finished">${plot(sentence, html`<path class="mass" d="${work.join("")}"/><path class="fail" d="${failures.join("")}"/>`)}${axes(points, top, (value) => count(value))}</div>
${asTable(points, ["Succeeded", "Failed"], (some) => [count(sumOf(some, "succeeded")), count(sumOf(some, "failed"))])}`;
}

/** From due to started: the median in ink, the 95th in the mass, the space between filled faintly. */
export function waitChart(points: readonly MetricsPoint[], every: number): Html {
  const most = Math.max(...points.map(({ wait }) => wait?.most ?? 0), 100);
  const top = topOfTime(most);
  const lines = stretchesOf(points);
  const x = (place: number) => fixed((place / Math.max(1, points.length - 1)) * width);
  const y = (value: number) => fixed(height - (value / top) * height);
  const path = (line: Stretch, part: "half" | "most") =>
    `M${line.map(({ place, wait }) => `${x(place)} ${y(wait[part])}`).join("L")}${line.length === 1 ? "h2" : ""}`;
  const band = (line: Stretch) =>
    `M${[...line.map(({ place, wait }) => `${x(place)} ${y(wait.most)}`), ...line.toReversed().map(({ place, wait }) => `${x(place)} ${y(wait.half)}`)].join("L")}Z`;
  const now = points.findLast(({ wait }) => wait !== undefined)?.wait;
  const sentence =
    now === undefined
      ? "From ready to started: nothing has started in this time."
      : `From ready to started: lately half within ${lasting(now.half)} and 95 percent within ${lasting(now.most)}; at worst 95 percent within ${lasting(most)}.`;
  return html`<div class="head"><h2>Ready to start</h2><p>${spanText(points, every)}</p><span class="push"></span>${key("l1", "half within", now === undefined ? "none" : lasting(now.half))}${key("l2", "95 % within", now === undefined ? "none" : lasting(now.most))}</div>
<div class="chart" data-live="waits">${plot(sentence, html`<path class="band" d="${lines.map(band).join("")}"/><path class="l2" d="${lines.map((line) => path(line, "most")).join("")}"/><path class="l1" d="${lines.map((line) => path(line, "half")).join("")}"/>`)}${axes(points, top, axisTime(top))}</div>
${asTable(points, ["Half within", "95 % within"], (some) => {
  const known = some.flatMap(({ wait }) => (wait === undefined ? [] : [wait]));
  if (known.length === 0) return ["", ""];
  return [
    lasting(Math.max(...known.map(({ half }) => half))),
    lasting(Math.max(...known.map(({ most: one }) => one))),
  ];
})}`;
}

type Stretch = readonly {
  readonly place: number;
  readonly wait: { readonly half: number; readonly most: number };
}[];

/** Minutes in which nothing started have no point; the line goes on over gaps of a few. */
function stretchesOf(points: readonly MetricsPoint[]): Stretch[] {
  const lines: { place: number; wait: { half: number; most: number } }[][] = [];
  let last = Number.NEGATIVE_INFINITY;
  points.forEach(({ wait }, place) => {
    if (wait === undefined) return;
    if (place - last > 5) lines.push([]);
    lines.at(-1)?.push({ place, wait });
    last = place;
  });
  return lines;
}

function plot(sentence: string, marks: Html): Html {
  return html`<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${sentence}"><path class="grid" d="M0 0H600M0 46.7H600M0 93.3H600"/>${marks}<path class="base" d="M0 140H600"/></svg>`;
}

function axes(points: readonly MetricsPoint[], top: number, text: (value: number) => string): Html {
  const at = (part: number) => points[Math.round((points.length - 1) * part)]?.at;
  const times = [0, 0.25, 0.5, 0.75].map((part) => at(part));
  return html`<div class="axis-y" aria-hidden="true"><span class="y0">${text(0)}</span><span class="y1">${text(top / 3)}</span><span class="y2">${text((2 * top) / 3)}</span><span class="y3">${text(top)}</span></div><div class="axis-x" aria-hidden="true">${times.map((time) => html`<span>${time === undefined ? "" : clock(time, "minute")}</span>`)}<span>now</span></div>`;
}

/** All in one unit, so that they can be compared at a glance. */
function axisTime(top: number): (value: number) => string {
  const [size, name] =
    top < 1_000
      ? [1, "ms"]
      : top < 180_000
        ? [1_000, "s"]
        : top < 10_800_000
          ? [60_000, "min"]
          : [3_600_000, "h"];
  return (value) => `${Number((value / size).toFixed(1))}\u00a0${name}`;
}

function key(mark: "mass" | "fail" | "l1" | "l2", name: string, value: string): Html {
  const shape =
    mark === "mass" || mark === "fail"
      ? html`<rect class="${mark}" x="1" y="3" width="10" height="6"/>`
      : html`<path class="${mark}" d="M0 6H12"/>`;
  return html`<span class="key"><svg viewBox="0 0 12 12" aria-hidden="true">${shape}</svg>${name} <b data-live="key-${mark}">${value}</b></span>`;
}

function asTable(
  points: readonly MetricsPoint[],
  columns: readonly string[],
  cells: (points: readonly MetricsPoint[]) => readonly string[],
): Html {
  const size = Math.max(1, Math.ceil(points.length / 6));
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, place) =>
    points.slice(place * size, (place + 1) * size),
  );
  return html`<details class="asdata"><summary>As a table</summary><table class="t"><thead><tr><th scope="col">From</th>${columns.map((name) => html`<th scope="col" class="n">${name}</th>`)}</tr></thead><tbody>${groups.map(
    (some) =>
      html`<tr><th scope="row">${some[0] === undefined ? "" : clock(some[0].at, "minute")}</th>${cells(some).map((cell) => html`<td class="n">${cell}</td>`)}</tr>`,
  )}</tbody></table></details>`;
}

function spanText(points: readonly MetricsPoint[], every: number): string {
  return every === 60_000 ? `${points.length - 1} min` : `${points.length - 1} h`;
}

/** A line of one series, from zero, without an axis: the number beside it says the level. */
export function spark(values: readonly number[], label: string): Html {
  const most = Math.max(...values, 1);
  const path = values
    .map(
      (value, place) =>
        `${fixed((place / Math.max(1, values.length - 1)) * 60)} ${fixed(20 - (value / most) * 18)}`,
    )
    .join("L");
  return html`<svg class="spark" viewBox="0 0 60 20" preserveAspectRatio="none" role="img" aria-label="${label}"><path class="base" d="M0 20H60"/>${values.length === 0 ? "" : html`<path class="l1" d="M${path}"/>`}</svg>`;
}

/** Bars of failures, each of them high enough to be seen. */
export function failureSpark(values: readonly number[], label: string): Html {
  const most = Math.max(...values, 4);
  const step = 60 / Math.max(1, values.length);
  const bars = values.map((value, place) =>
    value === 0
      ? ""
      : `M${fixed(place * step)} 20v${fixed(-Math.max(4, (value / most) * 18))}h${fixed(step * 0.75)}V20`,
  );
  return html`<svg class="spark" viewBox="0 0 60 20" preserveAspectRatio="none" role="img" aria-label="${label}"><path class="base" d="M0 20H60"/><path class="fail" d="${bars.join("")}"/></svg>`;
}

/** How many slots are taken, as a bar of them. */
export function slotsBar(busy: number, slots: number): Html {
  const part = slots === 0 ? 0 : Math.min(1, busy / slots);
  return html`<svg class="slots" role="img" aria-label="${busy} of ${slots} slots busy"><rect class="out" x=".5%" y="2.5" width="99%" height="7" rx="1"/><rect class="on" x=".5%" y="2.5" width="${fixed(part * 99)}%" height="7" rx="1"/></svg>`;
}

function sumOf(points: readonly MetricsPoint[], field: "succeeded" | "failed"): number {
  return points.reduce((sum, point) => sum + point[field], 0);
}

function fixed(value: number): string {
  return String(Number(value.toFixed(1)));
}
