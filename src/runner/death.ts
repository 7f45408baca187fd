// How a process ended, in words, and whose fault it was.
//
// What is told of a death decides whom it is held against, so nothing is guessed: a run is named only when the runner
// killed the process because of it, or when the process said so itself in its last moment. A process that somebody
// killed from outside says nothing; then every run it held may have been the reason, and the store counts it so.
//
// Before this file comes the child. After it come the messages to its peers, and the log.
import { constants } from "node:os";
import type { Death, NamedRun } from "./protocol.js";

/** Why the runner killed it. Without `culprits`: not known whose fault it was; empty: nobody's. */
export interface Verdict {
  readonly cause: string;
  readonly culprits?: readonly string[];
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not even be started. */
  readonly failure?: string;
  /** What it said itself in its last moment. */
  readonly dying?: { readonly cause: string; readonly run?: NamedRun };
  /** It has stopped in order, and this is why. */
  readonly left?: "stopped" | "empty";
  /** The runner killed it, and this is why. */
  readonly verdict?: Verdict;
  /** The runner had told it to stop. */
  readonly wasAsked: boolean;
  readonly wasReady: boolean;
  /** Milliseconds from its start to its end. */
  readonly lived: number;
}

/** What a process ends with when its heap is full, as Node and as a shell report it. */
const abortedCode = 128 + constants.signals.SIGABRT;

/** How it ended, as the end of a sentence: "killed by SIGKILL". */
export function causeOf(ended: Ended): string {
  if (ended.verdict !== undefined) return `${ended.verdict.cause}; killed by the runner`;
  if (ended.failure !== undefined) return `could not be started: ${ended.failure}`;
  if (ended.dying !== undefined) return ended.dying.cause;
  if (ended.signal === "SIGABRT" || ended.code === abortedCode) return "aborted: probably out of memory";
  return ended.signal === null ? `exited with code ${ended.code}` : `killed by ${ended.signal}`;
}

/** The runs to blame; undefined: not known. */
export function culpritsOf({ verdict, dying }: Ended): readonly string[] | undefined {
  if (verdict !== undefined) return verdict.culprits;
  return dying?.run === undefined ? undefined : [dying.run.run];
}

/**
 * What its peers are to know of it.
 *
 * @param seen what it was executing when it last said how it is
 */
export function deathOf(worker: string, ended: Ended, seen: readonly NamedRun[] = []): Death {
  const culprits = culpritsOf(ended);
  const executing = executingOf(seen, ended.dying?.run);
  return {
    worker,
    cause: causeOf(ended),
    ...(culprits === undefined ? {} : { culprits }),
    ...(executing.length === 0 ? {} : { executing }),
  };
}

/** What it named with its last word may have begun after it last said how it is. */
function executingOf(seen: readonly NamedRun[], last: NamedRun | undefined): NonNullable<Death["executing"]> {
  const isKnown = seen.some(({ run, token }) => run === last?.run && token === last.token);
  const all = last === undefined || isKnown ? seen : [...seen, last];
  return all.map(({ run, token, attempt }) => ({ run, token, attempt }));
}
