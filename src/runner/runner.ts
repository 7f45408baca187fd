// The runner: the parent process that keeps workers alive, from its start to its exit code.
//
//   start     the first worker in every place; from then on whoever dies is replaced and its death is told
//   restart   a round of replacement, new code loaded, never one worker fewer
//   stop      everybody drains, with a deadline; again with less: hurry; a third signal kills all
//   over      the last worker is gone, with the exit code that says why
//
// Nothing of the application is loaded here, so nothing in it can end this process. Whatever ends this process all the
// same takes its workers with it: at its exit they are killed, and when it is killed itself they notice and stop.
//
// Before this file come the parts, each with one reason. After it comes whoever starts it: the command line, or a program.
import { type Clock, type Duration, duration, systemClock } from "../kernel/index.js";
import { attend, longestLook } from "./attend.js";
import type { Child, ChildState } from "./child.js";
import { createCrew } from "./crew.js";
import { RunnerGaveUpError } from "./errors.js";
import { type Health, type HealthServer, healthOf, serveHealth } from "./health.js";
import { makeLastWill } from "./last-will.js";
import { later } from "./later.js";
import { sayNews } from "./news.js";
import { createObedience } from "./obey.js";
import { createPost } from "./post.js";
import type { FromPipe, FromWorker } from "./protocol.js";
import { createRolling } from "./rolling.js";
import { type RunnerOptions, readOptions } from "./settings.js";
import { exitOfSignal, listenToSignals } from "./signals.js";
import { type ProcessView, viewOf } from "./view.js";
import { type Watching, watchFiles } from "./watch.js";
import { watchedTime } from "./watched.js";

/** What keeps workers alive: what `createRunner` gives back. */
export interface Runner {
  /**
   * Resolves when every first worker is ready, or when the runner was told to stop before that.
   * @throws RunnerGaveUpError when they cannot be started; HealthPortError when the health cannot be served
   */
  start(): Promise<void>;
  /** Resolves with the exit code when the last worker is gone and none will come. */
  readonly over: Promise<number>;
  /** Stops every worker within `drain`, the runner's own unless given. Again with less: hurry. */
  stop(options?: { drain?: Duration }): Promise<void>;
  /** Replaces every worker, one at a time. Resolves when that is done, or cannot be. */
  restart(): Promise<void>;
  /** No worker fetches any more, also none that is started later, until `resume`. */
  quiet(): void;
  /** Has the workers fetch again, after `quiet`. */
  resume(): void;
  /** Kills what is being executed, each as a failed attempt. The workers go on. */
  kill(): void;
  /** What every process is doing, asked for now. */
  report(): Promise<readonly ProcessView[]>;
  readonly health: Health;
  /** Where the health is served; undefined: nowhere. */
  readonly healthUrl: string | undefined;
  readonly processes: readonly {
    readonly pid: number | undefined;
    readonly worker: string | undefined;
    readonly state: ChildState;
  }[];
}

/** Time that neither jumps nor counts while the machine sleeps. */
const steadyClock: Clock = { now: () => performance.now(), after: systemClock.after };

/** How long a report waits for workers that do not answer. */
const reportPatience = 1_000;

/**
 * Makes a runner. Nothing happens before `start`.
 *
 * @throws InvalidOptionError, InvalidDurationError naming the option and what it may be
 */
