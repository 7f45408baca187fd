// Charts as SVG files that stand alone: light or dark as the reader's system is, with their own paper under them, since the page
// around them may be neither. Ours is ink, others are mass, a floor is hollow: the colours of the dashboard, where a hue is a
// state, and nothing here is one.
//
// Pure. Before this file come figures. After it come the files in docs/pictures/performance/.

import { number } from "./numbers.mjs";

const style = `text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:#12191d}
.paper{fill:#fcfdfd}.title{font-weight:600}.quiet{fill:#5f6c75}rect.ours{fill:#12191d}rect.peer{fill:#7c8a94}
rect.floor{fill:none;stroke:#7c8a94}.whisker{stroke:#45525b;fill:none}.whisker.ours{stroke:#adb8bf}.strong{font-weight:600}
.line{fill:none;stroke-width:2;stroke:#7c8a94}.line.first{stroke:#12191d}.grid{stroke:#e6eaec;fill:none}.base{stroke:#84919a;fill:none}
@media (prefers-color-scheme:dark){text{fill:#e8edf0}.paper{fill:#0e1214}.quiet{fill:#8b98a1}rect.ours{fill:#e8edf0}rect.peer{fill:#64727b}
rect.floor{stroke:#8b98a1}.whisker{stroke:#d0d7db}.whisker.ours{stroke:#67747d}.line{stroke:#64727b}.line.first{stroke:#e8edf0}.grid{stroke:#20272b}.base{stroke:#67747d}}`;

const width = 720;
const margin = 16;
const row = 26;

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {"ours" | "peer" | "floor"} kind
 * @property {number} value
 * @property {number} least
 * @property {number} most
 * @property {string} text the value in words
 *
 * @typedef {{ title: string, note?: string, bars: readonly Bar[] }} Panel
 */

/**
 * Horizontal bars from zero, each panel on a scale of its own, with the lowest and the highest of the rounds as a whisker.
 * @param {string} title
 * @param {readonly Panel[]} panels
 */
export function barChart(title, panels) {
  const label = Math.min(
    230,
    Math.max(...panels.flatMap(({ bars }) => bars.map((bar) => widthOf(bar.label)))) + 20,
  );
  let y = margin;
  const drawn = panels.map((panel) => {
    const at = y;
    y += 28 + panel.bars.length * row + 14;
    return panelAt(panel, at, label);
  });
  return svg(title, sentenceOf(panels), y + 2, drawn.join(""));
}

/**
 * @param {Panel} panel
 * @param {number} top
 * @param {number} label
 */
function panelAt({ title, note = "", bars }, top, label) {
  const most = Math.max(...bars.map((bar) => Math.max(bar.value, bar.most)));
  const text = Math.max(...bars.map((bar) => widthOf(bar.text))) + 12;
  const left = margin + label;
  const scale = (width - margin - left - text) / most;
  const head = `<text class="title" x="${margin}" y="${top + 14}">${inXml(title)}</text>${
    note === ""
      ? ""
      : `<text class="quiet" x="${width - margin}" y="${top + 14}" text-anchor="end">${inXml(note)}</text>`
  }`;
  const drawn = bars.map((bar, place) => {
    const y = top + 26 + place * row;
    const end = left + Math.max(1, bar.value * scale);
    const strong = bar.kind === "ours" ? ' class="strong"' : "";
    const [from, to] = [left + bar.least * scale, left + bar.most * scale];
    const whisker =
      bar.most > bar.least
        ? `<path class="whisker ${bar.kind}" d="M${fixed(from)} ${y + 9}H${fixed(to)}M${fixed(from)} ${y + 6}v6M${fixed(to)} ${y + 6}v6"/>`
        : "";
    const after = Math.max(end, bar.most > bar.least ? to : 0) + 8;
    return (
      `<text${strong} x="${left - 10}" y="${y + 14}" text-anchor="end">${inXml(bar.label)}</text>` +
      `<rect class="${bar.kind}" x="${left}" y="${y + 2}" width="${fixed(end - left)}" height="14" rx="1"/>${whisker}` +
      `<text${strong} x="${fixed(after)}" y="${y + 14}">${inXml(bar.text)}</text>`
    );
  });
  return `${head}${drawn.join("")}<path class="base" d="M${left - 0.5} ${top + 24}v${bars.length * row}"/>`;
}

