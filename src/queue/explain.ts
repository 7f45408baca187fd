// Why is this run not running? Answered in sentences, from plain data.
//
// Every reason for which a run can stand still has its sentence here, and its test beside this file; the remedy is
// in the sentence when there is one. Nothing is read and nothing is decided: what the store says of the run, its
// queue and its workers is handed in, so that a sentence can be tested without making it happen.
//
// Before this file comes `Duckdive.explain`, which gathers the facts. After it come the command line and the dashboard.
import { formatDuration } from "../kernel/index.js";
import { failureReasons } from "../run/index.js";
import type { PauseTarget, QueueRow, StoredRun, TimelineEvent, WorkerRow } from "../store/contract.js";

/** Everything that explains a run, read at about the same moment. */
export interface Facts {
  readonly run: StoredRun;
  readonly now: number;
  readonly events: readonly TimelineEvent[];
  readonly workers: readonly WorkerRow[];
  readonly queue: QueueRow | undefined;
  readonly paused: readonly PauseTarget[];
  /** How many attempts its job allows, where somebody knows. */
  readonly attempts: number | undefined;
  /** How many workers its job may take down, where somebody knows. */
  readonly crashes: number | undefined;
}

/** Says why a run is where it is, in one sentence or more; the first is the answer, the others add to it. */
export function explainRun(facts: Facts): string[] {
  return [...explainState(facts), ...explainBesides(facts)];
}

function explainState(facts: Facts): string[] {
  switch (facts.run.state) {
    case "scheduled":
      return explainScheduled(facts);
    case "ready":
      return explainReady(facts);
    case "running":
      return explainRunning(facts);
    case "waiting":
      return explainWaiting(facts);
    case "succeeded":
    case "failed":
    case "cancelled":
      return explainEnded(facts);
  }
}

/** What is true beside the state: limits in time, lost executions, a cancellation that was asked for. */
function explainBesides(facts: Facts): string[] {
  const { run, now } = facts;
  const sentences: string[] = [];
  const { state, startBy, finishBy, startedAt, cancelAsked } = run;
  const ended = state === "succeeded" || state === "failed" || state === "cancelled";
  if (cancelAsked !== undefined && !ended) {
    sentences.push(
      `Its cancellation was asked for (${cancelAsked}); it ends when its handler obeys \`ctx.signal\`, or fails.`,
    );
  }
  sentences.push(...explainLosses(facts), ...explainLastChance(facts));
  if (!ended && startBy !== undefined && startedAt === undefined)
    sentences.push(`It must start ${until(startBy, now)}, or it fails as expired.`);
  if (!ended && finishBy !== undefined)
    sentences.push(`It must end ${until(finishBy, now)}, or it fails as expired.`);
  return sentences;
}

/** What became of its workers, and whether it was to blame. Those before a retry by hand count no more. */
function explainLosses({ run: { crashes }, events }: Facts): string[] {
  const retried = events.findLastIndex(({ kind }) => kind === "retried");
  const losses = events
    .slice(retried + 1)
    .flatMap(({ kind, detail }) => (kind === "lost" ? lossIn(detail) : []));
  const innocent = losses.filter((loss) => loss.isInnocent);
  const why = causeOf(losses.filter((loss) => !loss.isInnocent));
  const whyInnocent = causeOf(innocent);
  const sentences: string[] = [];
  if (crashes === 1)
    sentences.push(`One execution of it was lost with its worker${why}; its timeline says which.`);
  if (crashes > 1)
    sentences.push(
      `${crashes} executions of it were lost with their workers${why}; its timeline says which.`,
    );
  if (innocent.length === 1)
    sentences.push(
      `One execution of it was lost with a worker by no fault of its own${whyInnocent}: that attempt does not count.`,
    );
  if (innocent.length > 1)
    sentences.push(
      `${innocent.length} executions of it were lost with workers by no fault of its own${whyInnocent}: those attempts do not count.`,
    );
  return sentences;
}

interface Loss {
  readonly cause: string | undefined;
  readonly isInnocent: boolean;
}

/** The newest cause, in parentheses. */
function causeOf(losses: readonly Loss[]): string {
  const cause = losses.at(-1)?.cause;
  if (cause === undefined) return "";
  return losses.length === 1 ? ` (${cause})` : ` (the last one: ${cause})`;
}

function lossIn(detail: unknown): Loss {
  const { cause, innocent } = (detail ?? {}) as { cause?: unknown; innocent?: unknown };
  return { cause: typeof cause === "string" ? cause : undefined, isInnocent: innocent === true };
}

