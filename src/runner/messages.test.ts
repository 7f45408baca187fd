import fc from "fast-check";
import { expect, test } from "vitest";
import { lineSplitter } from "./lines.js";
import { readLine, readMessage } from "./messages.js";
import type { FromPipe, FromWorker } from "./protocol.js";

const run = { run: "run-1", job: "mail", token: 3, attempt: 1 };
const status = {
  state: "working",
  running: [{ ...run, queue: "default", since: 12 }],
  leaked: [run],
  ended: 4,
  lastFetch: undefined,
  lastSettle: 5,
  lastBeat: 6,
  fetchingFor: undefined,
  memory: 7,
  delay: 8,
} as const;

const overTheChannel: FromWorker[] = [
  { type: "ready", worker: "w" },
  { type: "status", status },
  { type: "recycle", why: "leaked" },
  { type: "rescued", worker: "w", runs: 0 },
];
const overThePipe: FromPipe[] = [
  { type: "blocked", milliseconds: 1_000, run, stack: "at spin" },
  { type: "unblocked", milliseconds: 2_000 },
  { type: "dying", cause: "process.exit(1)", run },
  { type: "dying", cause: "an error nobody caught" },
  { type: "leaving", why: "empty" },
];

test.each(overTheChannel)("a message of type $type is read", (message) => {
  expect(readMessage(JSON.parse(JSON.stringify(message)))).toEqual(JSON.parse(JSON.stringify(message)));
});

test.each(overThePipe)("a line of type $type is read", (line) => {
  expect(readLine(JSON.stringify(line))).toEqual(line);
});

test("anything at all is read without an error, and is nothing unless it is of the protocol", () => {
  fc.assert(
    fc.property(fc.anything(), fc.string(), fc.json(), (value, text, json) => {
      readMessage(value);
      expect(readLine(text)).toBeUndefined();
      expect(readLine(json)).toBeUndefined();
    }),
  );
});

test("a status with one field spoiled is nothing", () => {
  const fields = Object.keys(status);
  const spoiled = fc.constantFrom<unknown>("", -1, {}, [1], true, Number.NaN);
  fc.assert(
    fc.property(fc.constantFrom(...fields), spoiled, (field, value) => {
      expect(readMessage({ type: "status", status: { ...status, [field]: value } })).toBeUndefined();
    }),
  );
});

test("lines are found however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", minLength: 1 }).filter((line) => !line.includes("\n"))),
      fc.integer({ min: 1, max: 7 }),
      (lines, size) => {
        const found: string[] = [];
        const take = lineSplitter((line) => found.push(line));
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(""));
        for (let at = 0; at < bytes.length; at += size) take(bytes.subarray(at, at + size));
        expect(found).toEqual(lines);
      },
    ),
  );
});

test("a line without end is dropped, and the one after it is found", () => {
  const found: string[] = [];
  const take = lineSplitter((line) => found.push(line), 100);
  for (let count = 0; count < 20; count += 1) take(Buffer.from("x".repeat(30)));
  take(Buffer.from('x\n{"type":1}\n'));
  expect(found).toEqual(['{"type":1}']);
});