/**
 * @typedef {object} Curve
 * @property {string} label
 * @property {readonly { x: number, y: number }[]} points
 */

/**
 * Lines from zero, each named at its end; the first one is ours.
 * @param {string} title
 * @param {readonly Curve[]} lines
 * @param {{ across: string, text: (value: number) => string }} axes
 */
export function lineChart(title, lines, { across, text }) {
  const [height, top] = [240, 44];
  const right = Math.max(...lines.map(({ label }) => widthOf(label))) + 12;
  const left = margin + 52;
  const all = lines.flatMap(({ points }) => points);
  const highest = roundUp(Math.max(...all.map(({ y }) => y)));
  const [first, last] = [Math.min(...all.map(({ x }) => x)), Math.max(...all.map(({ x }) => x))];
  const x = (/** @type {number} */ value) =>
    fixed(left + ((value - first) / (last - first || 1)) * (width - margin - right - left));
  const y = (/** @type {number} */ value) => top + height - (value / highest) * height;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = fixed(y(highest * share));
    return `<path class="${share === 0 ? "base" : "grid"}" d="M${left} ${at}H${width - margin - right}"/><text class="quiet" x="${left - 8}" y="${Number(at) + 4}" text-anchor="end">${inXml(share === 0 ? "0" : text(highest * share))}</text>`;
  });
  const places = apart(
    lines.map(({ points }) => y(points.at(-1)?.y ?? 0)),
    top + height,
  );
  const drawn = lines.map(({ label, points }, place) => {
    const path = points.map((point) => `${x(point.x)} ${fixed(y(point.y))}`).join("L");
    const [kind, strong] = place === 0 ? ["line first", ' class="strong"'] : ["line", ""];
    const name = `<text${strong} x="${width - margin - right + 8}" y="${fixed((places[place] ?? 0) + 4)}">${inXml(label)}</text>`;
    return `<path class="${kind}" d="M${path}"/>${name}`;
  });
  const below = (/** @type {number} */ at, /** @type {string} */ anchor, /** @type {string} */ words) =>
    `<text class="quiet" x="${at}" y="${top + height + 22}" text-anchor="${anchor}">${inXml(words)}</text>`;
  const end = width - margin - right;
  const foot = `${below(left, "middle", number(first))}${below((left + end) / 2, "middle", across)}${below(end, "middle", number(last))}`;
  const head = `<text class="title" x="${margin}" y="${margin + 12}">${inXml(title)}</text>`;
  const said = lines.map(({ label, points }) => `${label} ends at ${text(points.at(-1)?.y ?? 0)}`).join("; ");
  return svg(title, said, top + height + 38, `${head}${ticks.join("")}${drawn.toReversed().join("")}${foot}`);
}

/**
 * @param {string} title
 * @param {string} description
 * @param {number} height
 * @param {string} marks
 */
function svg(title, description, height, marks) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d">
<title id="t">${inXml(title)}</title>
<desc id="d">${inXml(description)}</desc>
<style>
${style}
</style>
<rect class="paper" width="${width}" height="${height}" rx="6"/>
${marks.replaceAll(/(<text|<path|<rect)/g, "\n$1").trim()}
</svg>
`;
}

/** @param {readonly Panel[]} panels */
function sentenceOf(panels) {
  return panels
    .map(({ title, bars }) => `${title}: ${bars.map(({ label, text }) => `${label} ${text}`).join(", ")}`)
    .join(". ");
}

/**
 * Names at the ends of lines, moved up until none covers another or what is below the plot.
 * @param {readonly number[]} wanted
 * @param {number} lowest
 */
function apart(wanted, lowest) {
  const order = wanted.map((at, place) => ({ at, place })).sort((one, other) => other.at - one.at);
  let limit = lowest;
  for (const one of order) {
    one.at = Math.min(one.at, limit);
    limit = one.at - 17;
  }
  return order.sort((one, other) => one.place - other.place).map(({ at }) => at);
}

/** A number of which a quarter can be said. @param {number} value */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return (
    [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10]
      .map((step) => step * power)
      .find((step) => step >= value * 0.999) ?? value
  );
}

/** About: the face is the reader's own. @param {string} text */
function widthOf(text) {
  return text.length * 7.2;
}

/** @param {number} value */
function fixed(value) {
  return String(Number(value.toFixed(1)));
}

/** @param {string} text */
function inXml(text) {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
