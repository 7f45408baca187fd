// With how many slots a worker draws from which queue: with its own, and in their place with those that somebody has set
// for all workers; and of either with a share, where it yields.
//
// Before this file come whoever changes the one and the pulse, which tells the other. After it comes the loop.
import { withSlotsSet } from "../loop/index.js";
import { shareOf } from "./yielding.js";

type Slots = Readonly<Record<string, number>>;

export interface Drawing {
  /** Its own, as it registers them. */
  readonly own: Slots;
  /** Those it draws with. */
  readonly drawn: Slots;
  setOwn(queues: Slots): void;
  setForAll(queues: Slots): void;
  /** Draws with so much of them: from 0 to 1. */
  setShare(share: number): void;
}

/**
 * @param onChange told the slots to draw with, when they are others than before
 * @param least how many slots of a queue a share leaves at least
 */
export function createDrawing(given: Slots, onChange: (queues: Slots) => void, least = 1): Drawing {
  let own = given;
  let share = 1;
  let forAll: Slots = {};
  let drawn = own;

  function change(): void {
    const before = textOf(drawn);
    drawn = shareOf(withSlotsSet(own, forAll), share, least);
    if (textOf(drawn) !== before) onChange(drawn);
  }

  return {
    get own() {
      return own;
    },
    get drawn() {
      return drawn;
    },
    setOwn(queues) {
      own = queues;
      change();
    },
    setForAll(queues) {
      forAll = queues;
      change();
    },
    setShare(given) {
      share = given;
      change();
    },
  };
}

function textOf(queues: Slots): string {
  return JSON.stringify(Object.entries(queues).sort());
}
