// Asking for a run by hand: a job, and its input as JSON.
//
// Before this file come the jobs that are known. After it comes the layout.
import type { JobState } from "../../queue/index.js";
import { type Html, html, type Site, to } from "./markup.js";

export interface EnqueueForm {
  readonly job: string;
  readonly input: string;
  readonly queue: string;
  /** Why it was refused, if it was. */
  readonly problem: string | undefined;
}

export function enqueuePage(site: Site, jobs: readonly JobState[], form: EnqueueForm): Html {
  return html`<p class="crumb"><a href="${to(site, "/runs")}">Runs</a></p><h1>Enqueue a run</h1>
<p class="when">The input is checked by the job’s own schema: here where this server has the job, otherwise by the first worker that has it.</p>
${form.problem === undefined ? "" : html`<p class="wrong" role="alert">${form.problem}</p>`}
<form class="ask" method="post" action="${to(site, "/enqueue")}">
<label for="job">Job</label><input class="field" id="job" name="job" list="jobs" value="${form.job}" required autocomplete="off"><datalist id="jobs">${jobs.map(({ name, description }) => html`<option value="${name}">${description ?? ""}</option>`)}</datalist>
<label for="input">Input, as JSON; empty for none</label><textarea class="field mono" id="input" name="input" rows="8" spellcheck="false">${form.input}</textarea>
<button class="btn main">Enqueue</button></form>`;
}
