// The report says what was measured and nothing else: what is behind is named, targets are computed, and nothing is stale.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { performancePage } from "./report/page.mjs";
import { figureOf, timesAsGood, worksOf } from "./report/results.mjs";
import { targets } from "./report/targets.mjs";
import { report } from "./report.mjs";
import type { Results, Saved } from "./save.mjs";

const marks = "<!-- What it costs: written by `npm run bench:report` -->\n<!-- End of what it costs -->\n";
const root = join(import.meta.dirname, "..");

function figure(
  name: string,
  workload: string,
  unit: string,
  values: number[],
  more: Partial<Saved> = {},
): Saved {
  return {
    name,
    workload,
    unit,
    values,
    others: values.map(() => 0.02),
    date: "2026-11-27T20:00",
    commit: "abc",
    ...more,
  };
}

/** duckdive has three rounds of each, so do a peer that is faster, one that is slower, and the floor. */
function measured(): Results {
  const drain = "postgres.drain";
  return {
    group: "postgres",
    machine: { processor: "a processor", cores: 2, memory: "24 GiB", system: "Linux" },
    versions: { duckdive: "0.1.0", node: "24.1.0" },
    date: "2026-11-27T20:00",
    seconds: 60,
    figures: [
      figure(drain, drain, "runs/s", [20_000, 30_000, 25_000], { note: "2,000 slots" }),
      figure(`${drain}.cpu`, `${drain}.cpu`, "µs/run", [20, 20, 20], { part: "cpu" }),
      figure("peer.fast.drain", drain, "runs/s", [40_000, 60_000, 50_000], {
        peer: "fast",
        note: "rows | deleted",
      }),
      figure("peer.fast.drain.cpu", `${drain}.cpu`, "µs/run", [40, 40, 40], { peer: "fast", part: "cpu" }),
      figure("peer.graphile-worker.drain", drain, "runs/s", [10_000, 15_000, 12_500], {
        peer: "graphile-worker",
      }),
      figure("floor.postgres.drain", drain, "runs/s", [22_000, 33_000, 27_500], { floor: true }),
      figure("postgres.idle", "postgres.idle", "statements/s", [0.4]),
      figure("postgres.held", "postgres.held", "x", [0.97]),
      ...[1, 2, 3].map((place) =>
        figure(`postgres.held.${place}`, `postgres.held.${place}`, "runs/s", [100], { part: `${place}` }),
      ),
      figure("rescue.peer.slow", "rescue.peer.slow", "ms", [63_600], { recorded: true, note: "elsewhere" }),
    ],
  };
}

const pageOf = (results: Results) => performancePage([results], worksOf([results]));
const rowOf = (page: string, start: string) => page.split("\n").find((line) => line.startsWith(start)) ?? "";

describe("figures", () => {
  test("are compared round by round, and a time is as good as it is short", () => {
    const works = worksOf([measured()]);
    const [ours, theirs] = [figureOf(works, "postgres.drain"), figureOf(works, "postgres.drain", "fast")];
    const [cpu, other] = [
      figureOf(works, "postgres.drain", "duckdive", "cpu"),
      figureOf(works, "postgres.drain", "fast", "cpu"),
    ];
    if (!ours || !theirs || !cpu || !other) throw new Error("Figures are missing.");
    expect(timesAsGood(ours, theirs)).toBe(0.5);
    expect(timesAsGood(cpu, other)).toBe(2);
  });
});

