// Slots by themselves, above all while their numbers change under runs that hold some.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSlots, withSlotsSet } from "./slots.js";

describe("slots", () => {
  test("of a queue that is made smaller are free again when enough of what holds them has ended", () => {
    const slots = createSlots({ mail: 3 });
    for (let run = 0; run < 3; run++) slots.take("mail");
    slots.set({ mail: 1 });
    expect(slots.free(10)).toBeUndefined();
    slots.release("mail");
    slots.release("mail");
    expect(slots.free(10)).toBeUndefined();
    slots.release("mail");
    expect(slots.free(10)).toEqual({ mail: 1 });
  });

  test("that a run holds count under the name its queue has now", () => {
    const slots = createSlots({ "*": 4 });
    slots.take("mail");
    slots.take("other");
    slots.set({ mail: 2, "*": 4 });
    expect(slots.free(10)).toEqual({ mail: 1, "*": 3 });
    slots.set({ "*": 4 });
    expect(slots.free(10)).toEqual({ "*": 2 });
    slots.release("mail");
    slots.release("other");
    expect(slots.free(10)).toEqual({ "*": 4 });
  });

  test("are never given out beyond their number, nor lost, whatever is changed meanwhile", () => {
    const queue = fc.constantFrom("a", "b", "c");
    const queues = fc.dictionary(fc.constantFrom("a", "b", "*"), fc.nat({ max: 4 }), {
      noNullPrototype: true,
    });
    const step = fc.oneof(
      fc.record({ take: queue }),
      fc.record({ release: queue }),
      fc.record({ set: queues }),
    );
    fc.assert(
      fc.property(queues, fc.array(step, { maxLength: 40 }), (first, steps) => {
        const slots = createSlots(first);
        const held: string[] = [];
        for (const each of steps) {
          if ("set" in each) slots.set(each.set);
          else if ("take" in each) {
            const name = Object.hasOwn(slots.queues, each.take) ? each.take : "*";
            if ((slots.free(10)?.[name] ?? 0) === 0) continue;
            slots.take(each.take);
            held.push(each.take);
          } else if (held.includes(each.release)) {
            slots.release(each.release);
            held.splice(held.indexOf(each.release), 1);
          }
          for (const [name, limit] of Object.entries(slots.queues)) {
            const counted = held.filter(
              (one) => (Object.hasOwn(slots.queues, one) ? one : "*") === name,
            ).length;
            expect(slots.free(10)?.[name] ?? 0).toBe(Math.max(0, limit - counted));
          }
        }
      }),
    );
  });
});

describe("slots that somebody has set for all workers", () => {
  test("count instead of a worker's own, where it draws from that queue", () => {
    const own = { mail: 5, still: 0, "*": 10 };
    expect(withSlotsSet(own, {})).toBe(own);
    expect(withSlotsSet(own, { mail: 2 })).toEqual({ mail: 2, still: 0, "*": 10 });
    expect(withSlotsSet(own, { other: 3 })).toEqual({ mail: 5, still: 0, "*": 10, other: 3 });
    expect(withSlotsSet(own, { still: 3 })).toBe(own);
    expect(withSlotsSet({ mail: 5 }, { other: 3, mail: 0 })).toEqual({ mail: 0 });
  });
});
