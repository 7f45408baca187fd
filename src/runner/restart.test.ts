import fc from "fast-check";
import { expect, test } from "vitest";
import { type PastDeath, remembered, restart, restartRules } from "./restart.js";

const usual = { processes: 2, wasEverReady: true, mayGiveUp: true, now: 0 };

function death(given: Partial<PastDeath> = {}): PastDeath {
  return {
    slot: 0,
    wasAsked: false,
    at: 0,
    lived: 10_000,
    wasReady: true,
    code: 1,
    isByRun: false,
    ...given,
  };
}

const deaths = fc.array(
  fc.record({
    slot: fc.integer({ min: 0, max: 1 }),
    wasAsked: fc.constant(false),
    at: fc.constant(0),
    lived: fc.integer({ min: 0, max: 100_000 }),
    wasReady: fc.boolean(),
    code: fc.constantFrom(null, 0, 1, 2, 3, 4, 70),
    isByRun: fc.boolean(),
  }),
  { minLength: 1, maxLength: 60 },
);

test("the first death is answered at once, the next ones ever later, up to half a minute", () => {
  const history = Array.from({ length: 10 }, () => death());
  const delays = history.map((_, index) => restart(history.slice(0, index + 1), usual));
  expect(delays).toEqual(
    [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].map((delay) => ({
      do: "start",
      delay,
    })),
  );
});

test("a long life makes the next death the first again", () => {
  const history = [death(), death(), death(), death({ lived: restartRules.longLife })];
  expect(restart(history, usual)).toEqual({ do: "start", delay: 0 });
  expect(restart([...history, death()], usual)).toEqual({ do: "start", delay: 250 });
});

test("the deaths of one place do not slow down another", () => {
  expect(restart([death(), death(), death({ slot: 1 })], usual)).toEqual({ do: "start", delay: 0 });
});

test("five short lives in a row for each process end the runner with 70", () => {
  const history = Array.from({ length: 10 }, (_, index) => death({ slot: index % 2, lived: 4_999 }));
  expect(restart(history.slice(1), usual).do).toBe("start");
  expect(restart(history, usual)).toMatchObject({ do: "giveUp", code: 70, why: /10 workers in a row/ });
  expect(restart([...history.slice(0, 9), death({ lived: 5_000 }), death({ lived: 1 })], usual).do).toBe(
    "start",
  );
});

test("a start that cannot succeed ends the runner with the worker's own code", () => {
  const first = { ...usual, wasEverReady: false };
  const hopeless = (code: number) => death({ code, wasReady: false, lived: 100 });
  expect(restart([hopeless(2)], first)).toMatchObject({ do: "giveUp", code: 2 });
  expect(restart([hopeless(4)], first)).toMatchObject({ do: "giveUp", code: 4 });
  expect(restart([hopeless(1)], first).do).toBe("start");
  const noStore = Array.from({ length: 5 }, () => hopeless(3));
  expect(restart(noStore.slice(1), first).do).toBe("start");
  expect(restart(noStore, first)).toMatchObject({ do: "giveUp", code: 3, why: /5 times/ });
});

test("short lives are not in a row when workers lived long between them that were replaced in good order", () => {
  const recycled = (slot: number) => death({ slot, wasAsked: true, code: 0, lived: 3_600_000 });
  const month = Array.from({ length: 40 }, () => [death({ lived: 500 }), recycled(0), recycled(1)]).flat();
  const latest = [...month, death({ lived: 500 })];
  expect(restart(latest, usual)).toEqual({ do: "start", delay: 0 });
  expect(restart([...latest, death({ lived: 500 })], usual)).toEqual({ do: "start", delay: 250 });
});

test("a store that goes away does not end a program that has worked, which looks for it every five seconds", () => {
  const noStore = Array.from({ length: 40 }, () => death({ code: 3, wasReady: false, lived: 500 }));
  expect(restart(noStore, usual)).toEqual({ do: "start", delay: 5_000 });
  const broken = Array.from({ length: 10 }, () => death({ lived: 500 }));
  expect(restart([...broken.slice(1), ...noStore], usual).do).toBe("start");
  expect(restart([...broken.slice(1), ...noStore, death({ lived: 500 })], usual).do).toBe("giveUp");
});

test("the same codes of a program that has worked before are deaths like any other", () => {
  expect(restart([death({ code: 4, wasReady: false })], usual).do).toBe("start");
});

test("deaths for which a run is to blame never end the runner, and slow it down by a second at most", () => {
  fc.assert(
    fc.property(deaths, (history) => {
      const blamed = history.map((one) => ({ ...one, isByRun: true, wasReady: true }));
      const next = restart(blamed, usual);
      if (next.do === "giveUp") expect.unreachable("it gave up");
      else expect(next.delay).toBeLessThanOrEqual(restartRules.longestDelayByRun);
    }),
  );
});

test("whatever has happened, a delay is from none to the longest, and giving up names a code", () => {
  fc.assert(
    fc.property(deaths, fc.boolean(), (history, wasEverReady) => {
      const next = restart(history, { ...usual, wasEverReady });
      if (next.do === "giveUp") expect([2, 3, 4, 70]).toContain(next.code);
      else expect(next.delay >= 0 && next.delay <= restartRules.longestDelay).toBe(true);
    }),
  );
});

test("where it may not give up it never does", () => {
  fc.assert(
    fc.property(deaths, fc.boolean(), (history, wasEverReady) => {
      expect(restart(history, { ...usual, wasEverReady, mayGiveUp: false }).do).toBe("start");
    }),
  );
});

test("what is forgotten of the history changes nothing", () => {
  const long = fc.array(deaths, { minLength: 1, maxLength: 6 }).map((parts) => parts.flat());
  fc.assert(
    fc.property(long, fc.integer({ min: 0, max: 1 }), (history, slot) => {
      const all = [...history, ...Array.from({ length: 12 }, () => death({ slot }))];
      expect(restart(remembered(all, 2), usual)).toEqual(restart(all, usual));
    }),
  );
});
