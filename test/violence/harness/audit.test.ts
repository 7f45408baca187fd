// The auditor sees what it is there for: for each of its rules, evidence of a system that breaks it.
import { describe, expect, test } from "vitest";
import type { MovedRun, StoredRun, TimelineEvent } from "../../../src/store/contract.js";
import { audit, rules, tally } from "./audit.mjs";

type Evidence = Parameters<typeof audit>[0];
type Line = Evidence["lines"][number];

let time = 0;
/** A line of the ledger, later than the one before. */
function line(what: string, about: Record<string, unknown> = {}): Line {
  time += 10;
  return { what, at: time, pid: 1, ...about };
}

function event(kind: TimelineEvent["kind"], token: number, detail: unknown = {}): TimelineEvent {
  return { at: 0, kind, attempt: 1, token, worker: "w", detail };
}

interface RunParts extends Partial<StoredRun> {
  readonly events?: readonly TimelineEvent[];
  readonly entries?: MovedRun["entries"];
}

function moved({ events = [], entries = [], ...run }: RunParts = {}): MovedRun {
  const id = run.id ?? "a";
  const { state = "succeeded" } = run;
  const whole = {
    id,
    job: "quick",
    state,
    token: 1,
    attempt: 1,
    crashes: 0,
    input: JSON.stringify({ mark: id }),
    output: state === "succeeded" ? '"done"' : undefined,
    ...run,
  };
  // The auditor reads no other fields of a run.
  return { run: whole as StoredRun, events, logs: [], entries };
}

/** What the ledger has of a run that was asked for, promised, given out once and ended. */
function story({ id = "a", token = 1, state = "succeeded" } = {}): Line[] {
  const about = { run: id, job: "quick", input: { mark: id } };
  const execution = { run: id, token, claim: `c${token}` };
  return [
    line("asking", { ...about, how: "named" }),
    line("promised", { ...about, created: [true] }),
    line("claimed", { ...execution, attempt: 1, crashes: 0, worker: "w", asked: time }),
    line("executed", { ...execution, attempt: 1, job: "quick" }),
    line("left", execution),
    line("settled", { ...execution, state, wanted: state, asked: time }),
  ];
}

function evidence(
  lines: readonly Line[],
  found: readonly MovedRun[],
  more: Partial<Evidence> = {},
): Evidence {
  const counts: Record<string, number> = {};
  for (const { run } of found) counts[run.state] = (counts[run.state] ?? 0) + 1;
  return {
    store: "sqlite",
    lines,
    runs: new Map(found.map((one) => [one.run.id, one])),
    listed: found.map(({ run }) => run.id),
    counts,
    counted: counts,
    workers: [],
    claims: 0,
    broken: [],
    booked: [],
    ordered: [],
    unwilling: 0,
    orphans: 0,
    ...more,
  };
}

function claimed(token: number, more: Record<string, unknown> = {}): Line {
  return line("claimed", {
    run: "a",
    token,
    claim: `c${token}`,
    attempt: 1,
    crashes: 0,
    asked: time,
    ...more,
  });
}

function executed(token: number, more: Record<string, unknown> = {}): Line {
  return line("executed", { run: "a", token, claim: `c${token}`, attempt: 1, job: "quick", ...more });
}

function stepped(token: number, name: string): Line {
  return line("stepped", { run: "a", token, name });
}

function settled(token: number, more: Record<string, unknown> = {}): Line {
  const about = { run: "a", token, claim: `c${token}`, state: "succeeded", wanted: "succeeded" };
  return line("settled", { ...about, asked: time, ...more });
}

const retriedEnds = [event("cancelled", 1), event("retried", 1)];
const done = { kind: "tx", state: "done" } as const;
const marked = { run: "a", job: "quick", input: { mark: "a" } };