function explainLastChance({ run, crashes: limit }: Facts): string[] {
  const { state, crashes } = run;
  if (state === "succeeded" || state === "failed" || state === "cancelled") return [];
  if (limit === undefined || crashes === 0) return [];
  if (crashes >= limit)
    return [
      `It took down ${crashes} of the ${limit} workers that it may: its next worker fails it as poison.`,
    ];
  if (crashes < limit - 1) return [];
  return [
    `This is its last chance: should it take down one more worker, it fails as poison (its job's \`crashes\` is ${limit}). ` +
      "It is executed alone in its worker, so that nobody else is hurt.",
  ];
}

function explainScheduled(facts: Facts): string[] {
  const { run, now, events, workers } = facts;
  const last = events.findLast(
    ({ kind }) => kind === "failed" || kind === "snoozed" || kind === "retried" || kind === "lost",
  );
  const when = run.runAt > now ? `starts ${until(run.runAt, now)}` : `was due ${since(run.runAt, now)}`;
  const sentences = [
    last?.kind === "failed" && run.error !== undefined
      ? `It waits to be tried again: attempt ${ofAll(run.attempt, facts)} failed with ${named(run.error)}, and the next ${when}.`
      : last?.kind === "snoozed"
        ? `Its handler asked to go on later (snooze): it ${when}.`
        : `It was asked for with a delay: it ${when}.`,
  ];
  if (run.runAt <= now) {
    sentences.push(
      workers.length === 0
        ? "No worker is running that could start it. Start one: `duckdive work`."
        : "A worker makes it ready within moments.",
    );
  }
  return sentences;
}

function explainReady(facts: Facts): string[] {
  const { run, queue, workers } = facts;
  const queueName = JSON.stringify(run.queue);
  if (queue?.paused === true || isPaused(facts, "queue", run.queue))
    return [`It is ready, but queue ${queueName} is paused. Resume it: \`duckdive resume ${run.queue}\`.`];
  if (workers.length === 0) return ["It is ready, but no worker is running. Start one: `duckdive work`."];
  const drawing = workers.filter((worker) => slotsFor(worker, run.queue) > 0);
  if (drawing.length === 0) {
    return [
      `It is ready, but no running worker draws from queue ${queueName}. ` +
        `Give one of them slots for it: \`duckdive work --queues "${run.queue}=10"\`, or \`work({ queues: { ${queueName}: 10 } })\`.`,
    ];
  }
  if (!drawing.some((worker) => isAble(worker, run)))
    return [`It is ready, but ${nobodyHasIt(facts, drawing)}`];
  if (isPaused(facts, "job", run.job))
    return [
      `It is ready, but its job is paused: the worker that takes it puts it aside. ${resumeJob(run.job)}`,
    ];
  return [explainLine(facts, drawing)];
}

/** Somebody could take it and has not yet: others are before it, or it is about to happen. */
function explainLine({ run, queue }: Facts, drawing: readonly WorkerRow[]): string {
  const others = Math.max(0, (queue?.ready ?? 1) - 1);
  const slots = drawing.reduce((sum, worker) => sum + slotsFor(worker, run.queue), 0);
  const busy = drawing.reduce((sum, worker) => sum + worker.running, 0);
  const who = drawing.length === 1 ? "one worker draws" : `${drawing.length} workers draw`;
  const line = `${who} from queue ${JSON.stringify(run.queue)} with ${slots} ${slots === 1 ? "slot" : "slots"} (${busy} executing)`;
  if (others === 0) return `It is ready and next: ${line}.`;
  return (
    `It is ready, with ${others} other ready ${others === 1 ? "run" : "runs"} in its queue: ${line}. ` +
    "They take the highest priority first, then what has been due the longest."
  );
}

function explainRunning(facts: Facts): string[] {
  const { run, now, workers } = facts;
  const worker = workers.find(({ id }) => id === run.worker);
  const started =
    run.startedAt === undefined ? "" : ` since ${at(run.startedAt)} (${formatDuration(now - run.startedAt)})`;
  const attempt = `attempt ${ofAll(run.attempt, facts)}`;
  if (worker === undefined) {
    return [
      `It is running${started}, ${attempt}, on worker ${run.worker ?? "unknown"}, which is not registered any more: ` +
        "another worker gives it back within moments.",
    ];
  }
  return [
    `It is running${started}, ${attempt}, on worker ${worker.id} (process ${worker.pid} on ${worker.host}, ` +
      `which showed life ${since(worker.heartbeatAt, now)}).`,
  ];
}

