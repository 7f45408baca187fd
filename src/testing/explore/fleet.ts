/**
 * The processes of a trial, and what befalls them: one works, until the script lets it die or be taken for dead, and
 * then another works on.
 *
 * To who drains a queue it is one worker: idle when none of its processes can do anything now. One that was taken for
 * dead, and lives, gets the time that it needs to find that out and to end; then it is gone.
 *
 * Before this file come processes and the script. After it comes the trial.
 */
import { type ManualClock, systemClock } from "../../kernel/index.js";
import { StoreUnreachableError } from "../../store/errors.js";
import type { RunningWorker, WorkerParts } from "../../worker.js";
import { type Bodies, type Host, transactionOf } from "./bodies.js";
import { createProcess, type Interference, type Process } from "./process.js";
import type { Fault, Script } from "./script.js";

export interface FleetParts {
  readonly script: Script;
  readonly bodies: Bodies;
  readonly inFlight: Host["inFlight"];
  readonly clock: ManualClock;
  /**
   * Each job has a process of its own, which draws from the queue of its name: the fault of one does not repeat what
   * another was in the middle of.
   */
  readonly isApart: boolean;
}

/** A worker comes up and makes its first claim within about twenty turns of the event loop. */
const turnsOfCalm = 60;
/** Longer than a handler has for its end after its claim was lost, in milliseconds on the clock of the trial. */
const respite = 10_000;
/** How long a body that waits for something real is waited for, in milliseconds of real time. */
const patience = 1_000;
/** The shortest pause before a write that failed is made again, in milliseconds. */
const shortestPause = 100;
/** Of a process that works one job. */
const slots = 100;
const cause = "it was killed by the exploration";

export interface Fleet extends Pick<RunningWorker, "idle" | "stop"> {
  /** Nothing is done any more. */
  kill(): void;
}

