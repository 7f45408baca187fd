/**
 * What an exploration found, as data and as text.
 *
 * Before this file comes the search for who made which difference. After it come the test and its reader.
 */
import { DuckdiveError } from "../../kernel/index.js";
import type { Blame, Trial } from "./blame.js";
import { keyOf, type Place } from "./bodies.js";
import type { ForeignAwait } from "./foreign.js";
import { faults } from "./script.js";

/** Where code is that is not in a step. */
const outsideOfSteps = "outside of a step";

/** Work that is not idempotent, and the first trial that showed it. */
export interface Finding {
  readonly job: string;
  /** The name of the step, or `outside of a step`. */
  readonly step: string;
  /** What went wrong, such as `crash before the write`. */
  readonly fault: string;
  /** Where, such as `step "charge"`. */
  readonly boundary: string;
  /** What was other then, such as `mails has "welcome" twice instead of once`. */
  readonly difference: string;
  readonly remedy: string;
  /** How many trials showed it. */
  readonly trials: number;
}

/** A trial: one fault at one boundary. */
export interface BoundaryReport {
  readonly at: string;
  readonly fault: string;
  /** What was other in the world, and how the run ended where it ended otherwise. */
  readonly differs: string[];
  /** What of that happened more often than it should. */
  readonly twice: string[];
}

/** What an exploration found. */
export interface Report {
  /** Nothing differed in any trial. */
  readonly ok: boolean;
  readonly job: string;
  /** How many trials were made. */
  readonly trials: number;
  /** Each of them, in the order of the run. */
  readonly boundaries: readonly BoundaryReport[];
  /** What must be made idempotent, one for each step. */
  readonly findings: readonly Finding[];
  /**
   * What handlers waited for beside their durable calls when they were suspended: it is done again by the next execution,
   * and never decides a race against a wait. Not a fault by itself.
   */
  readonly foreign: readonly ForeignAwait[];
  /** All of it as text. */
  toString(): string;
  /** @throws NotIdempotentError with that text, unless all is well */
  assertIdempotent(): void;
}

/** A job does something twice when it is interrupted, or ends otherwise. The message is the report. */
export class NotIdempotentError extends DuckdiveError {
  static readonly code = "NOT_IDEMPOTENT";
  readonly code: string = NotIdempotentError.code;
  readonly findings: readonly Finding[];

  constructor(message: string, findings: readonly Finding[]) {
    super(message);
    this.findings = findings;
  }
}

export function createReport(
  job: string,
  trials: readonly Trial[],
  blames: readonly Blame[],
  foreign: readonly ForeignAwait[],
): Report {
  const boundaries = trials.map(rowOf);
  const findings = [...findingsOf(blames), ...ofTheRun(job, trials, blames)];
  const ok = boundaries.every(({ differs }) => differs.length === 0);
  const places = new Set(trials.map(({ boundary }) => boundary)).size;
  const text = [textOf(job, { places, boundaries, findings }), ...foreign.map(textOfForeign)].join("\n\n");
  return {
    ok,
    job,
    trials: trials.length,
    boundaries,
    findings,
    foreign,
    toString: () => text,
    assertIdempotent() {
      if (!ok) throw new NotIdempotentError(text, findings);
    },
  };
}

function rowOf({ boundary, fault, differences, end }: Trial): BoundaryReport {
  const differs = differences.map(({ text }) => text);
  return {
    at: boundary.at,
    fault: faults[fault],
    differs: end === undefined ? differs : [end, ...differs],
    twice: differences.filter(({ isRepeated }) => isRepeated).map(({ text }) => text),
  };
}

function findingsOf(blames: readonly Blame[]): Finding[] {
  const byPlace = new Map<string, Blame[]>();
  for (const blame of blames) {
    const key = keyOf(blame.place);
    byPlace.set(key, [...(byPlace.get(key) ?? []), blame]);
  }
  return [...byPlace.values()].flatMap((own) => {
    const example = own.find(isPlain) ?? own.find(({ difference }) => difference.isRepeated) ?? own[0];
    if (example === undefined) return [];
    const { place, trial, difference } = example;
    return {
      job: place.job,
      step: place.step ?? outsideOfSteps,
      fault: faults[trial.fault],
      boundary: trial.boundary.at,
      difference: difference.text,
      remedy: remedyFor(place),
      trials: new Set(own.map((one) => one.trial)).size,
    };
  });
}

