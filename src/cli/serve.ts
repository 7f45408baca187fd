// The life of a worker's process: from its start to the exit code.
//
//   start    says what it is and what it draws from
//   stop     the first SIGTERM or SIGINT: fetches no more, waits for what runs, hands back what is left
//   hurry    the second: hands back at once; the third ends the process where it stands
//   crash    something the application left uncaught: says what was running, lets it end for a moment, and gives up
//            what is left as lost, so that its attempt counts: a run that kills its worker must not do so for ever
//
// Before this file comes `work`, with jobs and a store. After it comes the worker.
import { type AnyJob, defaults, policyOf } from "../job/index.js";
import { type Duration, duration, formatDuration, systemClock } from "../kernel/index.js";
import type { RunningWorker } from "../worker.js";
import { type ExitCode, exits } from "./exit.js";
import { leave } from "./leave.js";
import type { Session } from "./session.js";
import { shownStore } from "./target.js";
import type { Teller } from "./teller.js";
import { count, many, slotsText } from "./words.js";

export interface Service {
  readonly session: Session;
  readonly teller: Teller;
  readonly jobs: readonly AnyJob[];
  readonly queues: Record<string, number> | undefined;
  readonly drain: Duration | undefined;
  /** Ends when nothing is left that could run now. */
  readonly untilEmpty: boolean;
}

/** One Ctrl-C can come twice, from the terminal and from npm, which passes it on: within this it is one. */
const sameSignal = 100;
/** After something was left uncaught, what runs beside it has so long to end. */
const crashGrace = 5_000;
/** How many runs, and how many jobs, are named in a line. */
const shownRuns = 5;
const shownJobs = 12;

interface Underway {
  readonly job: string;
  readonly run: string;
}

/** Works until told to stop. */
export async function serve(service: Service): Promise<ExitCode> {
  const { session, teller } = service;
  const underway = followRuns(session);
  const tally = countEnds(session);
  teller.follow(session.duckdive);
  const { queues } = service;
  const worker = session.work({ ...(queues === undefined ? {} : { queues }), ...drainOf(service) });
  const crash = watchForCrash(service, worker, underway);
  const ends = [whenSignalled(service, worker, underway)];
  await worker.ready;
  announce(service, worker);
  if (service.untilEmpty) ends.push(whenEmpty(worker));
  const exit = await Promise.race(ends);
  // What ended while this worker was crashing did not end well.
  if (crash.hasBegun()) await crash.over;
  teller.say("stopped", `stopped: ${tally()}`, { worker: worker.id });
  teller.flush();
  return exit;
}

function drainOf({ drain }: Service): { drain?: Duration } {
  return drain === undefined ? {} : { drain };
}

function announce({ session, teller, jobs, queues }: Service, worker: RunningWorker): void {
  const drawn = queues ?? session.queues ?? defaults.work;
  const store = shownStore(session.target);
  const names = jobs.map((job) => {
    const { queue, version } = policyOf(job);
    return `${job.name}${version === 1 ? "" : `@${version}`}${queue === defaults.queue ? "" : ` (${queue})`}`;
  });
  teller.say(
    "working",
    `worker ${worker.id} on ${store}; jobs: ${firstOf(names, shownJobs)}; queues: ${slotsText(drawn)}`,
    {
      worker: worker.id,
      pid: process.pid,
      store,
      jobs: jobs.map(({ name }) => name),
      queues: drawn,
    },
  );
}

function firstOf(names: readonly string[], number: number): string {
  const rest = names.length - number;
  return rest <= 0 ? names.join(", ") : `${names.slice(0, number).join(", ")} and ${count(rest)} more`;
}

async function whenEmpty(worker: RunningWorker): Promise<ExitCode> {
  await worker.idle();
  await worker.stop();
  return exits.fine;
}

