// What a conformance test stands on: a store on a clock that the test moves, opened for it and closed after it.
//
// The suite belongs to no test framework. It is given `describe` and `test` by whoever runs it, and each subject
// (`intake.ts`, `claim.ts` …) declares its tests through the `Suite` below, which opens the harness, closes it however
// the test ended, and leaves out what the caller has excused or what needs a second store where there is none.
import assert from "node:assert/strict";
import { type Clock, type ManualClock, manualClock, systemClock } from "../../kernel/index.js";
import type { Store } from "../../store/contract.js";

/** @inline */
type Transaction = <T>(fn: (connection: unknown) => Promise<T>) => Promise<T>;

/** A store opened for one test. */
export interface Harness {
  readonly store: Store;
  /** A second store object on the same database, as another process would have it. Absent where there is none. */
  readonly another?: (() => Promise<Store>) | undefined;
  /**
   * Runs a function in a transaction of an application's own connection to the same database, with what `insertIn` takes
   * of it: committed when the function resolves, rolled back when it rejects. Absent where there can be none.
   */
  readonly transaction?: Transaction | undefined;
  /** Closes every store it gave, and removes what they left. */
  close(): Promise<void>;
}

/** How the suite is run, and on what. */
export interface ConformanceOptions {
  /** The store's name, as the tests are to be listed under. */
  readonly name: string;
  /** The framework's own: groups tests under a name. */
  readonly describe: (name: string, body: () => void) => void;
  /** The framework's own: declares a test. */
  readonly test: (name: string, body: () => Promise<void>) => void;
  /** How the framework lists a test that is left out. Without it, an empty test says so in its name. */
  readonly skip?: ((name: string, body: () => Promise<void>) => void) | undefined;
  /**
   * Opens a store on an empty database of its own, with `clock` as the store's clock, and as its monotonic one, if it
   * has that: a test that moves the clock by an hour means that an hour has passed.
   */
  readonly open: (clock: Clock) => Promise<Harness>;
  /** Why there can be no second store object or connection (an in-memory database); tests that need one are left out. */
  readonly alone?: string | undefined;
  /**
   * Tests that are left out, each with the reason, by their name after its groups, as in
   * `"claim > the order of claims > the highest priority comes first"`, or whole groups, as in `"rates"`. A name that is
   * neither fails the suite.
   */
  readonly excuses?: Readonly<Record<string, string>> | undefined;
  /** Replays the random sequences of the model test: the seed that a failure printed. */
  readonly seed?: number | undefined;
}

/** What a test is given. The clock stands still until the test moves it. */
export interface Bench {
  readonly store: Store;
  readonly clock: ManualClock;
  another(): Promise<Store>;
  readonly transaction: Transaction;
}

export interface Suite {
  readonly seed: number | undefined;
  describe(name: string, body: () => void): void;
  /** One store, on a clock that the test moves. */
  test(name: string, body: (bench: Bench) => Promise<void>): void;
  /** The same, with a second store object on the same database. */
  shared(name: string, body: (bench: Bench) => Promise<void>): void;
  /** One store in real time, for what the store does by itself. */
  live(name: string, body: (bench: Omit<Bench, "clock">) => Promise<void>): void;
  liveShared(name: string, body: (bench: Omit<Bench, "clock">) => Promise<void>): void;
}

/** When every test begins: no round number, so that a forgotten column is not right by accident. */
export const beginning = Date.UTC(2031, 4, 17, 9, 41, 7, 123);

/** The suite that the options describe, and the names that were excused but never declared. */
export function suiteOf(options: ConformanceOptions): { suite: Suite; unknownExcuses: () => string[] } {
  const excuses = new Map(Object.entries(options.excuses ?? {}));
  const declared = new Set<string>();
  const skip = options.skip ?? ((name, _body) => options.test(name, async () => {}));

  let groups: readonly string[] = [];

  const declare = (name: string, needsAnother: boolean, body: () => Promise<void>): void => {
    const path = [...groups, name].join(" > ");
    assert.ok(!declared.has(path), `two conformance tests are named "${path}"`);
    declared.add(path);
    const group = groups
      .map((_, index) => groups.slice(0, index + 1).join(" > "))
      .find((one) => excuses.has(one));
    if (group !== undefined) declared.add(group);
    const excuse = excuses.get(path) ?? excuses.get(group ?? "");
    const reason = excuse ?? (needsAnother ? options.alone : undefined);
    if (reason === undefined) options.test(name, body);
    else skip(`${name} (left out: ${reason})`, body);
  };

  const manual = (body: (bench: Bench) => Promise<void>) => async (): Promise<void> => {
    const clock = manualClock(beginning);
    await withHarness(options, clock, (harness) =>
      body({ store: harness.store, clock, another: anotherOf(harness), transaction: transactionOf(harness) }),
    );
  };
  const real = (body: (bench: Omit<Bench, "clock">) => Promise<void>) => (): Promise<void> =>
    withHarness(options, systemClock, (harness) =>
      body({ store: harness.store, another: anotherOf(harness), transaction: transactionOf(harness) }),
    );

  const suite: Suite = {
    seed: options.seed,
    describe(name, body) {
      // Frameworks may call the body later than this, so a group remembers what it stands in.
      const path = [...groups, name];
      options.describe(name, () => {
        const outer = groups;
        groups = path;
        body();
        groups = outer;
      });
    },
    test: (name, body) => declare(name, false, manual(body)),
    shared: (name, body) => declare(name, true, manual(body)),
    live: (name, body) => declare(name, false, real(body)),
    liveShared: (name, body) => declare(name, true, real(body)),
  };
  return { suite, unknownExcuses: () => [...excuses.keys()].filter((name) => !declared.has(name)) };
}

async function withHarness(
  options: ConformanceOptions,
  clock: Clock,
  body: (harness: Harness) => Promise<void>,
): Promise<void> {
  const harness = await options.open(clock);
  try {
    await harness.store.open();
    await body(harness);
  } finally {
    await harness.close();
  }
}

function anotherOf(harness: Harness): () => Promise<Store> {
  return async () => {
    assert.ok(harness.another, "the harness gives no second store; say why in the option `alone`");
    const store = await harness.another();
    await store.open();
    return store;
  };
}

function transactionOf({ transaction }: Harness): Transaction {
  return async (fn) => {
    assert.ok(transaction, "the harness gives no transaction; say why in the option `alone`");
    return transaction(fn);
  };
}
