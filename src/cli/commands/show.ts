// `duckdive show ID`: everything that is known of a run, and first why it is where it is.
//
// The order is the order of questions: what is it and what is it doing, how did it come to that, which steps has it done,
// which runs belong to it, what went wrong, what did it say, what was it given and what did it give back.
import type { Command } from "commander";
import type { RunRecord, StoredError } from "../../job/index.js";
import { formatDuration } from "../../kernel/index.js";
import { RunNotFoundError, type Step, type Timeline } from "../../queue/index.js";
import { exits } from "../exit.js";
import { type Descendant, type Family, familyOf, type Relative } from "../family.js";
import { findId } from "../find.js";
import type { Output } from "../output.js";
import type { Perform } from "../perform.js";
import { progressOf } from "../runs-table.js";
import { withSession } from "../session.js";
import { printSteps } from "../steps-table.js";
import { clean, cleanLines } from "../text.js";
import { treeLines } from "../tree.js";
import { relative, stateCell } from "../words.js";

export function defineShow(command: Command, perform: Perform): void {
  command
    .argument("<id>", "the run, by its id or at least the first 8 characters of it")
    .action((given: string) =>
      perform((cli) =>
        withSession(cli, { access: "existing" }, async ({ duckdive, store }) => {
          const id = await findId(store, given);
          const [run, explanation, timeline, steps, entries] = await Promise.all([
            duckdive.get(id),
            duckdive.explain(id),
            duckdive.timeline(id),
            duckdive.steps(id),
            store.entries(id),
          ]);
          if (run === undefined) throw new RunNotFoundError(id);
          const now = store.now();
          const shown = { run, explanation, timeline, steps, now };
          const family = await familyOf(duckdive, run, entries, now);
          if (cli.output.isJson) cli.output.json(documentOf({ ...shown, family }));
          else print(cli.output, { ...shown, family });
          return exits.fine;
        }),
      ),
    );
}

interface Shown {
  readonly run: RunRecord;
  readonly explanation: readonly string[];
  readonly timeline: Timeline;
  readonly steps: readonly Step[];
  readonly family: Family;
  readonly now: number;
}

function documentOf({ run, explanation, timeline, steps, family }: Shown): object {
  const { events, logs } = timeline;
  const { parents, children, leftOut } = family;
  const below = { children: children.map(forPrograms), childrenLeftOut: leftOut };
  return { ...run, explanation, timeline: events, logs, steps, parents, ...below };
}

/** Without what is said to people. */
function forPrograms({ remark: _, children, ...run }: Descendant): object {
  return { ...run, children: children.map(forPrograms) };
}

function print(output: Output, shown: Shown): void {
  const { run, explanation, timeline, steps, family, now } = shown;
  const { colors } = output;
  const state = stateCell(run.state, colors);
  const word = typeof state === "string" ? state : state.paint(state.text);
  output.line(`${colors.bold(clean(run.job))}  ${word}  ${run.id}`);
  for (const sentence of explanation) output.line(clean(sentence));
  output.line();
  output.facts(factsOf(run, family, now));
  printTimeline(output, run, timeline);
  printSteps(output, steps, run.requestedAt, now);
  if (family.children.length > 0) {
    output.section("Runs below it");
    for (const line of treeLines(family.children, family.leftOut, { colors, width: output.width() }))
      output.line(line);
  }
  if (run.error !== undefined) {
    output.section(run.state === "failed" ? "Error" : "Last error");
    printError(output, run.error);
  }
  if (timeline.logs.length > 0) {
    output.section("Log");
    for (const { at, level, message, fields } of timeline.logs) {
      const paint = { debug: colors.dim, info: String, warn: colors.yellow, error: colors.red }[level];
      const more = fields === undefined ? "" : ` ${colors.dim(clean(JSON.stringify(fields)))}`;
      output.line(`${colors.dim(at.toISOString())} ${paint(level.padEnd(5))} ${clean(message)}${more}`);
    }
  }
  printValue(output, "Input", run.input);
  printValue(output, "Output", run.output);
}

function factsOf(run: RunRecord, { parents }: Family, now: number): [string, string | undefined][] {
  const time = (date: Date | undefined): string | undefined =>
    date === undefined ? undefined : `${date.toISOString()} (${relative(date, now)})`;
  const { startedAt, finishedAt } = run;
  const meta = Object.entries(run.meta).map(([name, value]) => `${name}=${value}`);
  return [
    ["queue", `${run.queue}${run.priority === 0 ? "" : `, priority ${run.priority}`}`],
    ["version", run.version === 1 ? undefined : String(run.version)],
    ["attempt", run.attempt === 0 ? undefined : String(run.attempt)],
    ["lost", run.crashes === 0 ? undefined : `${run.crashes} with their worker`],
    ["asked for", time(run.requestedAt)],
    ["may start", run.runAt.getTime() === run.requestedAt.getTime() ? undefined : time(run.runAt)],
    ["started", time(startedAt)],
    ["ended", time(finishedAt)],
    [
      "took",
      startedAt === undefined || finishedAt === undefined
        ? undefined
        : formatDuration(finishedAt.getTime() - startedAt.getTime()),
    ],
    ["progress", run.progress === undefined ? undefined : progressOf(run.progress)],
    ["worker", run.worker],
    ["tags", run.tags.length === 0 ? undefined : run.tags.join(", ")],
    ["meta", meta.length === 0 ? undefined : meta.join(", ")],
    ["below", parents.length === 0 ? run.parent : parents.map(nameOf).join(", below ")],
    ["comes after", run.after === undefined ? undefined : runsOf(run.after)],
    ["batch", run.batch],
    ["release", releasesOf(run)],
  ];
}

