// One execution in an isolate: its handler runs elsewhere, and all that is decided of it is decided here.
//
// As for a handler that runs in the worker itself, the time is kept here, the signal is aborted from here, and how it
// ended becomes a settlement here. What differs is the end of one that does not obey: its isolate is ended, so that nothing
// of it goes on, and so it is with one that takes its isolate down by itself.
//
// Before this file comes a claimed run of a job with `isolate`. After it come the isolates, which the worker brings.
import type { Timer } from "../kernel/index.js";
import type { Ended } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import type { Conclusion, Execution } from "./conclusion.js";
import { decide, followed, notBegun, observed } from "./ending.js";
import type { Environment, KnownJob } from "./environment.js";
import type { Isolation } from "./isolation.js";
import type { Notes } from "./notes.js";
import { startOf } from "./record.js";
import { limitOf, type Stop } from "./stop.js";

/** How long the end of an isolate is waited for, in milliseconds: native code cannot be interrupted in a thread. */
const patience = 1_000;

export function callIsolated(
  claimed: Claimed,
  known: KnownJob,
  environment: Environment,
  notes: Notes,
  isolation: Isolation,
): Execution {
  const { clock, events, grace } = environment;
  let calledAt: number | undefined;
  let stopped: Stop | undefined;
  let isOver = false;
  let endsAt = Number.POSITIVE_INFINITY;
  let end: Timer | undefined;
  let limit: Timer | undefined;
  let giveUp = (): void => {};
  const givenUp = new Promise<"abandoned">((resolve) => {
    giveUp = () => resolve("abandoned");
  });
  const isolated = isolation.execute({
    claimed,
    known,
    notes,
    onCalled,
    onEnding: endTimers,
    onLost: () => stop({ why: "lost" }, grace),
  });

  function onCalled(): void {
    calledAt = performance.now();
    const { milliseconds, stop: reason } = limitOf(claimed, known.policy.timeout, clock.now());
    limit = clock.after(milliseconds, () => stop(reason, grace));
    if (!events.has("started")) return;
    events.emit("started", startOf(claimed, environment.worker));
  }

  function stop(reason: Stop, milliseconds: number): void {
    if (isOver) return;
    const isFirst = stopped === undefined;
    stopped ??= reason;
    // Its isolate is still starting: there is nobody yet who could obey.
    if (calledAt === undefined) {
      giveUp();
      return;
    }
    if (clock.now() + milliseconds < endsAt) {
      endsAt = clock.now() + milliseconds;
      end?.cancel();
      end = clock.after(milliseconds, () => giveUp());
    }
    if (isFirst) isolated.abort(stopped);
  }

  function endTimers(): void {
    isOver = true;
    limit?.cancel();
    end?.cancel();
  }

  async function conclude(): Promise<Conclusion> {
    const how = await Promise.race([isolated.end, givenUp]);
    endTimers();
    if (how !== "abandoned") {
      const { ended, attempt } = how;
      if (ended.how === "committed") return { settlement: ended.settlement, isCommitted: true };
      return settled(ended, attempt);
    }
    const rest = await abandon();
    const conclusion = await settled(calledAt === undefined ? notBegun : how, claimed.attempt);
    return { ...conclusion, ...rest };
  }

  async function settled(how: Ended | "abandoned", attempt: number): Promise<Conclusion> {
    const decided = decide({ ...claimed, attempt }, observed(how, stopped), known, environment);
    return { settlement: await followed(claimed, decided, environment), isCommitted: false };
  }

  /** Resolves when its isolate is gone, or when that takes too long: then it is leaked until it is. */
  async function abandon(): Promise<Pick<Conclusion, "leaked">> {
    const { run, job } = claimed;
    if (calledAt !== undefined) events.emit("abandoned", { run, job, why: stopped?.why ?? "timeout" });
    const gone = isolated.giveUp();
    let timer: Timer | undefined;
    const tooLong = new Promise<"late">((resolve) => {
      timer = clock.after(patience + grace, () => resolve("late"));
    });
    const late = await Promise.race([gone, tooLong]);
    timer?.cancel();
    return late === "late" ? { leaked: gone } : {};
  }

  return {
    claimed,
    get calledAt() {
      return calledAt;
    },
    stop,
    conclusion: conclude(),
  };
}
