// The heartbeat of a worker: shows that it lives, and how it is, and hands on what it learns by that.
//
// It beats at a steady pace, sooner again after a beat that failed, and at once when there is something to tell. One
// beat at a time: what is to be told while one is under way is told right after it.
//
// Before this file comes the worker's life. After it comes whoever obeys what the store answers.
import type { Clock, Timer } from "../kernel/index.js";
import type { Pulse } from "../store/contract.js";

/** How often a worker shows that it lives, in milliseconds, and how soon again when that failed. */
const every = 10_000;
const again = 1_000;

export interface Heartbeat {
  start(): void;
  /** Beats now: there is something to tell. */
  soon(): void;
  stop(): void;
}

export function createHeartbeat(parts: {
  readonly clock: Clock;
  readonly beat: () => Promise<Pulse>;
  readonly obey: (pulse: Pulse) => Promise<void>;
  readonly onError: (error: unknown) => void;
}): Heartbeat {
  const { clock, beat, obey, onError } = parts;
  let timer: Timer | undefined;
  let isOpen = false;
  let isBeating = false;
  let isAsked = false;

  function rest(milliseconds: number): void {
    timer?.cancel();
    if (isOpen) timer = clock.after(milliseconds, () => void run());
  }

  async function run(): Promise<void> {
    isBeating = true;
    isAsked = false;
    let pause = every;
    try {
      const pulse = await beat();
      if (isOpen) await obey(pulse);
    } catch (error) {
      onError(error);
      pause = again;
    }
    isBeating = false;
    if (isAsked && pause === every) soon();
    else rest(pause);
  }

  function soon(): void {
    isAsked = true;
    if (!isOpen || isBeating) return;
    timer?.cancel();
    void run();
  }

  return {
    start() {
      isOpen = true;
      rest(every);
    },
    soon,
    stop() {
      isOpen = false;
      timer?.cancel();
    },
  };
}
