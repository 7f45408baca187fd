// The dashboard's routes: which page is where, what it reads, and what its forms do.
//
// Everything is read through the client, as everybody reads it, and passes `shown` before it is drawn. Pages are bounded:
// a page of runs has 25, the page of a run up to a hundred children, and no page counts by walking a table.
//
// Before this file comes access, which has let the request pass. After it come the pages.
import { type Context, Hono } from "hono";
import { isId } from "../../kernel/index.js";
import { assetResponse, readAssets } from "../assets.js";
import type { WebEnvironment } from "../environment.js";
import { groupFailures } from "../failure-groups.js";
import { findRuns } from "../find.js";
import { createHealth, failedRuns, mostFailures } from "../health.js";
import { problemOf } from "../problem.js";
import type { Served } from "../served.js";
import type { Shown } from "../shown.js";
import { actOnMany, actOnQueue, actOnRun, actOnSchedule, askBefore, formOf, jsonIn, textIn } from "./acts.js";
import { batchesPage } from "./batches.js";
import { enqueuePage } from "./enqueue.js";
import { failuresPage, type Span, spans } from "./failures.js";
import { type Content, layout } from "./layout.js";
import { type Site, to, toNamed } from "./markup.js";
import { missingPage, problemPage, signInPage } from "./notices.js";
import { overviewPage } from "./overview.js";
import { queuePage, queuesPage } from "./queues.js";
import { readRun } from "./read-run.js";
import { runPage } from "./run.js";
import { runsPage } from "./runs.js";
import { schedulePage, schedulesPage } from "./schedules.js";
import { filterOf, queryOf, searchOf, textOf } from "./search.js";
import { quietSite, siteOf, themeAnswer } from "./site.js";
import { workersPage } from "./workers.js";

type PageContext = Context<WebEnvironment>;

const perPage = 25;
const perBatchPage = 50;
/** How often a page looks for news, in milliseconds. */
const often = 2_000;
const seldom = 5_000;

export interface PagesParts {
  readonly duckdive: Served;
  readonly shown: Shown;
  readonly onUnexpected: (error: unknown, context: PageContext) => void;
}

