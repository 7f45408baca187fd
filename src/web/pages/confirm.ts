// Before something is done to many runs: how many that are, and of what kind, counted without doing anything.
//
// Before this file comes an action with its dry run. After it comes the form that does it.
import type { RunRecord } from "../../job/index.js";
import { count, type Html, html, many, type Query, type Site, short, to } from "./markup.js";
import { stateLabel } from "./states.js";

export const actions = ["retry", "cancel", "delete"] as const;
export type Action = (typeof actions)[number];

const words = {
  retry: {
    ask: "Retry",
    say: "They are made ready again, with all their attempts. What they have on record is not done again.",
  },
  cancel: { ask: "Cancel", say: "Those that wait end at once; those that run are asked to end." },
  delete: { ask: "Delete", say: "They are gone for good, with their history. Runs that are running stay." },
} as const;

const does = { retry: "retried", cancel: "cancelled", delete: "deleted" } as const;

/** What was done, in a sentence. */
export function doneText(action: Action, number: number): string {
  return `${many(number, "run")} ${number === 1 ? "was" : "were"} ${does[action]}.`;
}

export function confirmPage(
  site: Site,
  about: {
    readonly action: Action;
    /** How many it would do something to. */
    readonly number: number;
    /** Which runs, in words. */
    readonly what: string;
    readonly some: readonly RunRecord[];
    /** What is sent with the form. */
    readonly fields: Query;
    readonly back: string;
  },
): Html {
  const { action, number, what, some, fields, back } = about;
  const { ask, say } = words[action];
  const amount = many(number, "run");
  const hidden = Object.entries(fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((one) => one !== undefined && one !== "")
      .map((one) => html`<input type="hidden" name="${name}" value="${String(one)}">`),
  );
  if (number === 0)
    return html`<h1>Nothing to ${action}</h1><p class="when">${what}: none of them can be ${does[action]} as they are now.</p><p class="btns confirm"><a class="btn" href="${back}">Back</a></p>`;
  return html`<h1>${ask} ${amount}?</h1>
<p class="when">${what}. ${say}</p>
<form class="btns confirm" method="post" action="${to(site, "/act")}">${hidden}<input type="hidden" name="action" value="${action}"><button class="btn ${action === "delete" ? "harm" : "main"}">${ask} ${count(number)}</button><a class="btn" href="${back}">Leave them</a></form>
<section><div class="head"><h2>The newest of them</h2></div><table class="t"><colgroup><col class="w9"><col><col></colgroup><thead><tr><th scope="col">State</th><th scope="col">Job</th><th scope="col">Error</th></tr></thead><tbody>${some.map(
    (run) =>
      html`<tr><td>${stateLabel(run.state)}</td><td><a class="name" href="${to(site, `/runs/${run.id}`)}">${run.job}</a> <span class="dim mono">${short(run.id)}</span></td><td class="soft">${run.error === undefined ? "" : `${run.error.name}: ${run.error.message}`}</td></tr>`,
  )}</tbody></table></section>`;
}
