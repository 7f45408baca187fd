// Misspelt on purpose. cspell:ignore drian paylaod
import { describe, expect, test } from "vitest";
import { InvalidDurationError, InvalidOptionError, NotJsonError, TooLargeError } from "../kernel/index.js";
import { type Command, decodedPayload, messageOf, readCommand } from "./control.js";

const asked = (command: unknown) => messageOf(command as Command, "tell()");
const read = (command: Command) => {
  const { name, payload } = messageOf(command, "tell()");
  return readCommand(name, payload);
};

describe("a command", () => {
  test("is read as it was given, durations in milliseconds", () => {
    expect(read({ do: "quiet" })).toEqual({ do: "quiet" });
    expect(read({ do: "resume" })).toEqual({ do: "resume" });
    expect(read({ do: "stop" })).toEqual({ do: "stop", drain: undefined });
    expect(read({ do: "stop", drain: "2m" })).toEqual({ do: "stop", drain: 120_000 });
    expect(read({ do: "stop", drain: 0 })).toEqual({ do: "stop", drain: 0 });
    expect(read({ do: "kill" })).toEqual({ do: "kill", runs: undefined });
    expect(read({ do: "kill", runs: [] })).toEqual({ do: "kill", runs: [] });
    expect(read({ do: "queues", queues: { mail: 3, "*": 0 } })).toEqual({
      do: "queues",
      queues: { mail: 3, "*": 0 },
    });
  });

  test("travels under a name that begins with duckdive", () => {
    expect(asked({ do: "quiet" })).toEqual({ name: "duckdive.quiet", payload: undefined });
    expect(asked({ do: "stop", drain: "1s" })).toEqual({
      name: "duckdive.stop",
      payload: '{"drain":1000}',
    });
  });

  test("that nobody knows is refused with the one that was meant", () => {
    expect(() => asked({ do: "quite" })).toThrow(/cannot be told to "quite"\. Did you mean "quiet"\?/);
    expect(() => asked({ do: "stop", drian: "1s" })).toThrow(/no option "drian"\. Did you mean "drain"\?/);
    expect(() => asked({ do: "quiet", queues: {} })).toThrow(InvalidOptionError);
    for (const nothing of [undefined, null, "quiet", 7]) expect(() => asked(nothing)).toThrow(/no command/);
    for (const odd of ["toString", "__proto__", 7, null])
      expect(() => asked({ do: odd })).toThrow(InvalidOptionError);
  });

  test("with something that no worker could obey is refused", () => {
    expect(() => asked({ do: "stop", drain: "soon" })).toThrow(InvalidDurationError);
    expect(() => asked({ do: "stop", drain: {} })).toThrow(/Use one such as "30s"/);
    for (const runs of ["all", [7], {}]) expect(() => asked({ do: "kill", runs })).toThrow(/list of ids/);
    for (const queues of [undefined, null, [], {}, { mail: -1 }, { mail: 1.5 }, { mail: "3" }])
      expect(() => asked({ do: "queues", queues })).toThrow(/Use slots by queue/);
  });
});

describe("a message of the application", () => {
  test("is handed on, and its payload is as it was", () => {
    const { name, payload } = asked({ name: "reload", payload: { since: new Date(0), of: [1, null] } });
    expect(name).toBe("reload");
    expect(readCommand(name, payload)).toBeUndefined();
    expect(decodedPayload(payload)).toEqual({ since: "1970-01-01T00:00:00.000Z", of: [1, null] });
    expect(decodedPayload(asked({ name: "reload" }).payload)).toBeUndefined();
  });

  test("needs a name of its own", () => {
    for (const name of [undefined, "", 7, "x".repeat(201)])
      expect(() => asked({ name })).toThrow(/of your own/);
    expect(() => asked({ name: "duckdive.quiet" })).toThrow(/duckdive's own/);
    expect(() => asked({ name: "reload", paylaod: 1 })).toThrow(/Did you mean "payload"\?/);
  });

  test("can carry what can be stored, up to 1 MiB", () => {
    expect(() => asked({ name: "reload", payload: () => {} })).toThrow(NotJsonError);
    expect(() => asked({ name: "reload", payload: "x".repeat(1_048_576) })).toThrow(TooLargeError);
  });
});

describe("what lies in the store and is not what it should be", () => {
  test("is refused by name when it is a command", () => {
    for (const payload of ["", "{", "[]", "7", '"text"', '{"drain":"soon"}', '{"drain":null}', '{"x":1}'])
      expect(() => readCommand("duckdive.stop", payload)).toThrow(Error);
    expect(readCommand("duckdive.stop", "null")).toEqual({ do: "stop", drain: undefined });
    expect(() => readCommand("duckdive.fly", undefined)).toThrow(/cannot be told to "fly"/);
    expect(() => readCommand("duckdive.", undefined)).toThrow(InvalidOptionError);
    expect(() => readCommand("duckdive.stop", '{"do":"kill"}')).not.toThrow();
    expect(readCommand("duckdive.stop", '{"do":"kill"}')).toEqual({ do: "stop", drain: undefined });
  });

  test("is given as it is when it is the application's", () => {
    expect(decodedPayload("{")).toBe("{");
    expect(decodedPayload("")).toBe("");
    expect(decodedPayload("null")).toBeNull();
  });
});
