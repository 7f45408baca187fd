// The life of a worker's process: from its start to the exit code.
//
//   start    says what it is and what it draws from
//   stop     by a signal, by the runner, by a message: fetches no more, waits for what runs, hands back what is left
//   crash    something the application left uncaught
//
// Before this file comes `work`, with jobs and a store. After it comes the worker.
import { type AnyJob, defaults, policyOf } from "../job/index.js";
import { type Duration, duration } from "../kernel/index.js";
import type { Attendant } from "../runner/child/index.js";
import type { RunningWorker } from "../worker.js";
import { watchForCrash } from "./crash.js";
import { type ExitCode, exits } from "./exit.js";
import { obey } from "./obey.js";
import type { Session } from "./session.js";
import { shownStore } from "./target.js";
import { stateOfWorker, tellSystemd } from "./tell-systemd.js";
import type { Teller } from "./teller.js";
import { countEnds, firstOf, followRuns } from "./underway.js";
import { slotsText } from "./words.js";

export interface Service {
  readonly session: Session;
  readonly teller: Teller;
  readonly jobs: readonly AnyJob[];
  readonly queues: Record<string, number> | undefined;
  readonly drain: Duration | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Ends when nothing is left that could run now. */
  readonly untilEmpty: boolean;
  /** Speaks with the runner of this process; undefined: it has none. */
  readonly attendant: Attendant | undefined;
}

/** How many jobs are named in a line. */
const shownJobs = 12;

/** Works until told to stop. */
export async function serve(service: Service): Promise<ExitCode> {
  const { session, teller, queues, attendant, env } = service;
  const underway = followRuns(session);
  const tally = countEnds(session);
  teller.follow(session.duckdive);
  const worker = session.work(
    { ...(queues === undefined ? {} : { queues }), ...drainOf(service) },
    attendant?.attendance,
  );
  const crash = watchForCrash({ teller, session, worker, underway, attendant });
  const drain = duration(service.drain ?? defaults.drain, "--drain");
  obey({ teller, worker, underway, drain, attendant });
  const hush = attendant === undefined ? tellSystemd(env, teller, () => stateOfWorker(worker)) : undefined;
  await worker.ready;
  announce(service, worker);
  let why: "stopped" | "empty" = "stopped";
  if (service.untilEmpty) {
    void whenEmpty(worker).then(() => {
      why = "empty";
      return worker.stop();
    });
  }
  await worker.over;
  await hush?.();
  // What ended while this worker was crashing did not end well.
  if (crash.hasBegun()) await crash.over;
  teller.say("stopped", `${attendant === undefined ? "" : `worker ${process.pid} `}stopped: ${tally()}`, {
    worker: worker.id,
  });
  teller.flush();
  attendant?.leaving(why);
  return exits.fine;
}

function drainOf({ drain }: Service): { drain?: Duration } {
  return drain === undefined ? {} : { drain };
}

/** Nothing is left, and nobody has asked it to stop before. */
async function whenEmpty(worker: RunningWorker): Promise<void> {
  await worker.idle();
  if (worker.status().state === "stopping") await new Promise<never>(() => {});
}

/** One that is looked after is announced by its runner: what it runs stands in the log for machines. */
function announce({ session, teller, jobs, queues, attendant }: Service, worker: RunningWorker): void {
  const drawn = queues ?? session.queues ?? defaults.work;
  const store = shownStore(session.target);
  const names = jobs.map((job) => {
    const { queue, version } = policyOf(job);
    return `${job.name}${version === 1 ? "" : `@${version}`}${queue === defaults.queue ? "" : ` (${queue})`}`;
  });
  if (attendant !== undefined && teller.format !== "json") return;
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
