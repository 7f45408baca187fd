// The state table walked at random: a run as the simplest store would keep it, executions that end in every way there
// is, policies of every kind, and the moves that somebody else may make in between.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { State } from "../job/index.js";
import type { Ended } from "./ended.js";
import { hasEnded, isLegal, type MoveName, moves, states } from "./states.js";
import { isExhausted, isLastChance, isPoison, type Policy, transition } from "./transition.js";

const error = { name: "Error", message: "boom" };

/** The move that an end makes, by what the table calls it. */
function moveOf(ended: Ended, to: State): MoveName {
  switch (ended.how) {
    case "returned":
      return "succeed";
    case "threw":
    case "timedOut":
    case "died":
      return to === "failed" ? "fail" : "backOff";
    case "failed":
    case "invalidInput":
    case "expired":
    case "exhausted":
    case "poisoned":
      return "fail";
    case "cancelled":
      return "cancel";
    case "snoozed":
    case "rateLimited":
      return "snooze";
    case "suspended":
      return "suspend";
    case "handedBack":
    case "restarted":
      return "handBack";
    case "parked":
      return "park";
  }
}

const ends: fc.Arbitrary<Ended> = fc.oneof(
  fc.record({ how: fc.constant("returned" as const), output: fc.option(fc.json(), { nil: undefined }) }),
  fc.constant<Ended>({ how: "threw", error }),
  fc.record({ how: fc.constant("timedOut" as const), timeout: fc.nat() }),
  fc.record({
    how: fc.constant("died" as const),
    reason: fc.constantFrom("out-of-memory" as const, "exited" as const, "crashed" as const),
    error: fc.constant(error),
  }),
  fc.record({ how: fc.constant("failed" as const), error: fc.constant(error), reason: fc.string() }),
  fc.record({ how: fc.constant("cancelled" as const), reason: fc.string() }),
  fc.record({ how: fc.constant("snoozed" as const), milliseconds: fc.nat() }),
  fc.record({ how: fc.constant("rateLimited" as const), milliseconds: fc.nat() }),
  fc.record({ how: fc.constant("suspended" as const), on: fc.array(fc.string(), { minLength: 1 }) }),
  fc.constant<Ended>({ how: "handedBack" }),
  fc.record({
    how: fc.constant("restarted" as const),
    input: fc.option(fc.json(), { nil: undefined }),
    version: fc.integer({ min: 1 }),
    times: fc.nat(),
  }),
  fc.record({
    how: fc.constant("parked" as const),
    reason: fc.constantFrom("worker" as const, "paused" as const),
    on: fc.string(),
  }),
  fc.constant<Ended>({ how: "invalidInput", error }),
  fc.record({
    how: fc.constant("expired" as const),
    limit: fc.constantFrom("startWithin" as const, "finishWithin" as const),
  }),
);

const policies: fc.Arbitrary<Policy> = fc.record({
  attempts: fc.integer({ min: 1, max: 6 }),
  keep: fc.record({ succeeded: fc.nat(), failed: fc.nat(), cancelled: fc.nat() }),
  backoff: fc.constant({ kind: "exponential", base: 5_000, factor: 3, cap: 60_000, jitter: 0.2 } as const),
  when: fc.constantFrom(
    () => true,
    () => false,
  ),
});

/** What may happen to a run in one step: an end of its execution, or something that nobody in `run/` decides. */
const steps = fc.oneof(
  { weight: 6, arbitrary: ends },
  { weight: 2, arbitrary: fc.constant("crash" as const) },
  { weight: 1, arbitrary: fc.constant("cancel" as const) },
  { weight: 1, arbitrary: fc.constant("retry" as const) },
);

interface Model {
  state: State;
  attempt: number;
  crashes: number;
  token: number;
}

/** The same settlement that a store writes, on a model of its row. */
function settle(run: Model, ended: Ended, policy: Policy, random: () => number): void {
  const execution = { run: "r", token: run.token, attempt: run.attempt, crashes: run.crashes };
  const settlement = transition(execution, ended, policy, random);
  const move = moveOf(ended, settlement.state);
  expect(isLegal(move, run.state, settlement.state), `${move}: ${run.state} → ${settlement.state}`).toBe(
    true,
  );
  expect(settlement).toMatchObject({ run: "r", token: run.token });
  if (settlement.state === "scheduled") expect(settlement.due).toHaveProperty("after");
  if (hasEnded(settlement.state)) expect(settlement.keep).toBeGreaterThanOrEqual(0);
  if (settlement.state === "failed")
    expect(settlement).toMatchObject({ error: {}, reason: expect.anything() });
  if (settlement.state === "waiting") expect(settlement.waiting).toBeDefined();
  run.state = settlement.state;
  if (settlement.giveBack) run.attempt -= 1;
}

