// The loop: fetch, execute, settle, for ever.
//
//   1. fetch    while slots are free, claim as many runs as fit; when a claim comes back short, rest.
//   2. execute  each claimed run at once, side by side; a run holds its slot until its handler has ended.
//   3. settle   hand the settlement on, free the slot, fetch again. Settlements and the next claim reach the store in
//               one turn, where they may share a transaction.
//
// A resting loop does nothing at all: it is woken by the store's `watch`. Whatever goes wrong with the store is
// reported and tried again with growing pauses; nothing that a handler does can end the loop.
import { type Service, service, type Timer } from "../kernel/index.js";
import type { Settlement } from "../run/index.js";
import type { Claimed, Settled } from "../store/contract.js";
import { createBatches } from "./batch.js";
import type { Conclusion, Execution } from "./conclusion.js";
import { abilitiesOf } from "./definitions.js";
import type { Environment } from "./environment.js";
import { begin, giveBack, isOnLastChance } from "./execution.js";
import { createNotes } from "./notes.js";
import { report } from "./report.js";
import { createSettler } from "./settle.js";
import { createSlots } from "./slots.js";
import { createSolo, putOffBy } from "./solo.js";
import type { Stop } from "./stop.js";
import { createTally, type LoopStatus } from "./tally.js";

/** The most runs one claim takes: more would hold the store's lock, and the event loop, for long. */
const largestClaim = 1_000;
/** The pause after the first failed claim, and the longest one, in milliseconds. */
const firstPause = 50;
const longestPause = 1_000;
/** Workers that take a run from each other's hands get out of step by a random pause of up to so many milliseconds. */
const longestStep = 100;
/** How long a stopping loop goes on trying to write how its last runs ended, in milliseconds. */
const patience = 5_000;

export interface Loop extends Service {
  /** Something may be there to claim. */
  wake(): void;
  /** What made claims fail is over: wakes without waiting for the end of the pause. */
  recover(): void;
  /** Stops fetching until it is resumed; what runs goes on. */
  quiet(): void;
  resume(): void;
  /** Stops fetching for good; what runs goes on. */
  close(): void;
  /** Draws from these queues from now on, with so many slots. */
  setQueues(queues: Readonly<Record<string, number>>): void;
  /** Tells executions to stop; all of them, or those of which `which` is true. Answers how many. */
  stopExecutions(stop: Stop, which?: (execution: Execution) => boolean, grace?: number): number;
  status(): LoopStatus;
  /** Resolves when no execution is under way. */
  empty(): Promise<void>;
  /** Resolves when the last claim found nothing and nothing runs or waits to be settled. What gathers is called then. */
  idle(): Promise<void>;
}

export interface LoopOptions {
  readonly queues: Readonly<Record<string, number>>;
  /** A run counts as one priority higher for each time so long, in milliseconds, that it has waited. */
  readonly ageing?: number | undefined;
  /** The worker was taken for dead by others: it must stop what it runs and register anew. */
  readonly onWorkerLost: () => void;
}

