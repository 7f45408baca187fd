// What a loop can tell about itself: how much it has done, and how long ago it last got through to the store.
//
// Ages are counted on a clock that only goes forward, so that setting the computer's clock makes no worker look dead.
//
// Before this file come the claims and settlements of the loop. After it come a worker's reports, and its runner, which
// looks after one that wants to fetch and cannot.
import type { Claimed } from "../store/contract.js";
import type { Execution } from "./conclusion.js";

/** An execution as people name it, with its fence. */
interface NamedExecution {
  readonly run: string;
  readonly job: string;
  readonly token: number;
  readonly attempt: number;
}

/** How a loop stands. Times are in milliseconds before now. */
export interface LoopStatus {
  /** How many runs were claimed here, and how many executions have ended, since the loop began. */
  readonly started: number;
  readonly ended: number;
  /** Executions whose handler was called and has not ended; `since`: for how long. */
  readonly running: readonly (NamedExecution & { readonly queue: string; readonly since: number })[];
  /** Executions that were given up and whose handlers go on. */
  readonly leaked: readonly NamedExecution[];
  /** Since a claim, or a settlement, was last answered by the store; undefined: none was. */
  readonly lastFetch: number | undefined;
  readonly lastSettle: number | undefined;
  /** For how long it has tried to claim without an answer; undefined: it rests, or may not fetch. */
  readonly fetchingFor: number | undefined;
}

export function createTally(now: () => number = () => performance.now()) {
  let started = 0;
  let ended = 0;
  let fetchedAt: number | undefined;
  let settledAt: number | undefined;
  let fetchingSince: number | undefined;
  const leaked = new Set<Claimed>();
  const ago = (moment: number | undefined): number | undefined =>
    moment === undefined ? undefined : now() - moment;

  return {
    asked(): void {
      fetchingSince ??= now();
    },
    answered(claimed: number): void {
      fetchingSince = undefined;
      fetchedAt = now();
      started += claimed;
    },
    /** It may not fetch any more, or not now. */
    rests(): void {
      fetchingSince = undefined;
    },
    ended(): void {
      ended += 1;
    },
    settled(): void {
      settledAt = now();
    },
    leaked,
    status(running: Iterable<Execution>): LoopStatus {
      return {
        started,
        ended,
        running: [...running].flatMap(({ claimed, calledAt }) =>
          calledAt === undefined
            ? []
            : [{ ...nameOf(claimed), queue: claimed.queue, since: now() - calledAt }],
        ),
        leaked: [...leaked].map(nameOf),
        lastFetch: ago(fetchedAt),
        lastSettle: ago(settledAt),
        fetchingFor: ago(fetchingSince),
      };
    },
  };
}

/** A claimed run as people name it. */
function nameOf({ run, job, token, attempt }: Claimed): NamedExecution {
  return { run, job, token, attempt };
}