/** What brings a resting run back to a worker, by the table. */
const awakening: Partial<Record<State, MoveName>> = { scheduled: "promote", waiting: "unpark" };

function move(run: Model, name: MoveName, to: State): void {
  expect(isLegal(name, run.state, to), `${name}: ${run.state} → ${to}`).toBe(true);
  run.state = to;
}

function claim(run: Model): void {
  const awake = awakening[run.state];
  if (awake !== undefined) move(run, awake, "ready");
  move(run, "claim", "running");
  run.attempt += 1;
  run.token += 1;
}

function crash(run: Model): void {
  move(run, "rescue", "ready");
  run.crashes += 1;
}

describe("a run", () => {
  test("walks only over legal moves, and its attempts stay between none and its policy's", () => {
    fc.assert(
      fc.property(policies, fc.array(steps, { maxLength: 60 }), fc.double({ min: 0, max: 0.999 }), walk),
      { numRuns: 2_000 },
    );
  });

  test("ends under every policy when its executions only fail, time out or are lost", () => {
    const bad = fc.constantFrom<Ended | "crash">(
      "crash",
      { how: "threw", error },
      { how: "timedOut", timeout: 5 },
    );
    fc.assert(
      fc.property(policies, fc.array(bad, { minLength: 10, maxLength: 10 }), (policy, fates) => {
        const run: Model = { state: "ready", attempt: 0, crashes: 0, token: 0 };
        for (const fate of fates) {
          if (hasEnded(run.state)) break;
          claim(run);
          if (isExhausted({ run: "r", ...run }, policy)) settle(run, { how: "exhausted" }, policy, () => 0);
          else if (fate === "crash") crash(run);
          else settle(run, fate, policy, () => 0);
        }
        expect(run.state).toBe("failed");
        expect(run.attempt).toBeLessThanOrEqual(policy.attempts);
      }),
      { numRuns: 2_000 },
    );
  });
});

