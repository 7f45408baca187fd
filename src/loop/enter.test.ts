import { expect, test } from "vitest";
import { manualClock } from "../kernel/index.js";
import { StoreUnreachableError } from "../store/errors.js";
import { createEntrance } from "./enter.js";

const away = new StoreUnreachableError("it is away", { passes: true });

/** A worker before a store that refuses as often as it is given refusals, and then lets in. */
function outside(refusals: Error[]) {
  const clock = manualClock(0);
  const asked: number[] = [];
  const told: unknown[] = [];
  const wanted = { isWanted: true };
  const entrance = createEntrance({
    clock,
    async enter() {
      asked.push(clock.now());
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
    },
    isWanted: () => wanted.isWanted,
    onOutage: (error) => told.push(error),
  });
  return { clock, asked, told, wanted, entrance };
}

test("a store that is away is asked again, later and later up to a second, until it lets in", async () => {
  const { clock, asked, told, entrance } = outside(new Array(8).fill(away));
  const opened = entrance.open();
  await clock.advance(10_000);
  await opened;
  expect(asked).toEqual([0, 50, 150, 350, 750, 1_550, 2_550, 3_550, 4_550]);
  expect(told).toEqual(new Array(8).fill(away));
  expect(clock.nextTimer()).toBeUndefined();
});

test("a refusal that does not pass is final", async () => {
  const refusal = new StoreUnreachableError("the password is wrong");
  const { asked, told, entrance } = outside([refusal]);
  await expect(entrance.open()).rejects.toBe(refusal);
  expect(asked).toEqual([0]);
  expect(told).toEqual([]);
});

test("who is hurried because nobody wants to enter any more asks once more, at once, and gives up", async () => {
  const { clock, asked, wanted, entrance } = outside([away, away, away]);
  const opened = expect(entrance.open()).rejects.toBe(away);
  await clock.advance(49);
  wanted.isWanted = false;
  entrance.hurry();
  await opened;
  expect(asked).toEqual([0, 49]);
  expect(clock.nextTimer()).toBeUndefined();
});

test("there is nothing to hurry before the first rest, nor after it let in", async () => {
  const { asked, entrance } = outside([]);
  entrance.hurry();
  await entrance.open();
  entrance.hurry();
  expect(asked).toEqual([0]);
});
