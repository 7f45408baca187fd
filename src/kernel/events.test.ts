import { expect, test } from "vitest";
import { Events } from "./events.js";

interface Happenings {
  started: { id: number };
  ended: string;
}

test("listeners hear in the order in which they came, until they are taken off", () => {
  const events = new Events<Happenings>(() => expect.unreachable());
  const heard: string[] = [];
  const off = events.on("started", ({ id }) => heard.push(`first ${id}`));
  events.on("started", ({ id }) => heard.push(`second ${id}`));
  events.emit("started", { id: 1 });
  off();
  off();
  events.emit("started", { id: 2 });
  events.emit("ended", "nobody listens");
  expect(heard).toEqual(["first 1", "second 1", "second 2"]);
  expect([events.has("started"), events.has("ended")]).toEqual([true, false]);
});

test("a listener that throws or rejects breaks nobody, and is reported", async () => {
  const reported: unknown[] = [];
  const events = new Events<Happenings>((error, name) => reported.push([name, error]));
  let heard = false;
  events.on("ended", () => {
    throw new Error("thrown");
  });
  const rejecting: () => unknown = () => Promise.reject(new Error("rejected"));
  events.on("ended", rejecting);
  events.on("ended", () => {
    heard = true;
  });
  events.emit("ended", "x");
  await new Promise((resolve) => setImmediate(resolve));
  expect(heard).toBe(true);
  expect(reported).toEqual([
    ["ended", new Error("thrown")],
    ["ended", new Error("rejected")],
  ]);
});

test("one function that listens twice hears twice, and is taken off once at a time", () => {
  const events = new Events<Happenings>(() => expect.unreachable());
  let count = 0;
  const listener = (): void => void count++;
  const off = events.on("ended", listener);
  events.on("ended", listener);
  events.emit("ended", "x");
  off();
  events.emit("ended", "x");
  expect(count).toBe(3);
});

test("a reporter that fails itself does not reach the emitter", () => {
  const events = new Events<Happenings>(() => {
    throw new Error("the reporter");
  });
  events.on("ended", () => {
    throw new Error("the listener");
  });
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  events.emit("ended", "x");
  return expect(warned).resolves.toMatchObject({ name: "DuckdiveWarning" });
});
