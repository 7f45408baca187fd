// The call of one handler, as an execution: under its timeout, with a signal that can be aborted, and an end.
//
//   perform   the handler is called, inside the middleware, with its `ctx`
//   observe   how it ended: a value, an outcome, an error; or it was stopped and did not end within the grace
//   clean up  what was registered with `ctx.defer`, last first
//   decide    `run/transition` makes the settlement
//
// There is one for every run, and most runs are short: where nothing has to be waited for, nothing is waited for, and what is
// not used is not made.
//
// Before this file comes a claimed run that this worker may execute. After it comes its settlement, on its way to the store.
import { inContextOf, isPromise, type MaybePromise } from "../job/index.js";
import type { Timer } from "../kernel/index.js";
import type { Ended } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import type { Committed, Conclusion, Execution } from "./conclusion.js";
import { createContext, type RunContext } from "./context.js";
import { cleanUp, decide, followed, observed } from "./ending.js";
import type { Environment, Frames, KnownJob } from "./environment.js";
import type { Notes } from "./notes.js";
import { perform } from "./perform.js";
import { ExecutionStoppedError, limitOf, type Stop } from "./stop.js";

export const unframed: Frames = { enter: (_claimed, body) => body(), leave: () => {} };

export class Call implements Execution {
  readonly claimed: Claimed;
  readonly calledAt = performance.now();
  readonly conclusion: Promise<Conclusion>;
  readonly #known: KnownJob;
  readonly #environment: Environment;
  readonly #frames: Frames;
  readonly #context: RunContext;
  readonly #limit: Timer;
  readonly #performed: Promise<Ended | Committed>;
  #conclude: (conclusion: MaybePromise<Conclusion>) => void = () => {};
  #stopped: Stop | undefined;
  #isOver = false;
  #endsAt = Number.POSITIVE_INFINITY;
  #end: Timer | undefined;

  /** Calls the handler, in a turn of its own: whoever made this has it before its code runs. */
  constructor(claimed: Claimed, known: KnownJob, environment: Environment, notes: Notes) {
    const { clock, frames = unframed, grace } = environment;
    this.claimed = claimed;
    this.#known = known;
    this.#environment = environment;
    this.#frames = frames;
    const onLost = (): void => this.stop({ why: "lost" }, grace);
    const context = createContext(claimed, known, environment, notes, onLost);
    this.#context = context;
    const limit = limitOf(claimed, known.policy.timeout, clock.now());
    this.#limit = clock.after(limit.milliseconds, () => this.stop(limit.stop, grace));
    this.conclusion = new Promise((resolve) => {
      this.#conclude = resolve;
    });
    this.#performed = this.#inFrame(() => {
      const performed = perform(claimed, known, environment, context, () => this.#stopped !== undefined);
      void performed.then((how) => this.#over(how));
      return performed;
    });
  }

  stop(reason: Stop, grace: number): void {
    if (this.#isOver) return;
    const { clock } = this.#environment;
    if (clock.now() + grace < this.#endsAt) {
      this.#endsAt = clock.now() + grace;
      this.#end?.cancel();
      this.#end = clock.after(grace, () => this.#inFrame(() => this.#over("abandoned")));
    }
    if (this.#stopped !== undefined) return;
    this.#stopped = reason;
    this.#inFrame(() => this.#context.abort(new ExecutionStoppedError(this.claimed.run, reason)));
  }

  /** In the frame and the context of the run, and not in that of whoever woke the loop. */
  #inFrame<T>(body: () => T): T {
    const { claimed } = this;
    return this.#frames.enter(claimed, () => inContextOf(claimed.meta, body));
  }

  /** The first word counts: how a handler ends that was given up changes nothing. */
  #over(how: Ended | Committed | "abandoned"): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#limit.cancel();
    this.#end?.cancel();
    if (how === "abandoned") this.#giveUp();
    const cleaning = cleanUp(this.#context, this.#environment, this.claimed);
    const conclusion = cleaning === undefined ? this.#ended(how) : cleaning.then(() => this.#ended(how));
    if (isPromise(conclusion)) this.#conclude(conclusion.finally(() => this.#frames.leave(this.claimed)));
    else {
      this.#frames.leave(this.claimed);
      this.#conclude(conclusion);
    }
  }

  #giveUp(): void {
    const { run, job } = this.claimed;
    this.#context.seal();
    this.#environment.events.emit("abandoned", { run, job, why: this.#stopped?.why ?? "timeout" });
  }

  #ended(how: Ended | Committed | "abandoned"): MaybePromise<Conclusion> {
    if (how !== "abandoned" && how.how === "committed")
      return { settlement: how.settlement, isCommitted: true };
    const { claimed } = this;
    const { attempt } = this.#context;
    const executed = attempt === claimed.attempt ? claimed : { ...claimed, attempt };
    const settlement = decide(executed, observed(how, this.#stopped), this.#known, this.#environment);
    const settling = followed(claimed, settlement, this.#environment);
    const rest = how === "abandoned" ? { isCommitted: false, leaked: this.#performed } : withoutLeak;
    if (isPromise(settling)) return settling.then((whole) => ({ settlement: whole, ...rest }));
    return { settlement: settling, ...rest };
  }
}

const withoutLeak = { isCommitted: false };
