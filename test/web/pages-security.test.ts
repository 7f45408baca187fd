// Every page that can be reached by a link, over a store in which every text that somebody can store is an attack: nothing of
// it is markup, nothing runs, and what is secret is on none of them. Misspelt on purpose. cspell:ignore onfocus
import { job, signal } from "duckdive";
import type { WebOptions } from "duckdive/web";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { type Served, serve, token } from "./server.js";

const attack = `"'></script><hostile onfocus=alert(1)>javascript:alert(1)`;
const secret = "hunter2";
const mostPages = 200;

const hostile = job({
  name: `job ${attack}`,
  queue: `queue ${attack}`,
  description: attack,
  input: z.unknown(),
  retry: { attempts: 1 },
  async handle(_input, ctx) {
    ctx.log.error(`${attack} ${secret}`, { [attack]: `${attack} ${secret}` });
    ctx.progress(1, 2, `${attack} ${secret}`);
    await ctx.step(`step ${attack}`, () => ({ [attack]: `${attack} ${secret}` }));
    throw Object.assign(new TypeError(`${attack} ${secret}`), {
      name: attack,
      code: attack,
      stack: `${attack} ${secret}`,
      cause: new Error(`${attack} ${secret}`),
    });
  },
});
const asked = signal(`signal ${attack}`, z.unknown());
const waits = job({
  name: `waits ${attack}`,
  queue: `queue ${attack}`,
  async handle(_input, ctx) {
    await ctx.waitFor(`wait ${attack}`, asked);
  },
});

let served: Served;
beforeEach(async () => {
  served = await serve({ token });
});
afterEach(() => served.close());

/** A store with the attack wherever there is room for it. */
async function infested(options: WebOptions): Promise<Served> {
  const infestedServer = await serve(options, [hostile, waits]);
  const { working } = infestedServer;
  const worker = working.work();
  const input = { [attack]: `${attack} ${secret}` };
  const run = await working.enqueue(hostile, input, {
    tags: [attack],
    meta: { [attack.slice(0, 20)]: `${attack} ${secret}` },
  });
  await run.outcome();
  const waiting = await working.enqueue(waits);
  for await (const { state } of waiting.watch()) if (state === "waiting") break;
  const late = await working.enqueue(hostile, input, { delay: "1h" });
  await working.cancel(late.id, attack);
  await working.batch([hostile.with(input, { delay: "1h" })], { name: `batch ${attack}` });
  await working.schedule(`schedule ${attack}`).create(hostile, { every: "1h", input });
  await working.pause({ job: `paused ${attack}` });
  await worker.stop();
  return infestedServer;
}

/** The pages that links lead to, from the first one on, by path. */
async function crawl({ url }: Served): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  const paths = ["/"];
  const seen = new Set(paths);
  for (let path = paths.shift(); path !== undefined && pages.size < mostPages; path = paths.shift()) {
    const response = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}`, accept: "text/html" },
      redirect: "manual",
    });
    if (!/^text\/html/.test(response.headers.get("content-type") ?? "")) continue;
    expect([path, response.status < 500]).toEqual([path, true]);
    const text = await response.text();
    pages.set(path, text);
    for (const [, href = ""] of text.matchAll(/<a\s(?:[^>]*\s)?href="([^"]*)"/g)) {
      const target = new URL(href.replaceAll("&amp;", "&"), `${url}${path}`);
      expect([path, target.protocol]).toEqual([path, "http:"]);
      const next = `${target.pathname}${target.search}`;
      if (target.origin !== url || seen.has(next)) continue;
      seen.add(next);
      paths.push(next);
    }
  }
  return pages;
}

async function hasPages(): Promise<boolean> {
  return (await fetch(served.url, { headers: { authorization: `Bearer ${token}` } })).status === 200;
}

test("no text that was stored is markup on any page", { timeout: 60_000 }, async ({ skip }) => {
  skip(!(await hasPages()), "this build has no pages");
  const target = await infested({ token });
  const pages = await crawl(target);
  expect([...pages.keys()].length).toBeGreaterThan(8);
  expect([...pages.values()].some((text) => text.includes("&lt;hostile"))).toBe(true);
  for (const [path, text] of pages) {
    expect([path, text.match(/.{0,60}<hostile.{0,60}/s)?.[0]]).toEqual([path, undefined]);
    expect([path, text.match(/<script(?![^>]*\ssrc=)[^>]*>/)?.[0]]).toEqual([path, undefined]);
    // What stands between quotes is a value, whatever it looks like.
    const markup = text.replaceAll(/="[^"]*"/g, '=""');
    expect([path, markup.match(/<[^>]*\son[a-z]+\s*=/i)?.[0]]).toEqual([path, undefined]);
    expect([path, text.match(/\sstyle="/)?.[0]]).toEqual([path, undefined]);
  }
  await target.close();
});

test("what is secret is on no page", { timeout: 60_000 }, async ({ skip }) => {
  skip(!(await hasPages()), "this build has no pages");
  const target = await infested({ token, redact: () => "[redacted]" });
  const pages = await crawl(target);
  expect(pages.size).toBeGreaterThan(8);
  for (const [path, text] of pages)
    expect([path, text.match(/.{0,60}hunter2.{0,60}/s)?.[0]]).toEqual([path, undefined]);
  await target.close();
});