test("a run that only takes workers down is executed as often as its policy's crashes, and fails as poison", () => {
  const limits = fc.record({
    attempts: fc.integer({ min: 1, max: 9 }),
    crashes: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(policies, limits, (policy, { attempts, crashes }) => {
      const run: Model = { state: "ready", attempt: 0, crashes: 0, token: 0 };
      let executions = 0;
      while (!hasEnded(run.state)) {
        claim(run);
        const given = { run: "r", ...run };
        if (isPoison(given, { crashes })) settle(run, { how: "poisoned" }, policy, () => 0);
        else if (isExhausted(given, { ...policy, attempts }))
          settle(run, { how: "exhausted" }, policy, () => 0);
        else {
          executions += 1;
          crash(run);
        }
      }
      expect(run.state).toBe("failed");
      expect(executions).toBe(Math.min(attempts, crashes));
      expect(run.attempt).toBe(executions);
      expect(isPoison(run, { crashes })).toBe(crashes <= attempts);
    }),
  );
});

test("a run is on its last chance only when it has taken a worker down and one more makes it poison", () => {
  const chances = (crashes: number) =>
    [0, 1, 2, 3, 4].filter((number) => isLastChance({ crashes: number }, { crashes }));
  expect(chances(1)).toEqual([]);
  expect(chances(2)).toEqual([1]);
  expect(chances(3)).toEqual([2]);
});

function walk(policy: Policy, path: readonly (Ended | "crash" | "cancel" | "retry")[], random: number): void {
  const run: Model = { state: "ready", attempt: 0, crashes: 0, token: 0 };
  for (const step of path) {
    if (step === "cancel") {
      if (!hasEnded(run.state)) move(run, "cancel", "cancelled");
    } else if (step === "retry") {
      if (run.state !== "failed" && run.state !== "cancelled") continue;
      move(run, "retry", "ready");
      run.attempt = 0;
    } else if (!hasEnded(run.state)) {
      const before = run.token;
      claim(run);
      expect(run.token).toBeGreaterThan(before);
      if (isExhausted({ run: "r", ...run }, policy)) {
        settle(run, { how: "exhausted" }, policy, () => random);
        expect(run.state).toBe("failed");
      } else if (step === "crash") crash(run);
      else settle(run, step, policy, () => random);
      expect(run.attempt).toBeGreaterThanOrEqual(0);
      expect(run.attempt).toBeLessThanOrEqual(policy.attempts);
    }
  }
}

describe("the table", () => {
  test("leads out of every state but success, and into every state but by nobody", () => {
    const from = new Set(Object.values(moves).flatMap((each): readonly State[] => each.from));
    const to = new Set(Object.values(moves).flatMap((each): readonly State[] => each.to));
    expect([...from].toSorted()).toEqual(states.filter((state) => state !== "succeeded").toSorted());
    expect([...to].toSorted()).toEqual([...states].toSorted());
  });

  test("gives every end that only an execution can have a start in running", () => {
    for (const name of [
      "succeed",
      "fail",
      "backOff",
      "snooze",
      "handBack",
      "park",
      "suspend",
      "rescue",
    ] as const)
      expect(moves[name].from).toEqual(["running"]);
  });
});

describe("transition", () => {
  const policy: Policy = { attempts: 3, keep: { succeeded: 1, failed: 2, cancelled: 3 }, backoff: () => 7 };
  const execution = { run: "r", token: 4, attempt: 1, crashes: 0 };
  const settled = (ended: Ended, given: Partial<Policy> = {}, attempt = 1) =>
    transition({ ...execution, attempt }, ended, { ...policy, ...given }, () => 0.5);

  test("keeps each end for its own time, and a run of a job that keeps nothing long enough for its result", () => {
    expect(settled({ how: "returned", output: "1" })).toMatchObject({
      state: "succeeded",
      keep: 1,
      output: "1",
    });
    expect(settled({ how: "cancelled", reason: "x" })).toMatchObject({ state: "cancelled", keep: 3 });
    expect(settled({ how: "threw", error }, {}, 3)).toMatchObject({
      state: "failed",
      keep: 2,
      reason: "error",
    });
  });

  test("asks `when` only while an attempt is left, and fails for good when it says no", () => {
    const asked: string[] = [];
    const when = (given: { message: string }) => asked.push(given.message) < 0;
    expect(settled({ how: "threw", error }, { when })).toMatchObject({ state: "failed" });
    expect(settled({ how: "threw", error }, { when }, 3)).toMatchObject({ state: "failed" });
    expect(asked).toEqual(["boom"]);
  });

  test("waits as long as the backoff says, and leaves the error and an event", () => {
    expect(settled({ how: "threw", error })).toEqual({
      run: "r",
      token: 4,
      state: "scheduled",
      due: { after: 7 },
      error,
      events: [{ kind: "failed", detail: error }],
    });
  });

  test("leaves when the attempt started, which the run itself forgets, where a handler was called", () => {
    const started = { ...execution, startedAt: 5 };
    const detailOf = (ended: Ended, attempt = 1) =>
      transition({ ...started, attempt }, ended, policy, () => 0).events?.[0]?.detail;
    expect(detailOf({ how: "threw", error })).toEqual({ ...error, startedAt: 5 });
    expect(detailOf({ how: "threw", error }, 3)).toEqual({ ...error, startedAt: 5 });
    expect(detailOf({ how: "invalidInput", error })).toEqual(error);
  });

  test("hands the store's own mark of the claim through", () => {
    const settlement = transition({ ...execution, claim: "c" }, { how: "handedBack" }, policy, () => 0);
    expect(settlement).toMatchObject({ claim: "c", state: "ready", giveBack: true });
  });

  test("says how many workers a poisoned run took down, and counts no attempt for the claim that found it out", () => {
    const ended = (crashes: number) =>
      transition({ ...execution, crashes }, { how: "poisoned" }, policy, () => 0);
    expect(ended(3)).toMatchObject({
      state: "failed",
      reason: "poison",
      keep: 2,
      error: { name: "PoisonError", code: "POISON", message: expect.stringContaining("took down 3 workers") },
      events: [{ kind: "failed" }],
    });
    expect(ended(3).giveBack).toBe(true);
    expect(ended(1).error?.message).toContain("took down the worker");
  });

  test("says how often the worker of an exhausted run died", () => {
    const message = (crashes: number) =>
      transition({ ...execution, attempt: 4, crashes }, { how: "exhausted" }, policy, () => 0).error?.message;
    expect(message(1)).toContain("died once");
    expect(message(3)).toContain("died 3 times");
  });
});
