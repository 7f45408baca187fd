// Who could execute it: nobody, nobody who draws from its queue, nobody who has its job, nobody with a free slot.
import type { QueueRow, StoredRun, WorkerRow } from "../../store/contract.js";
import { type Facts, queueOf, type Reason } from "./facts.js";
import { many, quoted } from "./words.js";

/** The first of these that is so: each makes those after it meaningless. */
export function workerReasons(facts: Facts): Reason[] {
  const { run, workers } = facts;
  const queue = queueOf(facts);
  const { waiting } = run;
  if (waiting?.reason === "worker" || waiting?.reason === "preparation") return [];
  if (workers.length === 0)
    return [{ code: "no-worker", text: "no worker is running. Start one: `duckdive work`." }];
  if (queue?.slots === 0) return [noSlots(run.queue)];
  const drawing = workers.filter((worker) => slotsFor(worker, run.queue, queue) > 0);
  if (drawing.length === 0) return [undrawn(run.queue)];
  const able = drawing.filter((worker) => isAble(worker, run));
  if (able.length === 0) return [{ code: "unable", text: whoLacksIt(facts, drawing) }];
  const working = able.filter(isWorking);
  if (working.length === 0) return [quiet(able)];
  return working.some((worker) => freeSlots(worker, run.queue, queue) > 0) ? [] : [full(facts, working)];
}

function noSlots(name: string): Reason {
  return {
    code: "no-slots",
    text:
      `queue ${quoted(name)} was given 0 slots in all workers. ` +
      `Give it some: \`duckdive slots ${name} 10\`, or let each use its own: \`duckdive slots ${name} --own\`.`,
  };
}

function undrawn(name: string): Reason {
  return {
    code: "undrawn",
    text:
      `no running worker draws from queue ${quoted(name)}. ` +
      `Give one of them slots for it: \`duckdive work --queues "${name}=10"\`, or \`work({ queues: { ${quoted(name)}: 10 } })\`.`,
  };
}

function quiet(able: readonly WorkerRow[]): Reason {
  const isAnyQuiet = able.some(({ report }) => report?.state === "quiet");
  const who =
    able.length === 1
      ? "the worker that could take it is"
      : `the ${able.length} workers that could take it are`;
  return {
    code: "quiet",
    text: `${who} quiet or stopping. ${isAnyQuiet ? "Let them fetch again: `duckdive tell all resume`." : "Start one: `duckdive work`."}`,
  };
}

function full(facts: Facts, working: readonly WorkerRow[]): Reason {
  const name = facts.run.queue;
  return {
    code: "full",
    text:
      `all slots are taken: ${slotsLine(facts, working)}. ` +
      `It is taken when one is free. Give the queue more: \`duckdive slots ${name} N\`, or start another worker.`,
  };
}

/** `2 workers draw from queue "mail" with 20 slots (20 executing)`. */
export function slotsLine(facts: Facts, drawing: readonly WorkerRow[]): string {
  const { run } = facts;
  const queue = queueOf(facts);
  const slots = drawing.reduce((sum, worker) => sum + slotsFor(worker, run.queue, queue), 0);
  const busy = drawing.reduce((sum, worker) => sum + worker.running, 0);
  const who = drawing.length === 1 ? "one worker draws" : `${drawing.length} workers draw`;
  return `${who} from queue ${quoted(run.queue)} with ${many(slots, "slot")} (${busy} executing)`;
}

/** Workers that could take it now, but for what is in line before it. */
export function takers(facts: Facts): WorkerRow[] {
  const { run, workers } = facts;
  const queue = queueOf(facts);
  return workers.filter(
    (worker) => isWorking(worker) && isAble(worker, run) && freeSlots(worker, run.queue, queue) > 0,
  );
}

/** Why nobody among them runs it: the job is missing everywhere, or its version is. */
export function whoLacksIt({ run }: Facts, workers: readonly WorkerRow[]): string {
  const job = quoted(run.job);
  if (workers.length === 0)
    return `no worker is running. Start one that has job ${job}: \`duckdive work FILE\` with the file that defines it.`;
  const versions = workers.flatMap(({ abilities }) =>
    abilities.filter((ability) => ability.job === run.job).map(({ version }) => version),
  );
  if (versions.length === 0) {
    return (
      `none of the running workers that draw from queue ${quoted(run.queue)} has job ${job}. ` +
      "Start one with the file that defines it: `duckdive work FILE`."
    );
  }
  return (
    `it needs version ${run.version} of job ${job}, and the newest that a running worker has is ${Math.max(...versions)}. ` +
    "Deploy the newer code: a worker that has it takes the run by itself."
  );
}

/** Under which name a worker counts the slots of a queue. */
export function poolOf({ report, queues }: WorkerRow, queue: string): string {
  return Object.hasOwn(report?.queues ?? queues, queue) ? queue : "*";
}

/** What somebody has set counts in place of a worker's own, where it draws from the queue at all. */
function slotsFor(worker: WorkerRow, queue: string, row: QueueRow | undefined): number {
  const own = (worker.report?.queues ?? worker.queues)[poolOf(worker, queue)] ?? 0;
  return own > 0 ? (row?.slots ?? own) : 0;
}

/** At least so many; a worker does not say of which queue what it executes is. */
export function freeSlots(worker: WorkerRow, queue: string, row: QueueRow | undefined): number {
  const slots = slotsFor(worker, queue, row);
  if (slots === 0) return 0;
  const others = Object.entries(worker.report?.queues ?? worker.queues)
    .filter(([name]) => name !== poolOf(worker, queue))
    .reduce((sum, [, number]) => sum + number, 0);
  return Math.max(0, Math.min(slots, slots + others - worker.running));
}

function isWorking({ report }: WorkerRow): boolean {
  return report === undefined || report.state === "working";
}

function isAble(worker: WorkerRow, run: StoredRun): boolean {
  return worker.abilities.some(({ job, version }) => job === run.job && version >= run.version);
}