/** What everybody has met: a crash, and something that happened twice. */
function isPlain({ trial, difference }: Blame): boolean {
  return difference.isRepeated && (trial.fault === "crashBefore" || trial.fault === "crashAfter");
}

function remedyFor({ kind, step }: Place): string {
  switch (kind) {
    case "handler":
      return "Put it into a step: ctx.step(name, …). What stands outside of steps is done again by every execution of the run.";
    case "tx":
    case "succeed":
      return (
        "Write with the `tx` that the function is given, and with nothing else: only that is undone with it. What goes " +
        "elsewhere belongs into a step of its own."
      );
    default:
      return (
        "Let it do no more when it is repeated: pass the `key` that the step is given as the idempotency key, or write " +
        `by a key instead of adding, or, in the application's own database, use ctx.tx(${JSON.stringify(step)}, …).`
      );
  }
}

/** Trials after which the run itself ended otherwise, or something differed that nobody repeated. */
function ofTheRun(job: string, trials: readonly Trial[], blames: readonly Blame[]): Finding[] {
  const blamed = new Set(blames.map(({ trial }) => trial));
  const others = trials.filter(
    (trial) => trial.end !== undefined || (trial.differences.length > 0 && !blamed.has(trial)),
  );
  const first = others.find(({ end }) => end !== undefined) ?? others[0];
  if (first === undefined) return [];
  return [
    {
      job,
      step: "the run itself",
      fault: faults[first.fault],
      boundary: first.boundary.at,
      difference: first.end ?? first.differences[0]?.text ?? "",
      remedy:
        "Give the job an attempt more than it needs when nothing goes wrong (retry.attempts, crashes), and let its handler " +
        "come to the same end when it is executed again.",
      trials: others.length,
    },
  ];
}

/** How many trials the text shows; the data has all. */
const mostRows = 20;

function textOf(
  job: string,
  { places, boundaries, findings }: Pick<Report, "boundaries" | "findings"> & { readonly places: number },
): string {
  const tried = `${counted(boundaries.length, "trial")} at ${counted(places, "boundary", "boundaries")}`;
  if (boundaries.every(({ differs }) => differs.length === 0))
    return `Job "${job}" is idempotent: ${tried}, and each left the world as a run without any fault does.`;
  const bad = boundaries.filter(({ differs }) => differs.length > 0);
  const list = findings.map(
    (finding) =>
      `  ${nameOf(finding)}\n` +
      `    ${finding.fault}, at ${finding.boundary}: ${finding.difference}` +
      `${finding.trials > 1 ? ` (and in ${counted(finding.trials - 1, "other trial")})` : ""}\n` +
      `    ${finding.remedy}`,
  );
  const rows = bad
    .slice(0, mostRows)
    .map(({ at, fault, differs }) => `  ${fault}, at ${at}: ${differs.join("; ")}`);
  if (bad.length > mostRows) rows.push(`  and in ${bad.length - mostRows} more: see report.boundaries`);
  return [
    `Job "${job}" is not idempotent: ${tried}, and ${bad.length} left the world otherwise than a run without any fault does.`,
    `What must be made idempotent:\n${list.join("\n")}`,
    `Where it was seen:\n${rows.join("\n")}`,
  ].join("\n\n");
}

function textOfForeign({ job, stack }: ForeignAwait): string {
  return (
    `The handler of job "${job}" was suspended while it waited for a promise that duckdive does not know, made here:\n` +
    `${stack.replaceAll(/^/gm, "  ")}\n` +
    "  It is made anew by the next execution, and cannot win a race against a wait. Put it into a step: ctx.step(name, …)."
  );
}

function nameOf({ job, step }: Finding): string {
  return step === outsideOfSteps ? `${step}, in the handler of job "${job}"` : `"${step}" of job "${job}"`;
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
