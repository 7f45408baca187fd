// What Prometheus scrapes, from a real server with a real worker: the text is strictly what the format says, the numbers are
// right, and the dashboard and the alerts ask for names and labels that are there.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { prometheusText } from "../../src/observe/index.js";
import { until } from "../engine.js";
import { broken, readToken, type Served, serve, welcome } from "./server.js";

interface Scraped {
  readonly type: string;
  readonly help: string;
  /** By their labels as they stand there. */
  readonly samples: Map<
    string,
    { readonly name: string; readonly labels: Record<string, string>; readonly value: number }
  >;
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;

/** Reads the text as strictly as the format is written down. */
function parsed(text: string): Map<string, Scraped> {
  expect(text.endsWith("\n")).toBe(true);
  const families = new Map<string, Scraped>();
  let current: { name: string; family: Scraped } | undefined;
  let help: [string, string] | undefined;
  for (const one of text.slice(0, -1).split("\n")) {
    const [, helped, said = ""] = /^# HELP (\S+) (.+)$/.exec(one) ?? [];
    const [, typed, type = ""] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(one) ?? [];
    if (helped !== undefined) help = [helped, said];
    else if (typed !== undefined) {
      expect(help?.[0]).toBe(typed);
      expect(families.has(typed), `${typed} twice`).toBe(false);
      if (type === "counter") expect(typed).toMatch(/_total$/);
      current = { name: typed, family: { type, help: help?.[1] ?? "", samples: new Map() } };
      families.set(typed, current.family);
    } else {
      const [, name = "", labels = "", value = ""] = line.exec(one) ?? [];
      expect(name, one).not.toBe("");
      const suffixes = current?.family.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      expect(suffixes.map((suffix) => `${current?.name}${suffix}`)).toContain(name);
      label.lastIndex = 0;
      const pairs = [...labels.matchAll(label)];
      expect(pairs.map(([pair]) => pair).join("")).toBe(labels);
      const key = `${name}{${labels}}`;
      expect(current?.family.samples.has(key), `${key} twice`).toBe(false);
      const read = Object.fromEntries(pairs.map(([, label = "", text = ""]) => [label, text]));
      const number = Number(value === "+Inf" ? "Infinity" : value);
      expect(number, one).not.toBeNaN();
      current?.family.samples.set(key, { name, labels: read, value: number });
    }
  }
  return families;
}

let served: Served;
const cleanups: (() => unknown)[] = [];
beforeAll(async () => {
  served = await serve();
});
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  await served.close();
});

async function scrape(headers: Record<string, string> = { authorization: `Bearer ${readToken}` }) {
  return fetch(`${served.url}/metrics`, { headers, redirect: "manual" });
}

async function families(): Promise<Map<string, Scraped>> {
  return parsed(await (await scrape()).text());
}

function sampleOf(
  all: Map<string, Scraped>,
  name: string,
  labels: Record<string, string>,
  of = name,
): number | undefined {
  const samples = [...(all.get(name)?.samples.values() ?? [])];
  return samples.find(
    (one) => one.name === of && Object.entries(labels).every(([key, text]) => one.labels[key] === text),
  )?.value;
}