function explainWaiting(facts: Facts): string[] {
  const { run, workers } = facts;
  const on = run.waiting?.on === undefined ? "" : ` (${run.waiting.on})`;
  switch (run.waiting?.reason) {
    case "worker":
      return [`It waits for a worker that can run it: ${nobodyHasIt(facts, workers)}`];
    case "paused":
      return [`It waits because its job is paused. ${resumeJob(run.job)}`];
    case "preparation":
      return [explainPreparation(facts)];
    case "entries":
      return [`Its handler waits for something it asked for${on}.`];
    case "dependency":
      return [`It waits for another run to end${on}.`];
    case "admission":
      return [`It waits for a slot of a lock or a limit${on}.`];
    case undefined:
      return ["It is waiting, and its record does not say for what."];
  }
}

/** Recorded from a shell, with SQL, or from another language. */
function explainPreparation({ run, workers }: Facts): string {
  const job = JSON.stringify(run.job);
  const unchecked = "It was recorded without its definition, so its input is unchecked";
  return workers.some(({ abilities }) => abilities.some((ability) => ability.job === run.job))
    ? `${unchecked}: a worker that knows job ${job} checks it within moments. Then it is ready, or has failed as invalid-input.`
    : `${unchecked}: it waits for a worker that knows job ${job} to check it. ` +
        "Start one: `duckdive work FILE` with the file that defines it.";
}

function explainEnded(facts: Facts): string[] {
  const { run, now } = facts;
  const when =
    run.finishedAt === undefined ? "" : ` at ${at(run.finishedAt)} (${since(run.finishedAt, now)})`;
  const again = `Try it again, with all attempts: \`duckdive retry ${run.id}\`.`;
  switch (run.state) {
    case "succeeded":
      return [`It succeeded${when}, on attempt ${ofAll(run.attempt, facts)}.`];
    case "cancelled":
      return [`It was cancelled${when}: ${run.reason ?? "no reason was given"}. ${again}`];
    default:
      return [
        `It failed for good${when}, ${failedAt(run, facts)}: ${whyFailed(run)}. ` +
          (run.reason === "poison" ? `Its handler is to be mended first. ` : "") +
          again,
      ];
  }
}

function failedAt({ attempt }: StoredRun, facts: Facts): string {
  return attempt === 0 ? "before its first attempt" : `on attempt ${ofAll(attempt, facts)}`;
}

function whyFailed({ reason, error }: StoredRun): string {
  const words = new Map<string, string>(Object.entries(failureReasons));
  const why =
    reason === undefined ? undefined : (words.get(reason) ?? `its handler gave the reason "${reason}"`);
  if (error === undefined) return why ?? "its record does not say why";
  return why === undefined ? named(error) : `${why} (${named(error)})`;
}

/** Who could run it and does not: the job is missing everywhere, or its version is. */
function nobodyHasIt({ run }: Facts, workers: readonly WorkerRow[]): string {
  const job = JSON.stringify(run.job);
  if (workers.length === 0)
    return `no worker is running. Start one that has job ${job}: \`duckdive work FILE\` with the file that defines it.`;
  const versions = workers.flatMap(({ abilities }) =>
    abilities.filter((ability) => ability.job === run.job).map(({ version }) => version),
  );
  if (versions.length === 0) {
    return (
      `none of the running workers that draw from queue ${JSON.stringify(run.queue)} has job ${job}. ` +
      "Start one with the file that defines it: `duckdive work FILE`."
    );
  }
  return (
    `it needs version ${run.version} of job ${job}, and the newest that a running worker has is ${Math.max(...versions)}. ` +
    "Deploy the newer code: a worker that has it takes the run by itself."
  );
}

function resumeJob(job: string): string {
  return `Resume it: \`duckdive resume --job ${job}\`.`;
}

function isPaused({ paused }: Facts, kind: "queue" | "job", name: string): boolean {
  return paused.some((target) => (kind in target ? Object.values(target)[0] === name : false));
}

function slotsFor(worker: WorkerRow, queue: string): number {
  return worker.queues[queue] ?? worker.queues["*"] ?? 0;
}

function isAble(worker: WorkerRow, run: StoredRun): boolean {
  return worker.abilities.some(({ job, version }) => job === run.job && version >= run.version);
}

function ofAll(attempt: number, { attempts }: Facts): string {
  return attempts === undefined ? String(attempt) : `${attempt} of ${attempts}`;
}

function named(error: { readonly name: string; readonly message: string }): string {
  const message = error.message.length > 200 ? `${error.message.slice(0, 200)}…` : error.message;
  return `${error.name}: ${message}`;
}

function at(time: number): string {
  return new Date(time).toISOString();
}

function until(time: number, now: number): string {
  return time > now ? `in ${formatDuration(time - now)}, at ${at(time)}` : `by ${at(time)}`;
}

function since(time: number, now: number): string {
  return now - time < 1_000 ? "just now" : `${formatDuration(now - time)} ago`;
}