/** Which asked for it and which executed it: in the middle of a deploy they differ. */
function releasesOf({ release, ranRelease }: RunRecord): string | undefined {
  if (ranRelease === undefined || ranRelease === release) return release;
  return release === undefined ? `executed by ${ranRelease}` : `${release}, executed by ${ranRelease}`;
}

function nameOf({ id, job, state }: Relative): string {
  return `${job} ${id} (${state})`;
}

/** Those that have not ended well, of those that a run comes after. */
function runsOf(ids: readonly string[]): string {
  const shown = ids.slice(0, 3).join(", ");
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown;
}

/**
 * What happened, and when since the request. The last start and the end are in the record, not among the events; the starts
 * before it are with what ended them.
 */
function printTimeline(output: Output, run: RunRecord, { events }: Timeline): void {
  const { colors } = output;
  const from = run.requestedAt.getTime();
  const ended =
    run.finishedAt === undefined || events.at(-1)?.kind === run.state
      ? []
      : [{ at: run.finishedAt, text: run.state }];
  const lines = [
    { at: run.requestedAt, text: "asked for" },
    ...startsOf(run, events),
    ...events.map((event) => ({ at: event.at, text: sentenceOf(event) })),
    ...ended,
  ].sort((one, other) => one.at.getTime() - other.at.getTime());
  output.section("Timeline");
  for (const { at, text } of lines) {
    const away = Math.max(0, at.getTime() - from);
    output.line(
      `${colors.dim(at.toISOString())} ${colors.dim(`+${formatDuration(away)}`.padStart(9))}  ${clean(text)}`,
    );
  }
}

function startsOf(run: RunRecord, events: Timeline["events"]): { at: Date; text: string }[] {
  const starts = new Map<number, number>();
  for (const { kind, attempt, detail } of events) {
    const { startedAt } = (detail ?? {}) as { startedAt?: unknown };
    if (kind === "failed" && typeof startedAt === "number") starts.set(startedAt, attempt);
  }
  if (run.startedAt !== undefined && run.attempt > 0) starts.set(run.startedAt.getTime(), run.attempt);
  return [...starts].map(([at, attempt]) => ({ at: new Date(at), text: `attempt ${attempt} started` }));
}

function sentenceOf({ kind, attempt, worker, detail }: Timeline["events"][number]): string {
  const on = worker === undefined ? "" : ` on worker ${worker}`;
  const said = detailOf(detail);
  switch (kind) {
    case "failed":
      return `attempt ${attempt} failed${on}${said}`;
    case "lost":
      return lossSentence(attempt, detail, said);
    case "handedBack":
      return `handed back: its worker was stopping; the attempt does not count`;
    case "cancelAsked":
      return `cancellation asked for${said}`;
    case "unparked":
      return `waits no longer${said}`;
    case "prepared":
      return "its input was checked";
    default:
      return `${kind}${said}`;
  }
}

/** What the worker died of, and whether the run was to blame. */
function lossSentence(attempt: number, detail: unknown, said: string): string {
  const { cause, innocent } = (detail ?? {}) as { cause?: unknown; innocent?: unknown };
  const why = typeof cause === "string" ? `: ${cause}` : "";
  const blame = innocent === true ? "; it was not to blame, and the attempt does not count" : "";
  return `attempt ${attempt} was lost with its worker${said}${why}${blame}`;
}

/** The part of an event's detail that says something to people. */
function detailOf(detail: unknown): string {
  if (typeof detail !== "object" || detail === null) return "";
  const { message, name, reason, on, worker, milliseconds, release } = detail as Record<string, unknown>;
  const under = typeof release === "string" ? `, release ${release}` : "";
  if (typeof message === "string")
    return `${under}: ${typeof name === "string" ? `${name}: ` : ""}${message}`;
  if (typeof worker === "string") return ` ${worker}`;
  if (typeof milliseconds === "number") return ` for ${formatDuration(milliseconds)}`;
  if (typeof reason === "string") return `: ${reason}${typeof on === "string" ? ` (${on})` : ""}`;
  return "";
}

function printError(output: Output, error: StoredError, isCause = false): void {
  const { colors } = output;
  const title = `${isCause ? "caused by " : ""}${error.name}: ${error.message}`;
  const [first = "", ...rest] = cleanLines(title);
  output.line(colors.red(first));
  for (const line of rest) output.line(line);
  if (error.code !== undefined) output.line(`code ${clean(error.code)}`);
  if (error.data !== undefined) output.line(`data ${clean(JSON.stringify(error.data))}`);
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  for (const frame of frames) output.line(colors.dim(clean(frame)));
  if (error.cause !== undefined) printError(output, error.cause, true);
}

function printValue(output: Output, title: string, value: unknown): void {
  if (value === undefined) return;
  output.section(title);
  for (const line of cleanLines(JSON.stringify(value, undefined, 2))) output.line(line);
}
