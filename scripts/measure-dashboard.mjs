// What the dashboard costs whoever looks at it, and the store: bytes, requests, time to the first byte, layout shift.
//
// `node scripts/measure-dashboard.mjs [--runs 1000000]` fills a SQLite file with so many runs, or with
// `--postgres postgres://…` a database of PostgreSQL, asks for every page some times, and opens the overview in Chromium.
// One JSON line a figure; the median of the times is what counts, the machine was doing other things.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { createJiti } from "jiti";
import { chromium } from "playwright-core";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "1000000" }, postgres: { type: "string" } },
});
const total = Number(values.runs);
const jiti = createJiti(import.meta.url);
/** @type {typeof import("../src/store/sqlite/index.js")} */
const { sqlite } = await jiti.import("../src/store/sqlite/index.ts");
/** @type {typeof import("../src/store/postgres/index.js")} */
const { postgres } = await jiti.import("../src/store/postgres/index.ts");
/** @type {typeof import("../src/open.js")} */
const { assemble } = await jiti.import("../src/open.ts");
/** @type {typeof import("../src/kernel/index.js")} */
const { newId, systemClock } = await jiti.import("../src/kernel/index.ts");
/** @type {typeof import("../src/web/index.js")} */
const { serveWeb, web } = await jiti.import("../src/web/index.ts");

const folder = mkdtempSync(join(tmpdir(), "duckdive-measure-"));
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const { duckdive, store } = assemble({
  clock: systemClock,
  options: { log: silent },
  store: (onError) =>
    values.postgres === undefined
      ? sqlite({ file: join(folder, "jobs.db"), clock: systemClock, synchronous: "normal", onError })
      : postgres({ database: values.postgres, onError }),
});

const worker = newId();
const job = "copy";
const abilities = [{ job, version: 1 }];
const one = (/** @type {number} */ number, queue = `queue-${number % 8}`) => ({
  id: newId(),
  fresh: true,
  job,
  version: 1,
  queue,
  priority: 0,
  input: `{"number":${number},"name":"file-${number}.txt"}`,
  tags: number % 3 === 0 ? ["eu"] : [],
});

async function fill() {
  await duckdive.ready();
  await store.register({ id: worker, host: "measure", pid: 1, abilities, queues: { "*": 1_000 } });
  const ready = Math.round(total / 20);
  const error = {
    name: "HttpError",
    message: "503 from the archive",
    stack: "Error\n    at read (/srv/app/src/read.ts:8:1)",
  };
  for (let done = 0; done < total - ready; done += 1_000) {
    await store.insert(Array.from({ length: 1_000 }, (_, place) => one(done + place)));
    for (let left = 1_000; left > 0; ) {
      const claimed = await store.claim({ worker, queues: { "*": 1_000 }, abilities });
      if (claimed.length === 0) break;
      left -= claimed.length;
      await store.settle(
        claimed.map((run, place) => {
          const fence = {
            run: run.run,
            token: run.token,
            ...(run.claim === undefined ? {} : { claim: run.claim }),
          };
          const keep = 7 * 86_400_000;
          return place % 100 === 99
            ? {
                ...fence,
                state: "failed",
                reason: "error",
                error,
                keep,
                events: [{ kind: "failed", detail: error }],
              }
            : { ...fence, state: "succeeded", output: '{"ok":true}', keep };
        }),
      );
    }
  }
  for (let done = 0; done < ready; done += 1_000)
    await store.insert(
      Array.from({ length: Math.min(1_000, ready - done) }, (_, place) => one(done + place)),
    );
  await store.claim({ worker, queues: { "queue-0": 40 }, abilities });
}

const figure = (/** @type {object} */ fields) => console.log(JSON.stringify(fields));

const began = performance.now();
await fill();
figure({ figure: "filled", runs: total, seconds: Math.round((performance.now() - began) / 1_000) });
if (values.postgres !== undefined) await store.prune(1_000);

const served = web(duckdive, { loopback: true, log: silent });
const server = await serveWeb(served, { host: "127.0.0.1", port: 0 });
const { runs } = await duckdive.list({ state: "failed" }, { limit: 1 });
const paths = [
  "/",
  "/runs",
  "/runs?state=running",
  "/runs?state=ready",
  "/runs?state=failed",
  "/runs?state=waiting",
  "/runs?state=succeeded&job=copy&queue=queue-3",
  "/runs?state=failed&error=HttpError",
  "/runs?q=file-7.txt",
  "/runs?q=nowhere",
  `/runs/${runs[0]?.id}`,
  "/failures?since=7d",
  "/queues",
  "/queues/queue-1?since=7d",
  "/schedules",
  "/batches",
  "/workers",
];
try {
  for (const path of paths) {
    const times = [];
    let bytes = 0;
    let packed = 0;
    for (let time = 0; time < 5; time++) {
      const start = performance.now();
      const answer = await fetch(`${server.url}${path}`);
      times.push(performance.now() - start);
      const text = Buffer.from(await answer.arrayBuffer());
      bytes = text.length;
      packed = gzipSync(text).length;
      if ((times.at(-1) ?? 0) > 5_000) break;
    }
    const [first] = times;
    const middle = times.toSorted((one_, other) => one_ - other)[Math.floor(times.length / 2)];
    figure({
      figure: "page",
      path: path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, ":id"),
      median: Math.round(middle ?? 0),
      first: Math.round(first ?? 0),
      bytes,
      packed,
    });
  }
  const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
    (path) => path !== undefined && existsSync(path),
  );
  if (executablePath !== undefined) await inBrowser(executablePath);
} finally {
  await server.close();
  await duckdive.close();
  rmSync(folder, { recursive: true, force: true });
}

/** @param {string} executablePath */
async function inBrowser(executablePath) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const page = await browser.newPage();
  let requests = 0;
  let bytes = 0;
  page.on("response", async (answer) => {
    requests += 1;
    bytes += (await answer.body().catch(() => Buffer.alloc(0))).length;
  });
  await page.addInitScript(`
    globalThis.shift = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) shift += entry.value; }).observe({ type: "layout-shift", buffered: true });
  `);
  await page.goto(server.url);
  const loaded = { requests, bytes };
  const lived = page.waitForResponse((answer) => answer.url().startsWith(server.url));
  await lived;
  await page.waitForResponse((answer) => answer.url().startsWith(server.url));
  const paint = await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime");
  figure({
    figure: "overview in Chromium",
    ...loaded,
    firstPaint: Math.round(Number(paint)),
    layoutShift: await page.evaluate("shift"),
  });
  await browser.close();
}
