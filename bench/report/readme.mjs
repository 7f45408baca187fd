// The section of README.md that says what duckdive costs: a picture and five figures, between two marks, from what was measured.
//
// Before this file come results. After it comes README.md.
import { barChart } from "./chart.mjs";
import { amount, spread, times } from "./numbers.mjs";
import { wasBusy } from "./page.mjs";
import { barsOf } from "./pictures.mjs";
import { figureOf, timesAsGood } from "./results.mjs";

const begin = "<!-- What it costs: written by `npm run bench:report` -->";
const end = "<!-- End of what it costs -->";

/** @type {readonly { work: string, title: string, what: string, beside?: readonly string[] }[]} */
const five = [
  {
    work: "postgres.drain",
    title: "PostgreSQL: runs done a second",
    what: "no-op runs that one worker process completes on PostgreSQL, history kept",
    beside: ["graphile-worker"],
  },
  {
    work: "postgres.enqueue64",
    title: "PostgreSQL: durable enqueues a second",
    what: "64 callers on PostgreSQL, each awaiting its own durable enqueue",
    beside: ["graphile-worker", "bullmq"],
  },
  {
    work: "sqlite.drain",
    title: "SQLite: runs done a second",
    what: "no-op runs that one worker process completes on SQLite, `synchronous=FULL`, history kept",
    beside: ["plainjob"],
  },
  {
    work: "rescue.postgres.supervised",
    title: "After kill -9",
    what: "from `kill -9` of a worker under `duckdive work` to the first of its runs that begins again",
  },
  {
    work: "http",
    title: "99 % of the web responses within",
    what: "how much later 99 % of an endpoint's responses are because it enqueues in its transaction",
  },
];

/**
 * The README with its section as it should be.
 * @param {string} readme
 * @param {readonly import("./results.mjs").Results[]} results
 * @param {import("./results.mjs").Works} works
 */
export function readmeWith(readme, results, works) {
  const [before, rest] = readme.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined)
    throw new Error(`README.md has lost its marks, ${begin} and ${end}: the figures go between them.`);
  return `${before}${begin}\n\n${sectionOf(results, works)}\n\n${end}${after}`;
}

/**
 * @param {readonly import("./results.mjs").Results[]} results
 * @param {import("./results.mjs").Works} works
 */
function sectionOf(results, works) {
  const rows = five.flatMap(({ work, what, beside = [] }) => {
    const ours = figureOf(works, work);
    if (ours === undefined) return [];
    const compared = beside.flatMap((peer) => {
      const theirs = figureOf(works, work, peer);
      return theirs === undefined
        ? []
        : [`${peer} ${amount(theirs.median, theirs.unit)}: ${times(timesAsGood(ours, theirs))}`];
    });
    return [`| \`${work}\` | ${what} | ${spread(ours)} | ${compared.join("; ")} |`];
  });
  const machine = results[0]?.machine;
  const days = [
    ...new Set(results.flatMap(({ figures }) => figures.map(({ date }) => date.slice(0, 10)))),
  ].sort();
  const when = days.length > 1 ? `from ${days[0]} to ${days.at(-1)}` : `on ${days[0] ?? "no day yet"}`;
  const picture =
    summaryChart(works) === undefined
      ? ""
      : "![duckdive beside others](docs/pictures/performance/summary.svg)\n\n";
  const warning = wasBusy(results) ? " **The machine was not quiet: read ratios rather than rates.**" : "";
  return `${picture}| Figure | What it is | duckdive | Beside it |
|---|---|---|---|
${rows.join("\n")}

Printed by \`npm run bench\` ${when} on ${machine === undefined ? "no machine" : `${machine.cores} × ${machine.processor}, client and servers together`}; every commit is
synced. Medians, the lowest and the highest round in brackets.${warning} [Performance](docs/performance.md) has everything else: the peers and
their configurations, the floors, what was wanted and is not reached, and where duckdive is slower.`;
}

/**
 * The picture of the section: those figures that others have too.
 * @param {import("./results.mjs").Works} works
 */
export function summaryChart(works) {
  const panels = five.flatMap(({ work, title }) => {
    const found = works.get(work);
    const bars = found === undefined ? [] : barsOf(found).filter(({ kind }) => kind !== "floor");
    return found === undefined || bars.length < 2 ? [] : [{ title, bars: bars.slice(0, 8) }];
  });
  return panels.length === 0 ? undefined : barChart("duckdive beside others", panels);
}