export function createFleet(
  parts: WorkerParts,
  { script, bodies, inFlight, clock, isApart }: FleetParts,
): Fleet {
  const { store, events } = parts;
  const processes: Process[] = [];
  /** What is being done to processes: until it is done nobody is idle. */
  let upheaval: Promise<unknown> = Promise.resolve();
  let tellOfNew: () => void = () => {};
  let news = newNews();
  /** The run whose end was not written, until that is tried again. */
  let unwritten: string | undefined;
  /** The process that dies, or is overtaken, once its transaction is committed. */
  let afterCommit:
    | { readonly process: Process; readonly name: string | undefined; readonly fault: Fault }
    | undefined;
  /** A transaction whose fault came before it began. */
  const faultOf = new Map<string, Fault>();

  function newNews(): Promise<void> {
    return new Promise((resolve) => {
      tellOfNew = resolve;
    });
  }

  function spawn(jobs: WorkerParts["jobs"]): Process {
    const queues = isApart ? Object.fromEntries([...jobs.keys()].map((job) => [job, slots])) : parts.queues;
    const process = createProcess({ ...parts, jobs, queues }, bodies, inFlight, interference);
    processes.push(process);
    tellOfNew();
    news = newNews();
    return process;
  }

  /** As by `kill -9`: from this moment on nothing of it is done any more. */
  function crash(process: Process): void {
    process.kill();
    upheaval = upheaval.then(async () => {
      await store.rescue([{ worker: process.worker.id, cause }]);
      spawn(process.jobs);
    });
    upheaval.catch(() => {});
    tellOfNew();
    news = newNews();
  }

  /** Takes it for dead while it lives, and has another work: until that has done all it can, or has only begun. */
  async function overtake(process: Process, until: "done" | "begun"): Promise<void> {
    process.fence();
    await store.rescue([{ worker: process.worker.id, cause: "it was taken for dead by the exploration" }]);
    const other = spawn(process.jobs);
    const { id } = other.worker;
    const begun = new Promise<void>((resolve) => {
      const forget = events.on("started", ({ worker }) => {
        if (worker !== id) return;
        forget();
        resolve();
      });
    });
    await (until === "done" ? other.worker.idle() : Promise.race([begun, other.worker.idle()]));
  }

  /** What befalls a process at a write: what its code hears of it. */
  async function befall<T>(fault: Fault | undefined, process: Process, write: () => Promise<T>): Promise<T> {
    switch (fault) {
      case "crashBefore":
        crash(process);
        return write();
      case "crashAfter": {
        const answer = await write();
        crash(process);
        return answer;
      }
      case "lateBefore":
        await overtake(process, "done");
        return write();
      case "lateAfter":
      case "twice": {
        const answer = await write();
        await overtake(process, fault === "twice" ? "begun" : "done");
        return answer;
      }
      case "refused":
        void hurryAgain();
        throw new StoreUnreachableError("The exploration lets this write fail once.", { passes: true });
      default:
        return write();
    }
  }

  /** Who writes again pauses before it, on a clock that nobody else moves now. */
  async function hurryAgain(): Promise<void> {
    while (unwritten !== undefined) {
      await turns();
      await clock.advance(shortestPause);
    }
  }

  const interference: Interference = {
    async record(process, ask, writes) {
      const [fault] = writes.map((write) => script.record(write)).filter((one) => one !== undefined);
      return befall(fault, process, async () => (process.isDead ? [] : ask(writes)));
    },
    async settle(process, ask, settling) {
      if (settling.some(({ run }) => run === unwritten)) unwritten = undefined;
      for (const { run, waiting } of settling)
        if (waiting?.reason === "entries") bodies.foreign?.suspended(run);
      const [fault] = settling.map((one) => script.settle(one)).filter((one) => one !== undefined);
      if (fault === "refused") unwritten = settling[0]?.run;
      return befall(fault, process, async () => (process.isDead ? [] : ask(settling)));
    },
    async claimed(process, claimed) {
      const [fault] = claimed.map((run) => script.claim(run)).filter((one) => one !== undefined);
      if (fault === "twice") await overtake(process, "begun");
    },
    async beginning(process) {
      const call = transactionOf.getStore();
      if (call === undefined) return;
      const fault = script.tx(call.run, call.name);
      if (fault === "lateBefore") await overtake(process, "done");
      else if (fault !== undefined) faultOf.set(call.name, fault);
    },
    writing(process, run, name) {
      const fault = name === undefined ? script.succeed(run) : faultOf.get(name);
      if (name !== undefined) faultOf.delete(name);
      if (fault === "crashBefore") crash(process);
      else if (fault !== undefined) afterCommit = { process, name, fault };
    },
    async committed(process) {
      const name = transactionOf.getStore()?.name;
      if (afterCommit?.process !== process || afterCommit.name !== name) return;
      const { fault } = afterCommit;
      afterCommit = undefined;
      await befall(fault, process, async () => {});
    },
  };

  /** Lets one that was taken for dead find that out, and end. */
  async function letEnd(process: Process): Promise<void> {
    let isIdle = false;
    void process.worker.idle().then(() => {
      isIdle = true;
    });
    for (let round = 0; round < 3; round += 1) {
      await ended(inFlight, patience);
      await turns();
      if (isIdle) break;
      await clock.advance(respite);
    }
    process.kill();
  }

  async function idle(): Promise<void> {
    for (;;) {
      await upheaval;
      const living = processes.filter(({ isDead }) => !isDead);
      const working = living.filter(({ isLate }) => !isLate);
      const known = news;
      const { steps } = script;
      await Promise.race([Promise.all(working.map(({ worker }) => worker.idle())), known]);
      // What one did may be there for another that was idle by then.
      if (known !== news || steps !== script.steps) continue;
      const [late] = living.filter(({ isLate }) => isLate);
      if (late === undefined) return;
      await letEnd(late);
    }
  }

  const groups = isApart ? [...parts.jobs].map((one) => new Map([one])) : [parts.jobs];
  for (const jobs of groups) spawn(jobs);
  return {
    idle,
    kill() {
      for (const process of processes) process.kill();
    },
    async stop(options) {
      await upheaval;
      await Promise.all(processes.filter(({ isDead }) => !isDead).map(({ worker }) => worker.stop(options)));
    },
  };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < turnsOfCalm; turn += 1)
    await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Waits for bodies that are under way, so many milliseconds of real time at most. */
export async function ended(inFlight: Host["inFlight"], atMost: number): Promise<void> {
  if (inFlight.size === 0) return;
  let stop: () => void = () => {};
  const tooLong = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const timer = systemClock.after(atMost, stop);
  await Promise.race([Promise.all(inFlight), tooLong]);
  timer.cancel();
}