function whenSignalled(
  service: Service,
  worker: RunningWorker,
  underway: ReadonlyMap<string, Underway>,
): Promise<ExitCode> {
  const { teller } = service;
  const drain = duration(service.drain ?? defaults.drain, "--drain");
  return new Promise((resolve, reject) => {
    let signals = 0;
    let last = Number.NEGATIVE_INFINITY;
    const onSignal = (signal: NodeJS.Signals): void => {
      const now = performance.now();
      if (signal === "SIGINT" && now - last < sameSignal) return;
      last = now;
      signals += 1;
      if (signals === 1) {
        teller.say("stopping", `${signal}: ${waitingFor(underway, drain)}`, {
          signal,
          drain,
          running: [...underway.keys()],
        });
        worker.stop().then(() => resolve(exits.fine), reject);
      } else if (signals === 2) {
        teller.say("hurrying", `${signal} again: handing back ${many(underway.size, "run")} now`, { signal });
        worker.stop({ drain: 0 }).catch(reject);
      }
      teller.flush();
      if (signals > 2) leave(signal === "SIGINT" ? 130 : 143);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  });
}

function waitingFor(underway: ReadonlyMap<string, Underway>, drain: number): string {
  if (underway.size === 0) return "stopping, nothing is running";
  return (
    `stopping, waiting up to ${formatDuration(drain)} for ${many(underway.size, "run")} (${shown(underway)}); ` +
    "what is left then is handed back. A second signal hands it back at once."
  );
}

function shown(underway: ReadonlyMap<string, Underway>): string {
  return firstOf(
    [...underway.values()].map(({ job, run }) => `${job} ${run}`),
    shownRuns,
  );
}

/** The application left an error uncaught: nobody knows what state it is in, so this process ends. */
function watchForCrash(
  { teller, session }: Service,
  worker: RunningWorker,
  underway: ReadonlyMap<string, Underway>,
): { readonly hasBegun: () => boolean; readonly over: Promise<never> } {
  let isCrashing = false;
  const crash = (kind: string) => (error: unknown) => {
    const running = underway.size === 0 ? "nothing was running" : `running then: ${shown(underway)}`;
    const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    teller.say(
      "crashed",
      `${kind}; ${running}. This worker ends.`,
      { error: stack, running: [...underway.keys()] },
      "error",
    );
    teller.flush();
    process.stderr.write(`${stack}\n`);
    if (isCrashing) return;
    isCrashing = true;
    void giveUp(session, worker).then(() => {
      teller.flush();
      leave(exits.crashed);
    });
  };
  process.on("uncaughtException", crash("an error was thrown and not caught"));
  process.on("unhandledRejection", crash("a promise was rejected and not handled"));
  return { hasBegun: () => isCrashing, over: new Promise<never>(() => {}) };
}

/** Lets what runs end for a moment; what is left is given back as lost, with its attempt counted. */
async function giveUp({ store }: Session, worker: RunningWorker): Promise<void> {
  const enough = new Promise<"enough">((resolve) => {
    systemClock.after(crashGrace, () => resolve("enough"));
  });
  const ended = await Promise.race([worker.stop({ drain: 2 * crashGrace }).catch(() => "ended"), enough]);
  if (ended === "enough") await store.retire(worker.id).catch(() => {});
}

/** The runs whose handlers are being executed here, by id. */
function followRuns({ duckdive }: Session): ReadonlyMap<string, Underway> {
  const underway = new Map<string, Underway>();
  duckdive.on("started", ({ run, job }) => underway.set(run, { run, job }));
  const ends = [
    "succeeded",
    "retrying",
    "failed",
    "cancelled",
    "snoozed",
    "handedBack",
    "parked",
    "refused",
  ] as const;
  for (const event of ends) duckdive.on(event, ({ run }) => underway.delete(run));
  return underway;
}

/** How executions ended, in words. */
function countEnds({ duckdive }: Session): () => string {
  const words = {
    succeeded: "succeeded",
    failed: "failed for good",
    retrying: "to be tried again",
    cancelled: "cancelled",
    handedBack: "handed back",
  };
  const counts = new Map<string, number>();
  for (const event of ["succeeded", "failed", "retrying", "cancelled", "handedBack"] as const)
    duckdive.on(event, () => counts.set(event, (counts.get(event) ?? 0) + 1));
  return () => {
    const parts = Object.entries(words).flatMap(([event, word]) => {
      const number = counts.get(event);
      return number === undefined ? [] : [`${many(number, "run")} ${word}`];
    });
    return parts.length === 0 ? "no run had ended here" : parts.join(", ");
  };
}
