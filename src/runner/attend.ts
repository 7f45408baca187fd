// Looking after the workers, a few times a second: who stands still, who has served long enough, who must be told something.
//
// Before this file come the judgement, the limits and the post. After it comes the runner.
import { type Clock, formatDuration, type Timer } from "../kernel/index.js";
import type { Child } from "./child.js";
import { judge } from "./judge.js";
import type { Post } from "./post.js";
import { recycleReason } from "./recycle.js";
import type { Settings } from "./settings.js";
import { idsOf, who } from "./text.js";
import type { WatchedTime } from "./watched.js";

/** How often, in milliseconds; and how much of a longer pause counts as watched. */
const every = 250;
export const longestLook = 2 * every;
/** A start that takes longer is mentioned: the store may be away, or the program hangs while it loads. */
const slowStart = 30_000;
/** Who could not be replaced is tried again after so long. */
const recycleAgain = 30_000;

export interface Attendance {
  end(): void;
}

export interface AttendParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly watched: WatchedTime;
  readonly post: Post;
  readonly children: ReadonlySet<Child>;
  readonly onRecycle: (child: Child, why: string) => void;
}

export function attend({ settings, clock, watched, post, children, onRecycle }: AttendParts): Attendance {
  const { limits, maxBlock, say } = settings;
  const warned = new WeakSet<Child>();
  const slow = new WeakSet<Child>();
  const recycled = new WeakMap<Child, number>();
  let timer: Timer;

  function lookAfter(child: Child): void {
    const { state, heardAt, blocked } = child;
    const judgement = judge({ isStarting: state === "starting", heardAt, blocked }, watched.now(), maxBlock);
    if (judgement.do === "kill") child.kill(judgement);
    if (judgement.do === "nothing") warned.delete(child);
    if (judgement.do !== "warn" || warned.has(child)) return;
    warned.add(child);
    say("silent", `${who(child)}: ${judgement.text}`, idsOf(child), "warn");
  }

  function lookAtStart(child: Child): void {
    const age = clock.now() - child.startedAt;
    if (child.state !== "starting" || age < slowStart || slow.has(child)) return;
    slow.add(child);
    say("slow", `${who(child)} is not ready after ${formatDuration(age)}`, idsOf(child), "warn");
  }

  function lookAtService(child: Child): void {
    const { state, readyAt, status, recycle } = child;
    if (state !== "ready" || readyAt === undefined || status === undefined) return;
    const now = clock.now();
    if (now - (recycled.get(child) ?? Number.NEGATIVE_INFINITY) < recycleAgain) return;
    const why = recycle ?? recycleReason({ age: now - readyAt, ...status.value }, limits);
    if (why === undefined) return;
    recycled.set(child, now);
    onRecycle(child, why);
  }

  function look(): void {
    watched.look();
    for (const child of children) {
      lookAfter(child);
      lookAtStart(child);
      lookAtService(child);
    }
    post.deliver();
    timer = clock.after(every, look);
  }

  timer = clock.after(every, look);
  return { end: () => timer.cancel() };
}
