// With how many slots a worker draws from which queue: with its own, and in their place with those that somebody has set
// for all workers.
//
// Before this file come whoever changes the one and the pulse, which tells the other. After it comes the loop.
import { withSlotsSet } from "../loop/index.js";

type Slots = Readonly<Record<string, number>>;

export interface Drawing {
  /** Its own, as it registers them. */
  readonly own: Slots;
  /** Those it draws with. */
  readonly drawn: Slots;
  setOwn(queues: Slots): void;
  setForAll(queues: Slots): void;
}

/** @param onChange told the slots to draw with, when they are others than before */
export function createDrawing(given: Slots, onChange: (queues: Slots) => void): Drawing {
  let own = given;
  let forAll: Slots = {};
  let drawn = own;

  function change(): void {
    const before = textOf(drawn);
    drawn = withSlotsSet(own, forAll);
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
  };
}

function textOf(queues: Slots): string {
  return JSON.stringify(Object.entries(queues).sort());
}