/** By rule: what breaks it, and in what way. */
const broken: Record<string, Record<string, () => Evidence>> = {
  "what was acknowledged is there": {
    "a run is missing": () => evidence(story(), []),
  },
  "what was rolled back is not there": {
    "a run is there": () => evidence([...story(), line("undone", { run: "a" })], [moved()]),
    "the order is there without the run": () =>
      evidence([line("asking", { ...marked, how: "commit" })], [], { ordered: ["a"] }),
    "the run is there without the order": () =>
      evidence([line("asking", { ...marked, how: "rollback" })], [moved()]),
  },
  "only what was asked for is there": {
    "nobody asked": () => evidence([], [moved()]),
    "one request made two runs": () =>
      evidence(story(), [moved(), moved({ id: "b", input: '{"mark":"a"}' })]),
  },
  "a run is made once": {
    "two calls said so": () =>
      evidence([...story(), line("promised", { ...marked, created: [true] })], [moved()]),
    "it is listed twice": () => evidence(story(), [moved()], { listed: ["a", "a"] }),
  },
  "a run is what was asked for": {
    "another job": () => evidence(story(), [moved({ job: "slow" })]),
    "another input": () => evidence(story(), [moved({ input: '{"mark":"a","more":1}' })]),
  },
  "every run ends": {
    "one is running": () => evidence(story(), [moved({ state: "running" })]),
    "one is ready": () => evidence(story(), [moved({ state: "ready" })]),
  },
  "a run ends as its job allows": {
    "an innocent one is poison": () => evidence(story(), [moved({ state: "failed", reason: "poison" })]),
    "nobody cancelled": () => evidence(story(), [moved({ state: "cancelled" })]),
  },
  "a run gives back what its handler did": {
    "another output": () => evidence(story(), [moved({ output: '"something else"' })]),
    "no output": () => evidence(story(), [moved({ output: undefined })]),
  },
  "nothing of the work is left": {
    "a worker is registered": () => evidence([], [], { workers: ["w"] }),
    "a claim is held": () => evidence([], [], { claims: 1 }),
    "a rule of the tables is broken": () => evidence([], [], { broken: [{ rule: "a rule", what: "a" }] }),
    "a worker outlived its supervisor": () => evidence([], [], { orphans: 1 }),
    "a supervisor did not end": () => evidence([], [], { unwilling: 1 }),
  },
  "counts agree": {
    "the store counts one more": () => evidence(story(), [moved()], { counts: { succeeded: 2 } }),
    "one by one it counts another number": () => evidence(story(), [moved()], { counted: { succeeded: 0 } }),
    "one is listed that cannot be read": () => evidence(story(), [moved()], { listed: ["a", "b"] }),
  },
  "cancelled and retried means that": {
    "it was given out after it was cancelled": () => {
      const cancel = line("cancel", { runs: ["a"], answers: [true], asked: time });
      return evidence([cancel, ...story()], [moved()]);
    },
    "a retry is not on record": () =>
      evidence([...story(), line("retry", { runs: ["a"], answers: [true] })], [moved()]),
  },
  "an execution ends once": {
    "two ends of one were taken": () => evidence([...story(), settled(1)], [moved()]),
    "it ended twice without a retry": () => evidence([...story(), settled(2)], [moved({ token: 2 })]),
  },
  "only the owner ends a run": {
    "an older token ends it": () => {
      const [asking, promised] = story();
      const lines = [claimed(1), claimed(2), settled(1, { asked: time + 5 })];
      return evidence(
        [asking, promised, ...lines].flatMap((one) => one ?? []),
        [moved()],
      );
    },
    "an undone claim ends it": () => {
      const lines = [claimed(1, { claim: "one" }), claimed(1, { claim: "two" })];
      return evidence([...lines, settled(1, { claim: "one", asked: time + 5 })], [moved()]);
    },
  },
  "what was taken stands": {
    "it is something else": () => evidence(story(), [moved({ state: "failed" })]),
    "it belongs to another token": () => evidence(story(), [moved({ token: 2 })]),
    "its rest is not on record": () => evidence([settled(1, { state: "scheduled" })], [moved({ token: 2 })]),
  },
  "no token is above the run's": {
    "one was given out that is not on record": () => evidence([...story(), claimed(2)], [moved()]),
  },
  "every execution is explained": {
    "two executions and nothing between them": () =>
      evidence([executed(1), executed(2)], [moved({ token: 2 })]),
    "what is on record is of another execution": () =>
      evidence([executed(1), executed(2), executed(3)], [moved({ token: 3, events: [event("lost", 1)] })]),
    "one token twice, and the loss is of the other claim": () => {
      const events = [event("lost", 1, { claim: "two" })];
      return evidence([executed(1, { claim: "one" }), executed(1, { claim: "two" })], [moved({ events })]);
    },
  },
  "tokens rise": {
    "one was executed twice": () => evidence([executed(1), executed(1)], [moved()]),
    "one was executed after a higher one": () => evidence([executed(2), executed(1)], [moved({ token: 2 })]),
  },
  "attempts are what was counted": {
    "a snooze cost one": () =>
      evidence([claimed(2, { attempt: 2 })], [moved({ token: 2, events: [event("snoozed", 1)] })]),
    "a hand-back cost one": () =>
      evidence([claimed(2, { attempt: 2 })], [moved({ token: 2, events: [event("handedBack", 1)] })]),
    "a failure cost none": () => evidence([claimed(2)], [moved({ token: 2, events: [event("failed", 1)] })]),
    "a retry did not begin anew": () =>
      evidence([claimed(2, { attempt: 2 })], [moved({ token: 2, events: retriedEnds })]),
    "an innocent one was blamed": () => {
      const events = [event("lost", 1, { innocent: true })];
      return evidence([claimed(2, { crashes: 1 })], [moved({ token: 2, events })]);
    },
    "a crash was not counted": () =>
      evidence([claimed(2, { attempt: 2 })], [moved({ token: 2, events: [event("lost", 1)] })]),
  },
  "effects are there exactly once": {
    "one is there twice": () => {
      const booked = ["first", "first", "second"].map((what) => ({ run: "a", what, token: 1, at: 0 }));
      const entries = ["first", "second"].map((name) => ({ ...done, name }));
      return evidence(story(), [moved({ job: "booking", entries })], { booked });
    },
    "one is there that is not remembered": () =>
      evidence(story(), [moved({ job: "booking", state: "failed" })], {
        booked: [{ run: "a", what: "first", token: 1, at: 0 }],
      }),
    "one is remembered that is not there": () =>
      evidence(story(), [moved({ job: "booking", state: "failed", entries: [{ ...done, name: "first" }] })]),
    "a success without one": () => evidence(story(), [moved({ job: "closing", output: '"succeed"' })]),
    "one of a run that did not succeed": () =>
      evidence(story(), [moved({ job: "closing", state: "cancelled" })], {
        booked: [{ run: "a", what: "succeed", token: 1, at: 0 }],
      }),
    "one by another token than the one that ended the run": () =>
      evidence(story(), [moved({ job: "closing", token: 2 })], {
        booked: [{ run: "a", what: "succeed", token: 1, at: 0 }],
      }),
    "one of a run that is not there": () =>
      evidence([], [], { booked: [{ run: "a", what: "first", token: 1, at: 0 }] }),
  },
  "only the owner writes effects": {
    "somebody else has the run": () => {
      const lines = [claimed(1), claimed(2)];
      const booked = [{ run: "a", what: "first", token: 1, at: time + 1 }];
      return evidence(lines, [moved({ token: 2 })], { booked });
    },
    "its end was taken": () => {
      const lines = [claimed(1), settled(1)];
      return evidence(lines, [moved()], { booked: [{ run: "a", what: "late", token: 1, at: time + 1 }] });
    },
  },
  "every step is done": {
    "one of a success was not": () => {
      const entries = ["booked 2", "booked 5", "booked 8"].map((name) => ({ ...done, name }));
      const booked = entries.map(({ name }) => ({ run: "a", what: name, token: 1, at: 0 }));
      return evidence([...story(), stepped(1, "step 1")], [moved({ job: "durable", entries })], { booked });
    },
  },
  "what is on record is not done again": {
    "a suspension had it on record": () =>
      evidence(
        [stepped(1, "step 1"), settled(1, { state: "waiting", waits: "entries" }), stepped(2, "step 1")],
        [moved({ token: 2 })],
      ),
  },
  "who is dead lets go": {
    "it goes on for seconds": () => {
      const dead = [executed(1), line("dead", { worker: "w" })];
      const { at } = dead[1] ?? line("awake");
      return evidence(
        [...dead, ...[4_000, 5_000, 6_000].map((after) => ({ what: "awake", at: at + after, pid: 1 }))],
        [moved()],
      );
    },
  },
  "who is unseen lets go": {
    "it goes on for longer than others wait": () => {
      const lines = [line("shown", { worker: "w", asked: time }), executed(1)];
      const awake = Array.from({ length: 40 }, (_, second) => ({
        what: "awake",
        at: time + second * 1_000,
        pid: 1,
      }));
      return evidence([...lines, ...awake], [moved()], { store: "postgres" });
    },
  },
};

