// biome-ignore-all lint/suspicious/noExplicitAny: `any` is the wildcard of a job here; nothing is inferred as it
/**
 * `explore`: a job crashed at every boundary, and what that does to its world.
 *
 * Twice it is run without a fault: once to learn its boundaries, and once more to be sure that two worlds in which nothing
 * goes wrong look alike. Then each fault happens at each boundary, once, each time in a new world.
 *
 * Before this file come a test and its jobs. After it come trials, and the report.
 */
import type { Job } from "../../job/index.js";
import { checkOptions, DuckdiveError, InvalidOptionError } from "../../kernel/index.js";
import { blamesIn, isMixed, suspectsIn, type Trial } from "./blame.js";
import { keyOf, Tally } from "./bodies.js";
import { type Difference, differencesOf } from "./difference.js";
import { watchForeign } from "./foreign.js";
import { createReport, type Report } from "./report.js";
import { type Plan, plansFor, Script } from "./script.js";
import { type ExploreOptions, runTrial, type Seen, type Subject, subjectOf } from "./trial.js";

const optionNames = [
  "world",
  "jobs",
  "observe",
  "signals",
  "with",
  "file",
  "seed",
  "now",
  "patience",
  "log",
] as const;

/** A job cannot be explored: it does not end when nothing goes wrong, or two such runs leave worlds that differ. */
export class NotExplorableError extends DuckdiveError {
  static readonly code = "NOT_EXPLORABLE";
  readonly code: string = NotExplorableError.code;
}

/**
 * Runs a job once to learn its boundaries: every write to the store that an execution waits for. Then crashes it at each
 * of them, before the write and after it; takes its claim away there; lets the write fail; and delivers the run twice. Each
 * trial is run to its end in a world of its own, where sleeps and backoffs take no time, and is compared with the world
 * of the run to which nothing happened. Any number of executions may be left in the middle, and no `finally` of theirs is run.
 *
 * @param job the job by which the run is asked for; what is executed is the one of that name in `jobs(world)`
 * @throws InvalidOptionError; NotExplorableError when the job does not end, or is not the same twice, without any fault
 * @example
 * const report = await explore(pay(new Bank()), { order: "o1" }, {
 *   world: () => new Bank(),
 *   jobs: (bank) => [pay(bank)],
 *   observe: (bank) => bank.charges,
 * });
 * report.assertIdempotent();
 */
export async function explore<I, W>(
  job: Job<string, I, any, any, any, any>,
  input: NoInfer<I>,
  options: ExploreOptions<W>,
): Promise<Report> {
  checkOptions(options, optionNames, "explore()");
  for (const name of ["world", "jobs", "observe"] as const) {
    if (typeof options[name] !== "function")
      throw new InvalidOptionError(
        `explore() needs \`${name}\`: a function. See its documentation for what it gives back.`,
      );
  }
  const subject = subjectOf(job, input, options);
  const usual = await learn(subject);
  const trials: Trial[] = [];
  for (const plan of plansFor(usual.script.boundaries)) trials.push(await tryOut(subject, plan, usual));
  const effects = new Map<string, { place: Trial["repeated"][number]; differences: Difference[] }>();
  for (const place of suspectsIn(trials)) {
    const seen = await runTrial(subject, new Script(subject.run), new Tally({ doubled: place }));
    effects.set(keyOf(place), { place, differences: differencesOf(usual.seen.world, seen.world) });
  }
  const apart = await tryApart(subject, trials.filter(isMixed));
  const blames = blamesIn(trials, effects, [...trials, ...apart]);
  return createReport(subject.job, trials, blames, usual.tally.foreign?.found ?? []);
}

interface Usual {
  readonly script: Script;
  readonly tally: Tally;
  readonly seen: Seen;
}

/** What happens when nothing goes wrong. */
async function learn<W>(subject: Subject<W>): Promise<Usual> {
  const script = new Script(subject.run);
  const foreign = watchForeign();
  const tally = new Tally({ foreign });
  const seen = await runTrial(subject, script, tally).finally(foreign.stop);
  if (!seen.isOver)
    throw new NotExplorableError(
      `Job "${subject.job}" cannot be explored: without any fault its run ${seen.end}. Send what it waits for in ` +
        "`signals`, and list the jobs of its children in `jobs`.",
    );
  const again = await runTrial(subject, new Script(subject.run), new Tally());
  const [other] = differencesOf(seen.world, again.world);
  if (other === undefined && seen.end === again.end) return { script, tally, seen };
  throw new NotExplorableError(
    `Job "${subject.job}" cannot be explored: two runs of it without any fault already differ, ` +
      `${other?.text ?? `one ${seen.end}, the other ${again.end}`}. Leave out of \`observe\` what is random or the time of ` +
      "day, and make all of the world anew in `world`.",
  );
}

/** The same trials with a process for each job, compared with a run of which that is true as well. */
async function tryApart<W>(subject: Subject<W>, plans: readonly Plan[]): Promise<Trial[]> {
  if (plans.length === 0) return [];
  const tally = new Tally();
  const seen = await runTrial(subject, new Script(subject.run), tally, true);
  const trials: Trial[] = [];
  for (const plan of plans) trials.push(await tryOut(subject, plan, { tally, seen }, true));
  return trials;
}

async function tryOut<W>(
  subject: Subject<W>,
  { boundary, fault }: Plan,
  usual: Pick<Usual, "tally" | "seen">,
  isApart = false,
): Promise<Trial> {
  const tally = new Tally();
  const seen = await runTrial(subject, new Script(subject.run, { boundary, fault }), tally, isApart);
  return {
    boundary,
    fault,
    differences: differencesOf(usual.seen.world, seen.world),
    end:
      seen.end === usual.seen.end
        ? undefined
        : `the run ${seen.end}, and ${usual.seen.end} without any fault`,
    repeated: tally.moreThan(usual.tally),
  };
}
