/**
 * `faults`: a store in which things go wrong by chance, for tests of a whole application.
 *
 * It wraps the store that such a test opens, SQLite or PostgreSQL, and lets happen what happens in the field: workers die
 * with runs in their hands, the answer to a commit is lost, a run is given to two workers, a heartbeat comes too late.
 * Chance is seeded. What goes wrong is not the fault of any run: none loses an attempt by it, or counts a crash.
 *
 * Where `explore` crashes one job everywhere, one by one, this shakes everything at once.
 *
 * Before this file comes a store. After it come `open(store)` and the application's test.
 */
import { checkOptions, InvalidOptionError } from "../kernel/index.js";
import type { Claimed, ClaimRequest, NewWorker, Store } from "../store/contract.js";
import { StoreUnreachableError, WorkerLostError } from "../store/errors.js";

/** A kind of fault, as `FaultOptions` names it. */
export type FaultKind = "killAfterClaim" | "loseCommit" | "duplicate" | "lateHeartbeat";

/** How likely each fault is: from 0, never, which is the default, to 1, always. */
export interface FaultOptions {
  /** A claim: its worker is dead when it is answered. All runs that the worker has are others' from then on. */
  killAfterClaim?: number;
  /** A request, a record of durable calls, or the end of executions: committed, but the answer is lost. */
  loseCommit?: number;
  /** A claim: its runs, and all others of its worker, are given to somebody else as well. The later writes are refused. */
  duplicate?: number;
  /** A heartbeat: the worker has been taken for dead when it comes. */
  lateHeartbeat?: number;
  /** The same seed gives the same chances, in the order of the calls. Default 1. */
  seed?: number;
  /** Hears of each fault. */
  onFault?: (fault: FaultKind) => void;
}

const kinds = ["killAfterClaim", "loseCommit", "duplicate", "lateHeartbeat"] as const;
const cause = "faults() let it die";

/**
 * The same store, in which things go wrong.
 *
 * @throws InvalidOptionError when an option is unknown, or a probability is not from 0 to 1
 * @example
 * const store = faults(sqlite({ file: "test.db" }), { killAfterClaim: 0.1, loseCommit: 0.1, seed: 7 });
 * const duckdive = open(store, { jobs: [welcome] });
 */
export function faults(store: Store, options: FaultOptions): Store {
  checkOptions(options, [...kinds, "seed", "onFault"], "faults()");
  for (const kind of kinds) checkProbability(kind, options[kind]);
  const random = seeded(options.seed ?? 1);
  const registrations = new Map<string, NewWorker>();

  function happens(kind: FaultKind): boolean {
    const probability = options[kind] ?? 0;
    if (probability === 0 || random() >= probability) return false;
    options.onFault?.(kind);
    return true;
  }

  /** Its runs are given to others. Nobody is to blame, so that no run fails by what was done to it here. */
  async function bury(worker: string): Promise<void> {
    await store.rescue([{ worker, cause, culprits: [] }]);
  }

  async function claim(request: ClaimRequest): Promise<Claimed[]> {
    const { worker } = request;
    const claimed = await store.claim(request);
    if (claimed.length === 0) return claimed;
    if (happens("killAfterClaim")) {
      await bury(worker);
      throw new WorkerLostError(`Worker ${worker} was killed after a claim: ${cause}.`);
    }
    if (happens("duplicate")) {
      await bury(worker);
      const registration = registrations.get(worker);
      if (registration !== undefined) await store.register(registration);
    }
    return claimed;
  }

  async function answered<T>(write: Promise<T>): Promise<T> {
    const answer = await write;
    if (happens("loseCommit"))
      throw new StoreUnreachableError("The answer to a commit was lost, by faults().", { passes: true });
    return answer;
  }

  const changed: Partial<Store> = {
    claim,
    async register(worker) {
      registrations.set(worker.id, worker);
      await store.register(worker);
    },
    async heartbeat(worker, report) {
      if (happens("lateHeartbeat")) await bury(worker);
      return store.heartbeat(worker, report);
    },
    insert: (runs) => answered(store.insert(runs)),
    record: (writes) => answered(store.record(writes)),
    settle: (settlements) => answered(store.settle(settlements)),
  };
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Object.hasOwn(changed, name)
        ? Reflect.get(changed, name)
        : Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

function checkProbability(name: string, value: number | undefined): void {
  if (value === undefined || (value >= 0 && value <= 1)) return;
  throw new InvalidOptionError(
    `faults(): ${name} is ${String(value)}. Use a probability, from 0 (never) to 1 (always).`,
  );
}

/** Numbers from 0 up to 1 that look like chance: a counter, its bits mixed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