describe("the auditor", () => {
  test("finds nothing where every promise was kept", () => {
    const many = [
      ...story(),
      line("asking", { run: "b", job: "booking", input: { mark: "b" }, how: "commit" }),
      line("promised", { run: "b", job: "booking", input: { mark: "b" }, created: [] }),
      line("undone", { run: "c" }),
    ];
    const entries = ["first", "second"].map((name) => ({ ...done, name }));
    const booking = moved({ id: "b", job: "booking", output: '["first","second"]', entries });
    const booked = ["first", "second"].map((what) => ({ run: "b", what, token: 1, at: 0 }));
    expect(audit(evidence(many, [moved(), booking], { booked, ordered: ["b"] }))).toEqual([]);
  });

  test("lets a run be executed again for every reason that its record gives", () => {
    const events = [event("lost", 1), event("failed", 2), event("snoozed", 3), event("handedBack", 4)];
    const lines = [1, 2, 3, 4, 5].map((token) => executed(token));
    expect(audit(evidence([...story().slice(0, 2), ...lines], [moved({ token: 5, events })]))).toEqual([]);
  });

  test("lets a token be given twice when a crash of the database has undone its claim", () => {
    const lines = [executed(1, { claim: "one" }), executed(1, { claim: "two" })];
    const events = [event("lost", 1, { claim: "one" })];
    expect(audit(evidence([...story().slice(0, 2), ...lines], [moved({ events })]))).toEqual([]);
  });

  test("lets the last execution of such a token end as any other", () => {
    const lines = [executed(1, { claim: "one" }), executed(1, { claim: "two" }), executed(2)];
    const events = [event("lost", 1, { claim: "one" }), event("failed", 1)];
    expect(audit(evidence([...story().slice(0, 2), ...lines], [moved({ token: 2, events })]))).toEqual([]);
  });

  test("counts apart what nobody could record: the database crashed, and then the worker that knew", () => {
    const first = [line("shown", { worker: "w", asked: time }), executed(1, { claim: "one" })];
    const crash = line("fault", { name: "restart-database" });
    const second = executed(1, { claim: "two", pid: 2 });
    const all = [...story().slice(0, 2), ...first, crash, second];
    expect(audit(evidence(all, [moved()]))).toEqual([]);
    expect(tally(evidence(all, [moved()]))["of them beyond any record"]).toBe(1);
    const spoke = [...all, line("shown", { worker: "w", asked: time })];
    expect(audit(evidence(spoke, [moved()]))).not.toEqual([]);
    const noCrash = all.filter((one) => one !== crash);
    expect(audit(evidence(noCrash, [moved()]))).not.toEqual([]);
  });

  test("lets a run be executed again that was suspended, and takes its attempts as they were given back", () => {
    const suspending = line("suspending", { run: "a", token: 1, claim: "c1" });
    const [asking, promised, ...whole] = story({ token: 2 });
    const lines = [executed(1), suspending, ...whole];
    const entries = [{ ...done, name: "step 1" }];
    expect(
      audit(
        evidence(
          [asking, promised, ...lines].flatMap((one) => one ?? []),
          [moved({ token: 2, entries })],
        ),
      ),
    ).toEqual([]);
    const refused = line("refused", { run: "a", token: 1, claim: "c1" });
    expect(audit(evidence([...lines, refused], [moved({ token: 2, entries })]))).not.toEqual([]);
  });

  test("lets a zombie begin late when its run is recorded as lost", () => {
    const lines = [executed(2), executed(1)];
    const events = [event("lost", 1)];
    expect(audit(evidence([...story().slice(0, 2), ...lines], [moved({ token: 2, events })]))).toEqual([]);
  });

  test.each(Object.keys(rules))("has a case for: %s", (rule) => {
    expect(Object.keys(broken[rule] ?? {})).not.toEqual([]);
  });

  const cases = Object.entries(broken).flatMap(([rule, ways]) =>
    Object.entries(ways).map(([way, make]) => ({ rule, way, make })),
  );
  test.each(cases)("$rule: sees that $way", ({ rule, make }) => {
    expect(audit(make()).map((violation) => violation.rule)).toContain(rule);
  });
});
