// States as people see them: an icon, a hue and a word, always the three.
//
// The icons are drawn once a page, by `layout.ts`, and used by name here.
//
// Before this file comes a run. After it come the pages.
import type { RunRecord, State } from "../../job/index.js";
import { type Html, html, lasting, roughly } from "./markup.js";

/** In the order in which a run goes through them. */
export const states = [
  "ready",
  "running",
  "waiting",
  "scheduled",
  "succeeded",
  "failed",
  "cancelled",
] as const satisfies readonly State[];

export function icon(
  name: State | "worker" | "dim",
  shape: State | "worker" = name === "dim" ? "running" : name,
): Html {
  return html`<svg class="ic ${name}" aria-hidden="true"><use href="#${shape}"/></svg>`;
}

export function stateLabel(state: State, word: string = state): Html {
  return html`<span class="st ${state}">${icon(state)}${word}</span>`;
}

/** Why a run is in its state, in a few words, for a row of a table. Empty: the state says it all. */
export function because(run: RunRecord, now: Date): string {
  switch (run.state) {
    case "running":
      return run.startedAt === undefined ? "" : `${lasting(now.getTime() - run.startedAt.getTime())} so far`;
    case "waiting":
      return waitingOn(run);
    case "scheduled": {
      const left = roughly(run.runAt.getTime() - now.getTime());
      return run.attempt > 0 && run.error !== undefined ? `tries again in ${left}` : `starts in ${left}`;
    }
    case "failed":
      return run.error?.name ?? run.reason ?? "";
    case "cancelled":
      return run.reason ?? "";
    case "succeeded":
      return run.crashes > 0 ? `worker lost ${run.crashes === 1 ? "once" : `${run.crashes} times`}` : "";
    default:
      return "";
  }
}

/** What a run waits for, in a few words. */
export function waitingOn({ waiting }: Pick<RunRecord, "waiting">): string {
  if (waiting === undefined) return "";
  const { reason, on } = waiting;
  const thing = on === undefined || on === "" ? "" : ` ${on}`;
  const words = {
    entries: entriesText(on),
    dependency: "on a run before it",
    admission: `on ${thing === "" ? "a lock or a limit" : thing.trim()}`,
    worker: "on a worker that has its code",
    paused: "its job is paused",
    preparation: "on a worker to check its input",
  };
  return words[reason];
}

/** From due to started; undefined: it has not started, or waited before a later attempt. */
export function waitOf(run: RunRecord): number | undefined {
  if (run.startedAt === undefined) return undefined;
  return Math.max(0, run.startedAt.getTime() - run.runAt.getTime());
}

/** From started to ended. */
export function tookOf(run: RunRecord): number | undefined {
  if (run.startedAt === undefined || run.finishedAt === undefined) return undefined;
  return run.finishedAt.getTime() - run.startedAt.getTime();
}

/** The names of the durable calls that are waited for: one, or a JSON list of them. */
function entriesText(on: string | undefined): string {
  if (on === undefined || on === "") return "on a step of its own";
  if (!on.startsWith("[")) return `on ${on}`;
  try {
    const names: unknown = JSON.parse(on);
    if (Array.isArray(names)) return `on ${names.slice(0, 3).join(", ")}${names.length > 3 ? " …" : ""}`;
  } catch {
    // A name that begins like a list and is none.
  }
  return `on ${on}`;
}