describe("the page", () => {
  test("has a row for each who did it, with the median, the spread, the ratio and the configuration", () => {
    const { page } = pageOf(measured());
    expect(rowOf(page, "| **duckdive** |")).toContain("25,000 runs/s (20,000–30,000)");
    expect(rowOf(page, "| fast |")).toContain("| 50,000 runs/s (40,000–60,000) | 0.5 × as good |");
    expect(rowOf(page, "| fast |")).toContain("rows \\| deleted");
    expect(rowOf(page, "| floor |")).toContain("| 0.909 of it |");
  });

  test("names every figure in which a peer is better, and by how much, and no other", () => {
    const { page } = pageOf(measured());
    const section = page.split("## Where duckdive is slower")[1]?.split("\n## ")[0] ?? "";
    const rows = section.split("\n").filter((line) => line.startsWith("| `"));
    expect(rows).toEqual(["| `postgres.drain` | fast | 25,000 runs/s | 50,000 runs/s | 2 × |"]);
  });

  test("says that a target is met only when all of it is, and that what was not measured was not", () => {
    const { page } = pageOf(measured());
    expect(rowOf(page, "| PostgreSQL drain")).toMatch(/2 × graphile-worker; 0.909 of the floor \| yes \|$/);
    expect(rowOf(page, "| Idle worker")).toMatch(
      /\*\*0.4 statements\/s `postgres.idle`\*\* \| \*\*no\*\* \|$/,
    );
    expect(rowOf(page, "| PostgreSQL bulk")).toMatch(/\| not measured \|$/);
    expect(page.split("\n").filter((line) => /\| (yes|\*\*no\*\*|not measured) \|$/.test(line))).toHaveLength(
      targets.length,
    );
  });

  test("says that a target is not met when a part of it is not", () => {
    const results = measured();
    const floor = results.figures.find((one) => one.floor);
    floor?.values.splice(0, 3, 40_000, 60_000, 50_000);
    expect(rowOf(pageOf(results).page, "| PostgreSQL drain")).toMatch(
      /2 × graphile-worker; \*\*0.5 of the floor\*\* \| \*\*no\*\* \|$/,
    );
  });

  test("believes no figure that is better than the floor", () => {
    const results = measured();
    const floor = results.figures.find((one) => one.floor);
    floor?.values.splice(0, 3, 4_000, 6_000, 5_000);
    expect(rowOf(pageOf(results).page, "| PostgreSQL drain")).toMatch(
      /5 of the floor, so it is no floor \| not measured \|$/,
    );
  });

  test("keeps what was recorded elsewhere apart from what was measured", () => {
    const { page } = pageOf(measured());
    expect(page).toContain("recorded at another time");
    expect(rowOf(page, "| slow |")).toContain("63.6 s");
  });

  test("warns when others had a good part of the machine", () => {
    const noisy = measured();
    for (const one of noisy.figures) one.others = [0.4];
    expect(pageOf(measured()).page).not.toContain("The machine was not quiet");
    expect(pageOf(noisy).page).toContain("The machine was not quiet");
  });

  test("shows what the catalogue does not know", () => {
    const results = measured();
    results.figures.push(figure("brand.new", "brand.new", "ms", [3]));
    expect(pageOf(results).page).toContain("### `brand.new`");
  });

  test("is the same each time", () => {
    expect(pageOf(measured())).toEqual(pageOf(measured()));
  });
});

describe("the pictures", () => {
  test("have their own colours for light and for dark, a title and a description", () => {
    const { pictures } = pageOf(measured());
    expect([...pictures.keys()].sort()).toEqual(["held.svg", "postgres-drain.svg"]);
    for (const picture of pictures.values()) {
      expect(picture).toContain("@media (prefers-color-scheme:dark)");
      expect(picture).toMatch(/<title id="t">[^<]+<\/title>\n<desc id="d">[^<]+<\/desc>/);
      expect(picture).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  test("show the best first, wherever we are, and the floor last", () => {
    const labels = [
      ...(pageOf(measured()).pictures.get("postgres-drain.svg") ?? "").matchAll(/end">([\w-]+)</g),
    ];
    expect(labels.map(([, label]) => label)).toEqual(["fast", "duckdive", "graphile-worker", "floor"]);
  });
});

describe("the files", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "duckdive-report-"));
    mkdirSync(join(folder, "bench", "results"), { recursive: true });
    writeFileSync(join(folder, "README.md"), `# A title\n\n${marks}\nThe end.\n`);
    keep(measured());
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const keep = (results: Results) =>
    writeFileSync(join(folder, "bench", "results", "postgres.json"), JSON.stringify(results));

  test("are stale once anything was measured again, and fresh when they were written again", () => {
    report(folder, { check: false });
    expect(report(folder, { check: true })).toEqual([]);
    const again = measured();
    again.figures[0]?.values.splice(0, 3, 1_000, 2_000, 3_000);
    keep(again);
    expect(report(folder, { check: true })).toContain("README.md");
    expect(report(folder, { check: true })).toContain("docs/performance.md");
    report(folder, { check: false });
    expect(report(folder, { check: true })).toEqual([]);
  });

  test("say in the README what the results say, and leave the rest of it alone", () => {
    report(folder, { check: false });
    const readme = readFileSync(join(folder, "README.md"), "utf8");
    expect(readme).toMatch(/^# A title\n/);
    expect(readme).toMatch(/\nThe end\.\n$/);
    expect(rowOf(readme, "| `postgres.drain` |")).toContain(
      "25,000 runs/s (20,000–30,000) | graphile-worker 12,500 runs/s: 2 × |",
    );
  });

  test("are refused by a README that has lost its marks", () => {
    writeFileSync(join(folder, "README.md"), "# A title\n");
    expect(() => report(folder, { check: true })).toThrow("has lost its marks");
  });

  test("lose a picture of what is measured no longer", () => {
    report(folder, { check: false });
    const fewer = measured();
    fewer.figures = fewer.figures.filter(({ workload }) => !workload.startsWith("postgres.held"));
    keep(fewer);
    expect(report(folder, { check: true })).toContain("docs/pictures/performance/held.svg");
    report(folder, { check: false });
    expect(report(folder, { check: true })).toEqual([]);
  });

  test("of this repository are what bench/results/ says", () => {
    expect(report(root, { check: true })).toEqual([]);
  });
});