export function createRunner(options: RunnerOptions): Runner {
  const settings = readOptions(options);
  const { say } = settings;
  const clock = options.clock ?? steadyClock;
  const watched = watchedTime(clock, longestLook);
  const started = later<void>();
  const over = later<number>();
  const cleanups: (() => void)[] = [];
  let phase: "new" | "starting" | "running" | "stopping" | "over" = "new";
  let exit = 0;
  let gaveUp: RunnerGaveUpError | undefined;
  let starting: Promise<void> | undefined;
  let isQuiet = false;
  let server: HealthServer | undefined;

  const post = createPost({ children: () => crew.children, now: watched.now });
  const crew = createCrew({
    settings,
    clock,
    watched,
    post,
    onStart: (child) => {
      // Before it has loaded anything: so it never fetches.
      if (isQuiet) child.send({ type: "quiet" });
    },
    onMessage: hear,
    onOver: end,
    onGiveUp: giveUp,
  });
  const rolling = createRolling({
    slots: Array.from({ length: settings.processes }, (_, slot) => slot),
    replace: crew.replace,
    onRound: sayRound,
  });
  // Whoever does not look at `start` hears of it by `over`.
  started.promise.catch(() => {});

  /** What is to be done about what a worker says. */
  function hear(child: Child, message: FromWorker | FromPipe): void {
    if (message.type === "blocked" && !post.blocked(child, message)) return;
    sayNews(say, child, message);
    if (message.type === "ready") lookWhetherStarted();
    if (message.type === "rescued") post.answered(message.worker);
    if (message.type === "unblocked") post.unblocked(child);
  }

  function lookWhetherStarted(): void {
    if (phase !== "starting" || !crew.isComplete) return;
    phase = "running";
    started.resolve();
  }

  function sayRound(what: "begun" | "done" | "failed", why: string): void {
    const texts = {
      begun: `replacing every worker: ${why}`,
      done: "every worker is replaced",
      failed: "the workers are not all replaced, because a new one could not start; those that work go on",
    };
    say(`restart.${what}`, texts[what], { why }, what === "failed" ? "error" : "info");
  }

  async function open(): Promise<void> {
    phase = "starting";
    cleanups.push(makeLastWill(say, () => crew.kill("the runner ends")));
    if (settings.signals) cleanups.push(listenToSignals(obey));
    try {
      if (settings.health !== undefined) {
        server = await serveHealth(settings.health, () => healthOf({ phase, processes: views() }));
        cleanups.push(server.close);
        say("health", `health at ${server.url}/`, { url: server.url });
      }
      if (settings.isWatching) await watch();
    } catch (error) {
      phase = "over";
      cleanUp();
      over.resolve(1);
      throw error;
    }
    // Told to stop meanwhile: what was opened since is closed again.
    if (phase !== "starting") {
      cleanUp();
      return;
    }
    const workers = settings.processes === 1 ? "1 worker" : `${settings.processes} workers`;
    const fields = { pid: process.pid, processes: settings.processes };
    say("started", `runner ${process.pid} starts ${workers}`, fields);
    const attendance = attend({
      settings,
      clock,
      watched,
      post,
      children: crew.children,
      onRecycle: ({ slot }, why) => rolling.one(slot, why),
    });
    cleanups.push(attendance.end);
    crew.start();
    await started.promise;
  }

  async function watch(): Promise<void> {
    const watching: Watching = await watchFiles({
      paths: settings.watch,
      clock,
      onChange: ([path, ...others]) => {
        const more = others.length === 0 ? "" : ` and ${others.length} more`;
        if (phase === "starting" || phase === "running") void rolling.round(`${path}${more} changed`);
      },
      onError: (error) => say("watch", `cannot watch: ${String(error)}`, {}, "error"),
    });
    cleanups.push(() => void watching.close());
  }

  function cleanUp(): void {
    for (const one of cleanups.splice(0)) one();
  }

  function end(): void {
    if (phase === "over") return;
    phase = "over";
    rolling.end();
    cleanUp();
    say("over", exit === 0 ? "the runner has ended" : `the runner has ended with exit code ${exit}`, {
      exit,
    });
    if (gaveUp === undefined) started.resolve();
    else started.reject(gaveUp);
    over.resolve(exit);
  }

  function giveUp(code: number, why: string): void {
    if (phase === "stopping" || phase === "over") return;
    const remedy = "What they wrote to standard error says more; when it is mended, start again.";
    const text = `giving up: ${why}. Exit code ${code}. ${remedy}`;
    say("givingUp", text, { code, why }, "error");
    gaveUp = new RunnerGaveUpError(text, code);
    exit = code;
    stopWithin(0);
  }

  function stopWithin(drain: number): void {
    if (phase === "over") return;
    rolling.end();
    if (phase === "new") end();
    else {
      phase = "stopping";
      crew.stop(drain);
    }
  }

  async function stop(given: { drain?: Duration } = {}): Promise<void> {
    stopWithin(given.drain === undefined ? settings.drain : duration(given.drain, "runner: drain"));
    await over.promise;
    await starting?.catch(() => {});
  }

  function setQuiet(quiet: boolean): void {
    isQuiet = quiet;
    for (const child of crew.children) child.send({ type: quiet ? "quiet" : "resume" });
  }

  function kill(): void {
    for (const child of crew.children) child.send({ type: "kill" });
  }

  const views = (): ProcessView[] =>
    [...crew.children]
      .sort((one, other) => one.slot - other.slot)
      .map((child) => viewOf(child, clock.now(), watched.now()));

  async function report(): Promise<readonly ProcessView[]> {
    const asked = clock.now();
    const waiting = (): boolean =>
      [...crew.children].some(({ status, blocked }) => blocked === undefined && (status?.at ?? 0) < asked);
    for (const child of crew.children) child.send({ type: "report" });
    while (waiting() && clock.now() - asked < reportPatience)
      await new Promise<void>((look) => void clock.after(10, look));
    return views();
  }

  const obey = createObedience({
    say,
    drain: settings.drain,
    isOnTerminal: process.stdout.isTTY === true,
    stopWithin,
    killAll(signal) {
      exit = exitOfSignal(signal);
      phase = "stopping";
      crew.kill(`${signal} for the third time`);
    },
    round: rolling.round,
    setQuiet,
    isQuiet: () => isQuiet,
    kill,
    report,
  });

  return {
    start: () => (starting ??= phase === "new" ? open() : Promise.resolve()),
    over: over.promise,
    stop,
    restart: () =>
      phase === "running" || phase === "starting" ? rolling.round("asked by the program") : Promise.resolve(),
    quiet: () => setQuiet(true),
    resume: () => setQuiet(false),
    kill,
    report,
    get health() {
      return healthOf({ phase, processes: views() });
    },
    get healthUrl() {
      return server?.url;
    },
    get processes() {
      return views().map(({ pid, worker, state }) => ({ pid, worker, state }));
    },
  };
}
