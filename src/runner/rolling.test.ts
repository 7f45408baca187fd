import { expect, test } from "vitest";
import { type Later, later } from "./later.js";
import { createRolling } from "./rolling.js";

/** A rolling whose replacements are done when the test says so. */
function rolling(slots: readonly number[]) {
  const begun: { slot: number; why: string; done: Later<boolean> }[] = [];
  const rounds: string[] = [];
  const made = createRolling({
    slots,
    replace(slot, why) {
      const done = later<boolean>();
      begun.push({ slot, why, done });
      return done.promise;
    },
    onRound: (what, why) => rounds.push(`${what} ${why}`),
  });
  /** Ends the replacement under way, and lets the next begin. */
  async function finish(result = true): Promise<void> {
    begun.at(-1)?.done.resolve(result);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { made, begun, rounds, finish, seen: () => begun.map(({ slot, why }) => `${slot} ${why}`) };
}

test("a round replaces each in turn, the next when the one before is done", async () => {
  const { made, seen, rounds, finish } = rolling([0, 1]);
  const round = made.round("HUP");
  expect(seen()).toEqual(["0 HUP"]);
  await finish();
  expect(seen()).toEqual(["0 HUP", "1 HUP"]);
  await finish();
  await round;
  expect(rounds).toEqual(["begun HUP", "done HUP"]);
});

test("asking for a round during a round gives one more after it, however often", async () => {
  const { made, seen, finish } = rolling([0]);
  void made.round("first");
  const [second, third] = [made.round("second"), made.round("third")];
  expect(third).toBe(second);
  await finish();
  expect(seen()).toEqual(["0 first", "0 second"]);
  await finish();
  await second;
  expect(seen()).toHaveLength(2);
});

test("a single replacement waits for the round, which makes it needless when it comes later", async () => {
  const { made, seen, finish } = rolling([0, 1]);
  made.one(1, "memory");
  made.one(0, "age");
  made.one(0, "age again");
  void made.round("HUP");
  await finish();
  expect(seen()).toEqual(["1 memory", "0 HUP"]);
  await finish();
  await finish();
  expect(seen()).toEqual(["1 memory", "0 HUP", "1 HUP"]);
});

test("a single replacement that is asked for during a round comes after it", async () => {
  const { made, seen, finish } = rolling([0]);
  void made.round("HUP");
  made.one(0, "leaked");
  await finish();
  expect(seen()).toEqual(["0 HUP", "0 leaked"]);
});

test("a round ends where a new one cannot start", async () => {
  const { made, seen, rounds, finish } = rolling([0, 1]);
  const round = made.round("HUP");
  await finish(false);
  await round;
  expect(seen()).toEqual(["0 HUP"]);
  expect(rounds).toEqual(["begun HUP", "failed HUP"]);
});

test("once ended it begins nothing, and whoever waits for a round is let go", async () => {
  const { made, seen, finish } = rolling([0, 1]);
  const [first, second] = [made.round("first"), made.round("second")];
  made.end();
  await finish();
  await Promise.all([first, second, made.round("third")]);
  made.one(1, "memory");
  expect(seen()).toEqual(["0 first"]);
});