export function createLoop(environment: Environment, options: LoopOptions): Loop {
  const { store, clock, events } = environment;
  const reportError = (error: unknown): void => events.emit("error", { error, where: "loop" });
  const notes = createNotes(store, clock, reportError);
  const settler = createSettler({ store, clock, notes, onError: reportError });
  const slots = createSlots(options.queues);
  const tally = createTally();
  const running = new Set<Execution>();
  const solo = createSolo(clock, running, () => wake());
  const batches = createBatches({ environment, notes, slots, onRoom });
  const abilities = abilitiesOf(environment.jobs);

  let fetching: Promise<void> | undefined;
  /** Something may be there that the last claim has not seen. */
  let wanted = false;
  let open = false;
  let isQuiet = false;
  /** Executions that have ended, and the store has not answered. */
  let unsettled = 0;
  let pause = firstPause;
  let retry: Timer | undefined;
  let idlers: (() => void)[] = [];

  function mayFetch(): boolean {
    return open && !isQuiet && (!solo.isWanted || (running.size === 0 && unsettled === 0));
  }

  /** Claims until no slot is free or nothing is left. Only one at a time; a wake-up meanwhile asks for another round. */
  async function fetch(): Promise<void> {
    // The end of the turn: settlements made in this turn are then in the same transaction as the claim.
    await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      while (wanted && mayFetch() && retry === undefined) {
        const free = slots.free(largestClaim, batches.more);
        wanted = false;
        if (free === undefined) break;
        const isExtra = Object.keys(free).some((name) => batches.more(name) > 0);
        tally.asked();
        const claimed = await store.claim({
          worker: environment.worker,
          queues: solo.narrow(free),
          abilities,
          ageing: options.ageing,
        });
        tally.answered(claimed.length);
        pause = firstPause;
        if (claimed.length === 0 && solo.isWanted) {
          wanted = true;
          if (solo.missed()) restFor(environment.random() * longestStep);
        }
        const isOnly = claimed.length === 1 && running.size === 0 && unsettled === 0;
        for (const run of claimed) start(run, isOnly, isExtra);
        batches.answered();
        // Nobody joins what gathers while one has to be alone.
        if (solo.isWanted) batches.hurry();
        if (claimed.length > 0) wanted = true;
      }
    } catch (error) {
      onClaimError(error);
    }
    fetching = undefined;
    batches.rests();
    if (wanted && slots.free(1, batches.more) !== undefined) wake();
    releaseIdlers();
  }

  function onClaimError(error: unknown): void {
    reportError(error);
    wanted = true;
    if (!open) return;
    if (isWorkerLost(error)) options.onWorkerLost();
    restFor(pause);
    pause = Math.min(pause * 2, longestPause);
  }

  function restFor(milliseconds: number): void {
    retry = clock.after(milliseconds, () => {
      retry = undefined;
      wake();
    });
  }

  function wake(): void {
    wanted = true;
    if (mayFetch() && retry === undefined) fetching ??= fetch();
  }

  function recover(): void {
    retry?.cancel();
    retry = undefined;
    pause = firstPause;
    wake();
  }

  /**
   * @param isOnly the worker holds nothing but this run
   * @param isExtra its claim asked for more than there were free slots
   */
  function start(claimed: Claimed, isOnly: boolean, isExtra: boolean): void {
    slots.take(claimed.queue);
    const isAlone = isOnLastChance(claimed, environment);
    const isAdmitted = solo.admit(slots.nameOf(claimed.queue), isAlone, isOnly);
    const execution = isAdmitted
      ? begin(claimed, environment, notes, batches.take, { isAlone, isExtra })
      : giveBack(claimed, environment, solo.isHeldUp ? putOffBy : undefined);
    running.add(execution);
    // Claimed while the worker was told to stop, or to be quiet, and may have said that it is: back it goes, before its
    // handler is called.
    if (!open || isQuiet) execution.stop({ why: "shutdown" }, 0);
    void execution.conclusion.then((conclusion) => ended(execution, conclusion));
  }

  function ended(execution: Execution, { settlement, isCommitted, leaked }: Conclusion): void {
    const { claimed } = execution;
    running.delete(execution);
    solo.ended(execution);
    if (execution.holdsSlot !== false) slots.release(claimed.queue);
    if (execution.calledAt !== undefined) batches.freed(claimed.queue);
    tally.ended();
    unsettled += 1;
    if (leaked !== undefined) void watchLeak(claimed, leaked);
    if (!isCommitted) settler.settle(settlement, (answer) => settled(claimed, settlement, answer));
    wake();
    if (isCommitted) settled(claimed, settlement, committed(settlement));
  }

  function settled(claimed: Claimed, settlement: Settlement, answer: Settled): void {
    unsettled -= 1;
    if (solo.isWanted) wake();
    tally.settled();
    report(environment, claimed, settlement, answer);
    releaseIdlers();
  }

  /** An abandoned handler has no claim and no slot any more, and still holds what it holds: it counts until it ends. */
  async function watchLeak(claimed: Claimed, leaked: Promise<unknown>): Promise<void> {
    const { run, job } = claimed;
    const tell = (isOver: boolean): void =>
      events.emit("leaked", { run, job, worker: environment.worker, isOver, leaked: tally.leaked.size });
    tally.leaked.add(claimed);
    tell(false);
    await leaked;
    tally.leaked.delete(claimed);
    tell(true);
  }

  function stopExecutions(
    stop: Stop,
    which: (execution: Execution) => boolean = () => true,
    grace = environment.grace,
  ): number {
    const told = [...running].filter(which);
    for (const execution of told) execution.stop(stop, grace);
    return told.length;
  }

  async function empty(): Promise<void> {
    while (fetching !== undefined || running.size > 0) {
      await fetching;
      await Promise.all([...running].map((execution) => execution.conclusion));
    }
  }

  function isIdle(): boolean {
    const waitsForAnswers = solo.isWanted && unsettled > 0;
    return fetching === undefined && (!wanted || !mayFetch()) && running.size === 0 && !waitsForAnswers;
  }

  /** Input was read that took its time: more may join, unless one has to be alone. */
  function onRoom(): void {
    if (solo.isWanted) batches.hurry();
    wake();
  }

  function releaseIdlers(): void {
    if (idlers.length === 0) return;
    // Nobody is left to join what gathers.
    if (fetching === undefined && !(wanted && mayFetch()) && running.size === batches.gathering())
      batches.hurry();
    if (!isIdle()) return;
    const released = idlers;
    idlers = [];
    for (const release of released) release();
  }

  async function idle(): Promise<void> {
    do {
      if (!isIdle()) {
        await new Promise<void>((resolve) => {
          idlers.push(resolve);
          releaseIdlers();
        });
      }
      // What is settled may be there to claim again.
      await settler.flush();
    } while (!isIdle());
  }

  function rest(): void {
    batches.release();
    retry?.cancel();
    retry = undefined;
    tally.rests();
    releaseIdlers();
  }

  function quiet(): void {
    isQuiet = true;
    rest();
  }

  function resume(): void {
    isQuiet = false;
    wake();
  }

  function close(): void {
    open = false;
    solo.end();
    rest();
  }

  function setQueues(queues: Readonly<Record<string, number>>): void {
    slots.set(queues);
    wake();
  }

  const lifetime = service({
    start() {
      open = true;
      wake();
    },
    async stop() {
      close();
      await empty();
      await settler.close(patience);
      notes.close();
    },
  });

  const status = (): LoopStatus => tally.status(running);
  return {
    ...lifetime,
    wake,
    recover,
    quiet,
    resume,
    close,
    setQueues,
    status,
    stopExecutions,
    empty,
    idle,
  };
}

/** The answer to what the handler's own transaction has settled. */
function committed({ state }: Settlement): Settled {
  return { taken: true, state };
}

function isWorkerLost(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "WORKER_LOST";
}
