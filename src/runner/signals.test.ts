import { expect, test } from "vitest";
import { exitOfSignal, listenToSignals, signalTable, type Wish } from "./signals.js";

test("every signal of the table is heard as its wish, and no more when it is taken back", () => {
  const wishes: [Wish, NodeJS.Signals][] = [];
  const before = signalTable.map(({ signal }) => process.listenerCount(signal));
  const takeBack = listenToSignals((wish, signal) => wishes.push([wish, signal]));
  for (const { signal } of signalTable) process.emit(signal, signal);
  takeBack();
  expect(wishes).toEqual(signalTable.map(({ signal, wish }) => [wish, signal]));
  expect(signalTable.map(({ signal }) => process.listenerCount(signal))).toEqual(before);
});

test("one Ctrl-C that comes twice at once is one wish", () => {
  const wishes: Wish[] = [];
  const takeBack = listenToSignals((wish) => wishes.push(wish));
  process.emit("SIGINT", "SIGINT");
  process.emit("SIGINT", "SIGINT");
  takeBack();
  expect(wishes).toEqual(["stop"]);
});

test("the exit code of a signal is the one that a shell gives", () => {
  expect(exitOfSignal("SIGTERM")).toBe(143);
  expect(exitOfSignal("SIGINT")).toBe(130);
});