export function createPages({ duckdive, shown, onUnexpected }: PagesParts): Hono<WebEnvironment> {
  const files = readAssets();
  const assets = { style: files.style.name, script: files.script.name };
  const health = createHealth(duckdive, shown);
  const pages = new Hono<WebEnvironment>();

  const read = (context: PageContext) => siteOf(context, { duckdive, assets });
  const answer = (context: PageContext, site: Site, content: Content, status: 200 | 404 = 200) =>
    context.html(layout(site, content), status);
  const missing = (context: PageContext, site: Site, part: string, what: string, why: string) =>
    answer(context, site, { title: what, part, body: missingPage(site, what, why) }, 404);

  pages.get("/assets/:name", (context) => {
    const accepts = context.req.header("accept-encoding") ?? "";
    return assetResponse(files, context.req.param("name"), accepts) ?? context.notFound();
  });
  pages.get("/sign-in", (context) => {
    const { next = "/", failed } = context.req.query();
    return context.html(signInPage(context.get("base"), assets, { next, hasFailed: failed !== undefined }));
  });
  pages.get("*", async (context, next) => themeAnswer(context) ?? next());

  pages.get("/", async (context) => {
    const { site, hour } = await read(context);
    const body = overviewPage(site, await health.facts(hour, site.now));
    return answer(context, site, { title: "Overview", part: "Overview", refresh: often, body });
  });

  pages.get("/runs", async (context) => {
    const { site, hour } = await read(context);
    const search = searchOf(new URL(context.req.url).searchParams);
    const cursor = context.req.query("cursor");
    const [page, jobs, queues] = await Promise.all([
      listed(search, cursor, site.now),
      duckdive.jobs(),
      health.recentQueues(site.now),
    ]);
    const body = runsPage(site, { ...page, search, hour, jobs, queues, isFirst: cursor === undefined });
    return answer(context, site, { title: "Runs", part: "Runs", refresh: often, body });
  });

  pages.get("/runs/:id", async (context) => {
    const { site } = await read(context);
    const { id } = context.req.param();
    const facts = isId(id) ? await readRun(duckdive, shown, id, site.now) : undefined;
    if (facts === undefined)
      return missing(
        context,
        site,
        "Runs",
        "No such run",
        "It was deleted, is past its keeping, or has never been there: look at the id again.",
      );
    const hasEnded = facts.run.finishedAt !== undefined;
    const content = { title: `${facts.run.job} …${id.slice(-4)}`, part: "Runs", body: runPage(site, facts) };
    return answer(context, site, { ...content, refresh: hasEnded ? seldom : often });
  });
  pages.post("/runs/:id", async (context) => {
    const { id } = context.req.param();
    const done = await actOnRun(duckdive, id, await formOf(context));
    return context.redirect(to({ base: context.get("base") }, `/runs/${id}`, { done }), 303);
  });

  pages.get("/act", async (context) => {
    const { site } = await read(context);
    const body = await askBefore(duckdive, shown, site, new URL(context.req.url).searchParams);
    return answer(context, site, { title: "Are you sure?", part: "Runs", body });
  });
  pages.post("/act", async (context) => {
    const { search, done } = await actOnMany(duckdive, await formOf(context), new Date());
    return context.redirect(to({ base: context.get("base") }, "/runs", { ...queryOf(search), done }), 303);
  });

  pages.get("/enqueue", async (context) => {
    const { site } = await read(context);
    const form = { job: context.req.query("job") ?? "", input: "", queue: "", problem: undefined };
    return answer(context, site, {
      title: "Enqueue a run",
      part: "Runs",
      body: enqueuePage(site, await duckdive.jobs(), form),
    });
  });
  pages.post("/enqueue", async (context) => {
    const sent = await formOf(context);
    const form = { job: textIn(sent, "job"), input: textIn(sent, "input"), queue: "" };
    try {
      const [enqueued] = await duckdive.enqueueByName([{ job: form.job, input: jsonIn(sent, "input") }]);
      return context.redirect(
        to({ base: context.get("base") }, `/runs/${enqueued?.run.id ?? ""}`, { done: "enqueued" }),
        303,
      );
    } catch (error) {
      const { problem, isUnexpected } = problemOf(error);
      if (isUnexpected) throw error;
      const { site } = await read(context);
      const body = enqueuePage(site, await duckdive.jobs(), { ...form, problem: problem.detail });
      return answer(context, site, { title: "Enqueue a run", part: "Runs", body });
    }
  });

  pages.get("/failures", async (context) => {
    const { site } = await read(context);
    const span = spanOf(context.req.query("since"));
    const length = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 }[span];
    const runs = await failedRuns(duckdive, site.now, length);
    const between = { since: new Date(site.now.getTime() - length), until: site.now, parts: 40 };
    const about = { span, isCut: runs.length >= mostFailures };
    const body = failuresPage(site, groupFailures(runs.map(shown.run), between), about);
    return answer(context, site, { title: "Failures", part: "Failures", refresh: seldom, body });
  });

  pages.get("/queues", async (context) => {
    const { site, hour } = await read(context);
    const body = queuesPage(site, await queueFacts(site, hour));
    return answer(context, site, { title: "Queues", part: "Queues", refresh: often, body });
  });
  pages.get("/queues/:name", async (context) => {
    const { site, hour } = await read(context);
    const { name } = context.req.param();
    const since = context.req.query("since");
    const metrics = since === "24h" || since === "7d" ? await duckdive.metrics({ since }) : hour;
    const facts = await queueFacts(site, hour);
    const queue = facts.queues.find((one) => one.name === name);
    if (queue === undefined)
      return missing(
        context,
        site,
        "Queues",
        "No such queue",
        "No run is in it, no job that a worker has belongs to it, and it is not paused.",
      );
    const body = queuePage(site, queue, { ...facts, metrics });
    return answer(context, site, { title: name, part: "Queues", refresh: often, body });
  });
  pages.post("/queues/:name", async (context) => {
    const { name } = context.req.param();
    const done = await actOnQueue(duckdive, name, await formOf(context));
    return context.redirect(`${toNamed({ base: context.get("base") }, "/queues", name)}?done=${done}`, 303);
  });

  pages.get("/schedules", async (context) => {
    const { site } = await read(context);
    const body = schedulesPage(site, await duckdive.schedules());
    return answer(context, site, { title: "Schedules", part: "Schedules", refresh: seldom, body });
  });
  pages.get("/schedules/:name", async (context) => {
    const { site } = await read(context);
    const handle = duckdive.schedule(context.req.param("name"));
    const found = await handle.get();
    if (found === undefined)
      return missing(
        context,
        site,
        "Schedules",
        "No such schedule",
        "No code that a worker has names it, and none was made at run time.",
      );
    const [next, past] = await Promise.all([handle.preview(10), handle.history({ limit: 25 })]);
    const ticks = {
      next,
      past: past.map((tick) => ({ ...tick, run: tick.run === undefined ? undefined : shown.run(tick.run) })),
    };
    const body = schedulePage(site, shown.schedule(found), ticks);
    return answer(context, site, { title: found.name, part: "Schedules", refresh: seldom, body });
  });
  pages.post("/schedules/:name", async (context) => {
    const { name } = context.req.param();
    const done = await actOnSchedule(duckdive, name, await formOf(context));
    return context.redirect(
      `${toNamed({ base: context.get("base") }, "/schedules", name)}?done=${done}`,
      303,
    );
  });

  pages.get("/batches", async (context) => {
    const { site } = await read(context);
    const given = context.req.query("before");
    const before = given !== undefined && isId(given) ? { before: given } : {};
    const batches = await duckdive.batches({ limit: perBatchPage, ...before });
    const older = batches.length === perBatchPage ? batches.at(-1)?.id : undefined;
    return answer(context, site, {
      title: "Batches",
      part: "Batches",
      refresh: seldom,
      body: batchesPage(site, batches, older),
    });
  });

  pages.get("/workers", async (context) => {
    const { site } = await read(context);
    const [workers, departed] = await Promise.all([duckdive.workers(), duckdive.departed({ limit: 50 })]);
    const body = workersPage(site, { now: site.now, workers, departed });
    return answer(context, site, { title: "Workers", part: "Workers", refresh: often, body });
  });

  pages.get("*", async (context, next) => {
    if (context.req.path === "/api" || context.req.path.startsWith("/api/")) return next();
    const { site } = await read(context);
    return missing(
      context,
      site,
      "",
      "There is nothing here",
      "No page has this address. The ones that there are stand in the bar above.",
    );
  });

  pages.onError((error, context) => {
    const { problem, isUnexpected } = problemOf(error);
    if (isUnexpected) onUnexpected(error, context);
    const site = quietSite(context, assets, new Date());
    context.status(problem.status as 500);
    return context.html(layout(site, { title: "Something went wrong", body: problemPage(site, problem) }));
  });
  return pages;

  async function queueFacts(site: Site, hour: Awaited<ReturnType<typeof read>>["hour"]) {
    const [queues, workers, usual] = await Promise.all([
      duckdive.queues(),
      duckdive.workers(),
      health.usual(site.now),
    ]);
    return { now: site.now, queues, workers, hour, usual };
  }

  /** A page of runs; what is wrong with the filter is said in its place. */
  async function listed(search: ReturnType<typeof searchOf>, cursor: string | undefined, now: Date) {
    try {
      const filter = filterOf(search, now);
      const text = textOf(search);
      if (text !== "") {
        const found = await findRuns(duckdive, shown, { filter, text, cursor, limit: perPage });
        return { ...found, problem: undefined };
      }
      const page = await duckdive.list(filter, { limit: perPage, cursor });
      return {
        runs: page.runs.map(shown.run),
        next: page.cursor,
        lookedBackTo: undefined,
        problem: undefined,
      };
    } catch (error) {
      const { problem, isUnexpected } = problemOf(error);
      if (isUnexpected) throw error;
      return { runs: [], next: undefined, lookedBackTo: undefined, problem: problem.detail };
    }
  }
}

function spanOf(text: string | undefined): Span {
  return text !== undefined && text in spans ? (text as Span) : "24h";
}
