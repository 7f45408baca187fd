// Which pictures the page has: bars of those who did the same, bars of what belongs together, and curves.
//
// Before this file come results and the catalogue. After it come chart.mjs, which draws them, and the page, which shows them.
import { parted } from "./catalogue.mjs";
import { barChart, lineChart } from "./chart.mjs";
import { amount, number } from "./numbers.mjs";
import { isMoreBetter } from "./results.mjs";

/**
 * @typedef {import("./results.mjs").Works} Works
 * @typedef {import("./results.mjs").Work} Work
 * @typedef {import("./results.mjs").Line} Line
 */

/**
 * @param {Work} work
 * @param {string} heading
 * @param {Map<string, string>} pictures
 */
export function chartOf(work, heading, pictures) {
  const bars = barsOf(work);
  if (bars.length < 2) return [];
  const title = parted.find((one) => one.work === work.name)?.title ?? heading;
  const better = isMoreBetter(work.unit) ? "more is better" : "less is better";
  const note = work.unit === "x" ? better : `${work.unit}, ${better}`;
  return [picture(work.name, title, barChart(title, [{ title, note, bars }]), pictures)];
}

/**
 * Those who did it, the best first, and the floor last; or the parts of one that belong together, as the catalogue has them.
 * @param {Work} work
 * @returns {import("./chart.mjs").Bar[]}
 */
export function barsOf(work) {
  const named = parted.find((one) => one.work === work.name);
  if (named !== undefined) {
    const line = work.lines.find(({ kind }) => kind === "ours");
    return named.bars.flatMap(([part, label]) => {
      const figure = part === "" ? line?.main : line?.parts.get(part);
      const kind = label.startsWith("…") || part === "" ? "ours" : "peer";
      return figure === undefined ? [] : [barOf(label, kind, figure)];
    });
  }
  const bars = work.lines.flatMap(({ who, kind, main }) =>
    main === undefined || kind === "recorded" ? [] : [barOf(who, kind === "kin" ? "ours" : kind, main)],
  );
  const best = isMoreBetter(work.unit) ? -1 : 1;
  const last = (/** @type {{ kind: string }} */ { kind }) => (kind === "floor" ? 1 : 0);
  return bars.sort((one, other) => last(one) - last(other) || best * (one.value - other.value));
}

/**
 * @param {string} label
 * @param {"ours" | "peer" | "floor"} kind
 * @param {import("./results.mjs").Figure} figure
 * @returns {import("./chart.mjs").Bar}
 */
function barOf(label, kind, { median, least, most, unit }) {
  return { label, kind, value: median, least, most, text: amount(median, unit) };
}

/**
 * @param {import("./catalogue.mjs").Curve} curve
 * @param {Works} works
 * @param {Map<string, string>} pictures
 */
export function curveOf({ file, title, works: named, part, across, relative }, works, pictures) {
  const lines = named.flatMap((name) =>
    (works.get(name)?.lines ?? []).flatMap((line) => {
      const label = named.length > 1 ? nameOfStore(name) : line.who;
      const points = pointsOf(line, part, relative);
      return points.length < 2 ? [] : [{ label, points }];
    }),
  );
  if (lines.length === 0) return [];
  const text = relative ? number : (/** @type {number} */ value) => amount(value, "ms");
  return [picture(file, title, lineChart(title, lines, { across, text }), pictures)];
}

/**
 * @param {Line} line
 * @param {string} part
 * @param {boolean} relative
 */
function pointsOf(line, part, relative) {
  const numbered = [...line.parts]
    .map(([name, figure]) => ({ place: Number(name.slice(part === "" ? 0 : part.length + 1)), name, figure }))
    .filter(
      ({ place, name }) =>
        Number.isInteger(place) && name === (part === "" ? `${place}` : `${part}.${place}`),
    )
    .sort((one, other) => one.place - other.place);
  const first = numbered[0]?.figure.median ?? 1;
  return numbered.map(({ place, figure }) => ({
    x: figure.at ?? place,
    y: relative ? figure.median / first : figure.median,
  }));
}

/** @param {string} work */
function nameOfStore(work) {
  return work.endsWith("sqlite") ? "SQLite" : "PostgreSQL";
}

/**
 * @param {string} name
 * @param {string} title
 * @param {string} content
 * @param {Map<string, string>} pictures
 */
function picture(name, title, content, pictures) {
  const file = `${name.replaceAll(".", "-")}.svg`;
  pictures.set(file, content);
  return `![${title}](pictures/performance/${file})`;
}
