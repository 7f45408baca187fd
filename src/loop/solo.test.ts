// The gate by itself: who gets in beside whom, and that everybody does.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createGate, type Place } from "./solo.js";

/** A gate whose visitors are named, with what is inside and in which order they came in. */
function named() {
  const gate = createGate();
  const inside = new Map<string, boolean>();
  const order: string[] = [];
  const places = new Map<string, Place>();
  function letIn(name: string, isAlone: boolean): void {
    inside.set(name, isAlone);
    order.push(name);
  }
  return {
    gate,
    order,
    inside: () => [...inside.keys()],
    isAloneInside: () => [...inside.values()].includes(true),
    enter(name: string, isAlone = false): void {
      const place = gate.enter(isAlone, () => letIn(name, isAlone));
      if (place.isInside) letIn(name, isAlone);
      places.set(name, place);
    },
    leave(name: string): void {
      inside.delete(name);
      places.get(name)?.leave();
    },
  };
}

describe("the gate", () => {
  test("lets everybody in side by side while nobody has to be alone", () => {
    const { enter, inside, gate } = named();
    for (const name of ["a", "b", "c"]) enter(name);
    expect(inside()).toEqual(["a", "b", "c"]);
    expect(gate.isClosed).toBe(false);
  });

  test("lets one that has to be alone in when the last has ended, and nobody beside it", () => {
    const { enter, leave, inside, gate } = named();
    enter("a");
    enter("b");
    enter("last chance", true);
    enter("behind");
    expect(inside()).toEqual(["a", "b"]);
    expect(gate.isClosed).toBe(true);
    leave("a");
    expect(inside()).toEqual(["b"]);
    leave("b");
    expect(inside()).toEqual(["last chance"]);
    enter("later");
    leave("last chance");
    expect(inside()).toEqual(["behind", "later"]);
    expect(gate.isClosed).toBe(false);
  });

  test("lets those behind go on when the one that had to be alone waits no longer", () => {
    const { enter, leave, inside } = named();
    enter("a");
    enter("last chance", true);
    enter("behind");
    leave("last chance");
    expect(inside()).toEqual(["a", "behind"]);
  });

  test("forgets whoever leaves twice", () => {
    const { enter, leave, inside } = named();
    enter("a");
    enter("b");
    leave("a");
    leave("a");
    enter("last chance", true);
    expect(inside()).toEqual(["b"]);
  });

  test("keeps whoever is alone alone, and the order, and starves nobody, in whatever order they come and go", () => {
    const step = fc.oneof(
      fc.record({ isAlone: fc.boolean() }),
      fc.record({ leaves: fc.nat({ max: 30 }), isWaiting: fc.boolean() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { enter, leave, inside, isAloneInside, order, gate } = named();
        const came: string[] = [];
        const gone = new Set<string>();
        for (const each of steps) {
          if ("isAlone" in each) {
            came.push(String(came.length));
            enter(String(came.length - 1), each.isAlone);
          } else {
            const waiting = came.filter((name) => !gone.has(name) && !order.includes(name));
            const leavers = each.isWaiting ? waiting : inside();
            const leaver = leavers[each.leaves % Math.max(1, leavers.length)];
            if (leaver === undefined) continue;
            gone.add(leaver);
            leave(leaver);
          }
          if (isAloneInside()) expect(inside()).toHaveLength(1);
          expect(order.map(Number)).toEqual(order.map(Number).toSorted((a, b) => a - b));
        }
        for (let [first] = inside(); first !== undefined; [first] = inside()) {
          gone.add(first);
          leave(first);
        }
        expect(new Set([...order, ...gone]).size).toBe(came.length);
        expect(gate.isClosed).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
});
