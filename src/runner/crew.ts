// The workers of a runner: one in each place, another when it ends, none when that is no use.
//
// A place has one worker that is meant to work, and for a while a second: the old one that is stopping while the new one
// works already, or the new one that starts while the old one still works. Whoever ends without having been told to,
// and leaves its place empty, is replaced, when the rules of restarting say so.
//
// Before this file come the child and the rules. After it come the rounds of replacement, and the runner.
import { type Clock, formatDuration, type Timer } from "../kernel/index.js";
import { type Child, startChild } from "./child.js";
import { causeOf, culpritsOf, deathOf, type Ended } from "./death.js";
import { isOrderly, sayEnd } from "./obituary.js";
import type { Post } from "./post.js";
import type { FromPipe, FromWorker } from "./protocol.js";
import { type PastDeath, remembered, restart, restartRules } from "./restart.js";
import type { Settings } from "./settings.js";
import { idsOf, who } from "./text.js";
import type { WatchedTime } from "./watched.js";

export interface Crew {
  readonly children: ReadonlySet<Child>;
  /** Whether a worker of every place has been ready, or found nothing to do. */
  readonly isComplete: boolean;
  /** Starts the first worker in every place. */
  start(): void;
  /** Resolves when the old one is gone; false: the new one could not start. */
  replace(slot: number, why: string): Promise<boolean>;
  /** Starts nothing any more; tells everybody to stop within so many milliseconds. */
  stop(drain: number): void;
  kill(cause: string): void;
}

export interface CrewParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly watched: WatchedTime;
  readonly post: Post;
  readonly onStart: (child: Child) => void;
  readonly onMessage: (child: Child, message: FromWorker | FromPipe) => void;
  /** The last one is gone and none will come: told to stop, or nothing was left to do. */
  readonly onOver: () => void;
  readonly onGiveUp: (code: number, why: string) => void;
}

interface Place {
  waiting?: Timer | undefined;
  /** A worker of this place has been ready, or has left because there was nothing to do. */
  wasFilled: boolean;
  /** Its worker found nothing left to do. */
  isDone: boolean;
}

export function createCrew(parts: CrewParts): Crew {
  const { settings, clock, watched, post } = parts;
  const { say, processes } = settings;
  const children = new Set<Child>();
  const places: Place[] = Array.from({ length: processes }, () => ({ wasFilled: false, isDone: false }));
  let history: readonly PastDeath[] = [];
  let wasEverReady = false;
  let isStopping = false;

  const at = (slot: number): Child[] =>
    [...children].filter((child) => child.slot === slot && child.state !== "stopping");

  function begin(slot: number): Child {
    const child = startChild({
      slot,
      program: settings.program,
      clock,
      watched,
      onMessage: hear,
      onNonsense: (from) =>
        say(
          "nonsense",
          `${who(from)} sent something that is no message of a worker; it is ignored`,
          { pid: from.pid },
          "warn",
        ),
    });
    children.add(child);
    say("starting", `${who(child)} starts`, { pid: child.pid, process: slot + 1 }, "debug");
    parts.onStart(child);
    void child.gone.then((ended) => bury(child, ended));
    return child;
  }

  function hear(child: Child, message: FromWorker | FromPipe): void {
    if (message.type === "ready") {
      wasEverReady = true;
      const place = places[child.slot];
      if (place !== undefined) place.wasFilled = true;
    }
    parts.onMessage(child, message);
    if (message.type === "ready") post.deliver();
  }

  function bury(child: Child, ended: Ended): void {
    children.delete(child);
    sayEnd(say, child, ended);
    if (!isOrderly(ended) && child.worker !== undefined)
      post.died(deathOf(child.worker, ended, child.status?.value.running));
    post.deliver();
    // A worker that was replaced in good order after a while shows that the program is sound.
    if (ended.wasAsked && ended.wasReady && ended.lived >= restartRules.shortLife)
      remember(child.slot, ended);
    const place = places[child.slot];
    if (place !== undefined && !isStopping && !ended.wasAsked && at(child.slot).length === 0)
      refill(child.slot, place, ended);
    if (children.size === 0 && (isStopping || places.every(({ isDone }) => isDone))) parts.onOver();
  }

  function refill(slot: number, place: Place, ended: Ended): void {
    if (ended.left === "empty" && ended.code === 0) {
      place.isDone = true;
      place.wasFilled = true;
    } else if (settings.isWatching && !ended.wasReady) {
      const text = `worker ${slot + 1} does not start: ${causeOf(ended)}. Waiting for the next change.`;
      say("broken", text, { process: slot + 1 }, "error");
    } else {
      remember(slot, ended);
      const circumstances = { processes, wasEverReady, mayGiveUp: !settings.isWatching, now: clock.now() };
      const next = restart(history, circumstances);
      if (next.do === "start") beginAfter(next.delay, slot, place);
      else parts.onGiveUp(next.code, `${next.why}; the last: ${causeOf(ended)}`);
    }
  }

  function remember(slot: number, ended: Ended): void {
    const { wasAsked, lived, wasReady, code } = ended;
    const isByRun = !wasAsked && (culpritsOf(ended) ?? []).length > 0;
    const latest = { slot, wasAsked, at: clock.now(), lived, wasReady, code, isByRun };
    history = remembered([...history, latest], processes);
  }

  function beginAfter(delay: number, slot: number, place: Place): void {
    if (delay === 0) {
      begin(slot);
      return;
    }
    say("restarting", `worker ${slot + 1} starts again in ${formatDuration(delay)}`, {
      process: slot + 1,
      delay,
    });
    place.waiting = clock.after(delay, () => void begin(slot));
  }

  async function replace(slot: number, why: string): Promise<boolean> {
    const place = places[slot];
    if (place === undefined || isStopping || place.isDone) return !isStopping;
    place.waiting?.cancel();
    const old = at(slot);
    const fresh = begin(slot);
    if ((await fresh.settled) === "gone") {
      if (isStopping) return false;
      const [kept] = old.filter(({ state }) => state !== "gone");
      if (kept !== undefined)
        say("notReplaced", `${who(kept)} goes on: its replacement could not start`, idsOf(kept), "error");
      return false;
    }
    for (const before of old) {
      if (before.state === "gone" || isStopping) continue;
      say("replaced", `${who(before)} is replaced by pid ${fresh.pid}: ${why}`, {
        ...idsOf(before),
        by: fresh.pid,
        why,
      });
      before.stop(settings.drain);
    }
    await Promise.all(old.map(({ gone }) => gone));
    return true;
  }

  return {
    children,
    get isComplete() {
      return places.every(({ wasFilled }) => wasFilled);
    },
    start() {
      for (const slot of places.keys()) begin(slot);
    },
    replace,
    stop(drain) {
      isStopping = true;
      for (const place of places) place.waiting?.cancel();
      for (const child of children) child.stop(drain);
      if (children.size === 0) parts.onOver();
    },
    kill(cause) {
      isStopping = true;
      for (const child of children) child.kill({ cause, culprits: [] });
      if (children.size === 0) parts.onOver();
    },
  };
}
