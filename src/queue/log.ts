// Where duckdive says something when nobody gave it a log: the console, and only when something is wrong.
//
// A library is silent while all is well; what it has to say then is an event, for whoever listens.
import type { Log } from "../job/index.js";

/** Warnings and errors on the console's standard error, each with its fields; nothing else. */
export const consoleLog: Log = {
  debug() {},
  info() {},
  warn: (message, fields) => console.warn(...line(message, fields)),
  error: (message, fields) => console.error(...line(message, fields)),
};

function line(message: string, fields: object | undefined): unknown[] {
  return fields === undefined ? [`duckdive: ${message}`] : [`duckdive: ${message}`, fields];
}