describe("/metrics", () => {
  test("is for whoever may look, and is no page to sign in at", async () => {
    const answer = await scrape();
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect((await scrape({})).status).toBe(401);
    expect((await scrape({ authorization: "Bearer wrong" })).status).toBe(401);
  });

  test("counts what happens from its first scrape on, and tells how things stand", async () => {
    const { working } = served;
    const first = await families();
    expect(first.get("duckdive_attempts_total")?.samples.size).toBe(0);
    const worker = working.work();
    await working.enqueueMany(welcome, [{ userId: 1 }, { userId: 2 }, { userId: 3 }]);
    await working.enqueue(broken, 1);
    await working.enqueue(welcome, { userId: 4 }, { delay: "1h" });
    await until(async () => (await working.count({ state: ["succeeded", "failed"] })) === 4);
    const standing = await families();
    expect(sampleOf(standing, "duckdive_runs", { queue: "mail", state: "scheduled" })).toBe(1);
    expect(sampleOf(standing, "duckdive_workers", { state: "working" })).toBe(1);
    // A worker tells what it has counted with its signs of life, and when it stops.
    await worker.stop();
    const all = await families();
    const ended = (job: string, outcome: string) =>
      sampleOf(all, "duckdive_attempts_total", { job, outcome });
    expect([ended("welcome", "succeeded"), ended("welcome", "failed"), ended("broken", "failed")]).toEqual([
      3, 0, 1,
    ]);
    const wait = "duckdive_run_wait_seconds";
    expect(sampleOf(all, wait, { queue: "mail" }, `${wait}_count`)).toBe(3);
    expect(sampleOf(all, wait, { queue: "mail", le: "+Inf" }, `${wait}_bucket`)).toBe(3);
    expect(sampleOf(all, "duckdive_workers", { state: "working" })).toBe(0);
    const buckets = [...(all.get(wait)?.samples.values() ?? [])].filter(
      ({ name, labels }) => name.endsWith("_bucket") && labels.queue === "mail",
    );
    const values = buckets.map(({ value }) => value);
    expect(values).toEqual(values.toSorted((one, other) => one - other));
    // Nothing has happened since: nothing grows.
    expect((await families()).get("duckdive_attempts_total")).toEqual(all.get("duckdive_attempts_total"));
  });

  test("what the dashboard and the alerts ask for is there, and nothing there is left out of the dashboard", async () => {
    const all = await families();
    const read = (name: string) =>
      readFileSync(fileURLToPath(new URL(`../../docs/monitoring/${name}`, import.meta.url)), "utf8");
    const dashboard: {
      panels: { targets: { expr: string }[] }[];
      templating: { list: { query: string }[] };
    } = JSON.parse(read("grafana.json"));
    const alerts = [...read("alerts.yml").matchAll(/^ +expr: (?:\|\n((?: {10,}.*\n)+)|(.*)$)/gm)];
    expect(alerts).toHaveLength([...read("alerts.yml").matchAll(/- alert: /g)].length);
    const asked = [
      ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...dashboard.templating.list.map(({ query }) => query),
      ...alerts.map(([, block, one]) => block ?? one ?? ""),
    ];
    const names = new Set<string>();
    for (const expression of asked) {
      for (const [, name = "", labels = ""] of expression.matchAll(/(duckdive_\w+)(?:\{([^}]*)\})?/g)) {
        const family = all.get(name) ?? all.get(name.replace(/_(bucket|sum|count)$/, ""));
        expect(family, `${name} of ${expression}`).toBeDefined();
        names.add(all.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ""));
        const known = new Set(
          [...(family?.samples.values() ?? [])].flatMap((one) => Object.keys(one.labels)),
        );
        for (const [, label = "", value = ""] of labels.matchAll(/(\w+)=~?"([^"]*)"/g)) {
          expect(known, `${label} of ${expression}`).toContain(label);
          if (value.startsWith("$")) continue;
          const values = [...(family?.samples.values() ?? [])].map((one) => one.labels[label]);
          expect(values, expression).toContain(value);
        }
      }
    }
    expect([...names].sort()).toEqual([...all.keys()].sort());
  });
});

test("whatever is in the name of a queue stays in its label", () => {
  const samples = [{ labels: { queue: 'a"b\\c\nd' }, value: Number.POSITIVE_INFINITY }];
  const text = prometheusText([{ name: "x", help: "what \\ it\nis", type: "gauge", samples }]);
  expect(text).toBe('# HELP x what \\\\ it\\nis\n# TYPE x gauge\nx{queue="a\\"b\\\\c\\nd"} +Inf\n');
  expect(parsed(text).get("x")?.samples.size).toBe(1);
});
