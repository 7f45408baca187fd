// What pages do: one run, many runs, a queue, a schedule. Each is a form that is sent, and leads back to a page that says what
// was done.
//
// Access has looked at the role and at where the request comes from before anything of this is reached.
//
// Before this file come the forms. After it comes the client.
import type { Context } from "hono";
import { signal } from "../../job/index.js";
import { isId } from "../../kernel/index.js";
import type { WebEnvironment } from "../environment.js";
import { refused } from "../problem.js";
import type { Served } from "../served.js";
import type { Shown } from "../shown.js";
import { type Action, actions, confirmPage } from "./confirm.js";
import { type Html, many, type Site, to } from "./markup.js";
import { filterOf, queryOf, type Search, searchOf, searchText, textOf } from "./search.js";

type Form = Readonly<Record<string, string | File | (string | File)[]>>;
type Target = readonly string[] | ReturnType<typeof filterOf> | { all: true };

/** A form with more runs than a page has was not made by a page. */
const mostRuns = 1_000;
const reason = "cancelled in the dashboard";

// ── One run ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Answers what was done, as a code for the address. */
export async function actOnRun(duckdive: Served, id: string, form: Form): Promise<string> {
  const action = textIn(form, "action");
  if (action === "retry") return `retry.${await duckdive.retry([id])}`;
  if (action === "signal") {
    await duckdive.signal(id, signal(textIn(form, "signal"), anything), jsonIn(form, "payload"));
    return "signalled";
  }
  throw refused("INVALID_REQUEST", `A run cannot be told to ${JSON.stringify(action)} here.`);
}

/** Judged by the handler that takes it: a page has no schema. */
const anything = {
  "~standard": { version: 1 as const, vendor: "duckdive", validate: (value: unknown) => ({ value }) },
};

// ── Queues and schedules ────────────────────────────────────────────────────────────────────────────────────────

export async function actOnQueue(duckdive: Served, queue: string, form: Form): Promise<string> {
  const action = textIn(form, "action");
  if (action === "pause") await duckdive.pause({ queue });
  else if (action === "resume") await duckdive.resume({ queue });
  else if (action === "own-slots") await duckdive.setSlots(queue, undefined);
  else if (action === "slots") await duckdive.setSlots(queue, numberIn(form, "slots"));
  else throw refused("INVALID_REQUEST", `A queue cannot be told to ${JSON.stringify(action)} here.`);
  return action === "pause" ? "paused" : action === "resume" ? "resumed" : "set";
}

export async function actOnSchedule(duckdive: Served, name: string, form: Form): Promise<string> {
  const schedule = duckdive.schedule(name);
  const action = textIn(form, "action");
  if (action === "pause") await schedule.pause();
  else if (action === "resume") await schedule.resume();
  else if (action === "trigger") await schedule.trigger();
  else throw refused("INVALID_REQUEST", `A schedule cannot be told to ${JSON.stringify(action)} here.`);
  return action === "pause" ? "paused" : action === "resume" ? "resumed" : "triggered";
}

// ── Many runs ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What is meant: runs that were ticked, or all that match what stands in the address. */
interface Meant {
  readonly action: Action;
  readonly target: Target | undefined;
  readonly ids: readonly string[];
  readonly search: Search;
}

function meantBy(query: URLSearchParams, now: Date): Meant {
  const action = actions.find((one) => one === query.get("action"));
  if (action === undefined)
    throw refused("INVALID_REQUEST", "Runs can be retried, cancelled or deleted here.");
  const ids = query.getAll("run").filter(isId).slice(0, mostRuns);
  const search = searchOf(query);
  const isAll = query.get("all") === "1";
  if (isAll && textOf(search) !== "")
    throw refused(
      "INVALID_REQUEST",
      "All that match cannot be taken where a text is searched for. Tick them, or filter otherwise.",
    );
  if (!isAll) return { action, ids, search, target: ids.length === 0 ? undefined : ids };
  const filter = filterOf(search, now);
  return { action, ids, search, target: Object.keys(filter).length === 0 ? { all: true } : filter };
}

async function perform(duckdive: Served, { action, target }: Meant, dryRun: boolean): Promise<number> {
  if (target === undefined) return 0;
  if (action === "retry") return duckdive.retry(target, { dryRun });
  if (action === "cancel") return duckdive.cancel(target, reason, { dryRun });
  return duckdive.delete(target, { dryRun });
}

/** The page that says first what would be done, and to how many. */
export async function askBefore(
  duckdive: Served,
  shown: Shown,
  site: Site,
  query: URLSearchParams,
): Promise<Html> {
  const meant = meantBy(query, site.now);
  const { action, target, ids, search } = meant;
  const isAll = target !== undefined && ids !== target;
  const number = await perform(duckdive, meant, true);
  const states = {
    retry: ["failed", "cancelled"],
    cancel: ["ready", "waiting", "scheduled", "running"],
    delete: undefined,
  } as const;
  const state = states[action]?.filter((one) => search.states.length === 0 || search.states.includes(one));
  const filter = isAll
    ? { ...filterOf(search, site.now), ...(state === undefined ? {} : { state }) }
    : { id: ids };
  const { runs } = number === 0 ? { runs: [] } : await duckdive.list(filter, { limit: 5 });
  const what =
    target === undefined
      ? "No run was selected"
      : isAll
        ? `All ${searchText(search)}`
        : many(ids.length, "selected run");
  const onlyOne = ids.length === 1 && !isAll ? ids[0] : undefined;
  return confirmPage(site, {
    action,
    number,
    what,
    some: runs.map(shown.run),
    fields: { ...queryOf(search), ...(isAll ? { all: "1" } : { run: ids }) },
    back: onlyOne === undefined ? to(site, "/runs", queryOf(search)) : to(site, `/runs/${onlyOne}`),
  });
}

/** Does it, and answers where to go and what to say there. */
export async function actOnMany(
  duckdive: Served,
  form: Form,
  now: Date,
): Promise<{ search: Search; done: string }> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(form))
    for (const one of Array.isArray(value) ? value : [value])
      if (typeof one === "string") query.append(name, one);
  const meant = meantBy(query, now);
  const number = await perform(duckdive, meant, false);
  return { search: meant.search, done: `${meant.action}.${number}` };
}

// ── Forms ───────────────────────────────────────────────────────────────────────────────────────────────────────

export function formOf(context: Context<WebEnvironment>): Promise<Form> {
  return context.req.parseBody({ all: true });
}

export function textIn(form: Form, name: string): string {
  const value = form[name];
  return typeof value === "string" ? value : "";
}

function numberIn(form: Form, name: string): number {
  const text = textIn(form, name).trim();
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw refused("INVALID_REQUEST", `The ${name} are no whole number: ${JSON.stringify(text)}.`);
}

/** The value of a field that holds JSON; undefined where it is empty. @throws Refusal */
export function jsonIn(form: Form, name: string): unknown {
  const text = textIn(form, name).trim();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw refused(
      "INVALID_REQUEST",
      `The ${name} is no JSON: ${error instanceof Error ? error.message : "it cannot be read"}.`,
    );
  }
}
