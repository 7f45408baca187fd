// A seed tells the same story each time, and the story has every fault in it before any comes again.
import { describe, expect, test } from "vitest";
import { faults } from "./faults/index.mjs";
import { planFaults, planRequests } from "./plan.mjs";
import { createRandom } from "./random.mjs";

const plan = (seed: string, seconds: number, store: "sqlite" | "postgres" = "postgres") =>
  planFaults({ random: createRandom(seed), seconds, store, faults });

function firstRequests(seed: string): unknown[] {
  const requests = planRequests(createRandom(seed));
  return Array.from({ length: 200 }, () => requests.next().value);
}

describe("the plan", () => {
  test("is the same for the same seed, and another for another", () => {
    expect(plan("7", 60)).toEqual(plan("7", 60));
    expect(plan("7", 60)).not.toEqual(plan("8", 60));
    expect(firstRequests("7")).toEqual(firstRequests("7"));
    expect(firstRequests("7")).not.toEqual(firstRequests("8"));
  });

  test("begins the same way however long it goes on", () => {
    const short = plan("7", 60);
    expect(plan("7", 120).slice(0, short.length)).toEqual(short);
  });

  test.each(["sqlite", "postgres"] as const)("has every fault in it that concerns %s", (store) => {
    const dealt = new Set(plan("7", 600, store).map(({ name }) => name));
    const wanted = faults.filter(({ stores = [store] }) => stores.includes(store)).map(({ name }) => name);
    expect([...dealt].sort()).toEqual(wanted.sort());
  });

  test("never strikes twice at once at what one fault has taken hold of", () => {
    const holding = new Map(faults.map(({ name, holds }) => [name, holds]));
    const over = new Map<string, number>();
    for (const { at, name, params } of plan("7", 600)) {
      const held = holding.get(name);
      if (held === undefined) continue;
      expect(at).toBeGreaterThanOrEqual(over.get(held) ?? 0);
      over.set(held, at + (params.lasts ?? 0));
    }
    expect(over.size).toBeGreaterThan(2);
  });
});
