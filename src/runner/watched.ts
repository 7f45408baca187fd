// Time that passes only while somebody looks.
//
// A runner that was itself stopped, starved or held in a debugger has not watched its workers meanwhile, and must not
// take its own absence for their silence. This clock moves on by what really passed, but at most a little since it was
// last looked at; so what is measured by it is how long a worker has been silent before the eyes of a runner.
//
// Before this file comes the clock. After it come what a child was heard of, and the judgement of it.
import type { Clock } from "../kernel/index.js";

export interface WatchedTime {
  now(): number;
  /** To be called at every look. */
  look(): void;
}

/** @param most how far it may move between two looks, in milliseconds */
export function watchedTime(clock: Pick<Clock, "now">, most: number): WatchedTime {
  let passed = 0;
  let lookedAt = clock.now();
  const since = (): number => Math.min(Math.max(0, clock.now() - lookedAt), most);
  return {
    now: () => passed + since(),
    look() {
      passed += since();
      lookedAt = clock.now();
    },
  };
}
