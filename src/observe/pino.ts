// The log, through pino or whatever takes fields first and the message second: bunyan, roarr, Fastify's `app.log`.
//
// duckdive logs a message and its fields; pino wants them the other way round, and an Error under `err`. Every line of a handler
// is bound to its run, and to the request that asked for it.
//
// Before this file comes the application's logger. After it comes `open({ log })`.
import type { Log } from "../job/index.js";
import { InvalidOptionError } from "../kernel/index.js";

type Write = (fields: object, message: string) => void;

/** What is used of a logger. */
export interface PinoShape {
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
}

const levels = ["debug", "info", "warn", "error"] as const;

/**
 * A pino logger as the log of `open`. What handlers log has `run`, `job`, `attempt`, and the `requestId` and `traceId` of whoever
 * asked for the run.
 *
 * @throws InvalidOptionError: it is no such logger
 * @example
 * import logger from "pino";
 * const duckdive = open("sqlite:./jobs.db", { jobs, log: pino(logger().child({ part: "jobs" })) });
 */
export function pino(logger: PinoShape): Log {
  const isLogger = typeof logger === "object" && logger !== null;
  if (!isLogger || !levels.every((level) => typeof logger[level] === "function"))
    throw new InvalidOptionError(
      "pino() was given no logger. Pass what pino() of the package pino gives back.",
    );
  const say =
    (level: keyof PinoShape) =>
    (message: string, fields: object = {}): void =>
      logger[level](withErr(fields), message);
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}

/** pino writes the message, the stack and the causes of an Error that is under `err`. */
function withErr(fields: object): object {
  if (!("error" in fields) || !(fields.error instanceof Error)) return fields;
  const { error, ...others } = fields;
  return { ...others, err: error };
}
