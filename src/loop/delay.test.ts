import { beforeEach, expect, test, vi } from "vitest";

/** What Node would measure: the longest time between two looks of its own, in nanoseconds. */
const histogram = vi.hoisted(() => ({
  count: 0,
  max: 0,
  isOn: false,
  enable() {
    this.isOn = true;
  },
  disable() {
    this.isOn = false;
  },
  reset() {
    this.count = 0;
    this.max = 0;
  },
}));

vi.mock("node:perf_hooks", () => ({ monitorEventLoopDelay: () => histogram }));

const { measureDelay } = await import("./delay.js");

/** Node has looked after so many milliseconds instead of a hundred. */
function looked(milliseconds: number): void {
  histogram.count += 1;
  histogram.max = Math.max(histogram.max, milliseconds * 1e6);
}

beforeEach(() => histogram.reset());

test("told is the longest delay since the question before, in whole milliseconds, without the pause between two looks", () => {
  const delay = measureDelay();
  const read = delay.reader();
  looked(101);
  looked(350.4);
  looked(120);
  expect(read()).toBe(250);
  looked(130);
  expect(read()).toBe(30);
});

test("where nothing was measured yet, or all came in time, nothing was late", () => {
  const read = measureDelay().reader();
  expect(read()).toBe(0);
  looked(99.9);
  expect(read()).toBe(0);
});

test("who asks often takes nothing from who asks seldom", () => {
  const delay = measureDelay();
  const [often, seldom] = [delay.reader(), delay.reader()];
  looked(400);
  expect(often()).toBe(300);
  looked(200);
  expect(often()).toBe(100);
  expect(often()).toBe(0);
  expect(seldom()).toBe(300);
  expect(seldom()).toBe(0);
});

test("it is measured from the beginning, until it is stopped", () => {
  const delay = measureDelay();
  expect(histogram.isOn).toBe(true);
  delay.stop();
  expect(histogram.isOn).toBe(false);
});
