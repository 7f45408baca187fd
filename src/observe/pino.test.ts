// The log through the real pino: every line of a handler is bound to its run and to the request that asked for it.
// pino's own name for a message: cspell:ignore msg
import realPino from "pino";
import { expect, test } from "vitest";
import { engine } from "../../test/engine.js";
import { job, withContext } from "../job/index.js";
import { pino } from "./index.js";

function lines() {
  const written: Record<string, unknown>[] = [];
  const logger = realPino(
    { level: "debug" },
    { write: (line: string) => void written.push(JSON.parse(line)) },
  );
  return { written, logger };
}

test("a handler's lines have its run, its attempt, the request and the trace, and no more of who asked", async () => {
  const { written, logger } = lines();
  const greet = job({ name: "greet", handle: (_input, { log }) => log.info("greeting", { of: "Ada" }) });
  const { duckdive, work } = engine([greet], { log: pino(logger.child({ part: "jobs" })) });
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const context = { requestId: "r-1", userId: "7", traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  const { id } = await withContext(context, () => duckdive.enqueue(greet));
  await work().idle();
  const [{ time: _time, pid: _pid, hostname: _hostname, ...line } = {}] = written;
  expect(line).toEqual({
    level: 30,
    part: "jobs",
    msg: "greeting",
    of: "Ada",
    run: id,
    job: "greet",
    attempt: 1,
    requestId: "r-1",
    traceId,
  });
});

test("an error is written with its stack and its causes", () => {
  const { written, logger } = lines();
  const error = new Error("outer", { cause: new TypeError("inner") });
  pino(logger).error("it failed", { where: "here", error });
  expect(written[0]).toMatchObject({
    msg: "it failed",
    where: "here",
    err: { type: "Error", message: "outer: inner" },
  });
});

test("what is no logger is refused", () => {
  expect(() => pino({ info() {} } as never)).toThrow(expect.objectContaining({ code: "INVALID_OPTION" }));
});
