import { describe, expect, test, vi } from "vitest";
import { manualClock, systemClock } from "./clock.js";

describe("a manual clock", () => {
  test("fires what falls due in order, each at its own time", async () => {
    const clock = manualClock(1_000);
    const seen: string[] = [];
    clock.after(50, () => seen.push(`second at ${clock.now()}`));
    clock.after(10, () => seen.push(`first at ${clock.now()}`));
    clock.after(500, () => seen.push("never"));
    await clock.advance(100);
    expect(seen).toEqual(["first at 1010", "second at 1050"]);
    expect(clock.now()).toBe(1_100);
    expect(clock.nextTimer()).toBe(1_500);
  });

  test("meets a timer that is set by a timer, after a promise", async () => {
    const clock = manualClock(0);
    const seen: number[] = [];
    const again = async (): Promise<void> => {
      seen.push(clock.now());
      await Promise.resolve();
      clock.after(10, () => void again());
    };
    clock.after(10, () => void again());
    await clock.advance(35);
    expect(seen).toEqual([10, 20, 30]);
  });

  test("meets a timer that is set in the turn in which it is moved", async () => {
    const clock = manualClock(0);
    let fired = false;
    const moved = clock.advance(10);
    queueMicrotask(() => {
      clock.after(5, () => {
        fired = true;
      });
    });
    await moved;
    expect(fired).toBe(true);
  });

  test("never fires a cancelled timer", async () => {
    const clock = manualClock(0);
    const timer = clock.after(1, () => expect.unreachable());
    timer.cancel();
    timer.cancel();
    await clock.advance(10);
    expect(clock.nextTimer()).toBeUndefined();
  });

  test("puts two moves at once in order", async () => {
    const clock = manualClock(0);
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect(clock.now()).toBe(20);
  });

  test("is set to any time, also an earlier one", async () => {
    const clock = manualClock(1_000);
    await clock.set(500);
    expect(clock.now()).toBe(500);
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
  });

  test("goes on after a callback that throws", async () => {
    const clock = manualClock(0);
    clock.after(1, () => {
      throw new Error("from the callback");
    });
    await expect(clock.advance(5)).rejects.toThrow("from the callback");
    await clock.advance(5);
    expect(clock.now()).toBe(6);
  });
});

describe("the system clock", () => {
  test("waits longer than setTimeout can count", () => {
    vi.useFakeTimers();
    try {
      const month = 30 * 86_400_000;
      let fired = false;
      systemClock.after(month, () => {
        fired = true;
      });
      vi.advanceTimersByTime(month - 1);
      expect(fired).toBe(false);
      vi.advanceTimersByTime(1);
      expect(fired).toBe(true);
      systemClock.after(month, () => expect.unreachable()).cancel();
      vi.advanceTimersByTime(month);
    } finally {
      vi.useRealTimers();
    }
  });
});
