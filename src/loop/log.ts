// `ctx.log`: one line goes two ways, to the run's own record and to the process's log, bound to the run.
//
// What a handler says is kept with its run, so that whoever asks "what happened?" need not search elsewhere. The
// amount is bounded: a loop that logs must not fill the store.
import type { Log, Redaction } from "../job/index.js";
import { encode } from "../kernel/index.js";
import { type Fence, storedText } from "../run/index.js";
import type { Notes } from "./notes.js";

const mostLines = 1_000;
const longestMessage = 4_000;
const longestFields = 16_384;

/** A log bound to one execution. Lines beyond 1,000 reach the process's log only; the last kept line says so. */
export function runLog(
  { run, token }: Fence,
  notes: Notes,
  log: Log,
  bound: object,
  onError: (error: unknown) => void,
  redaction?: Redaction,
): Log {
  const fence = { run, token };
  let lines = 0;

  function say(level: "debug" | "info" | "warn" | "error", said: string, given?: object): void {
    const message = redaction?.text(said) ?? said;
    const fields = redaction?.value(given) ?? given;
    tell(level, message, fields);
    lines += 1;
    if (lines > mostLines) return;
    const kept =
      lines === mostLines ? `the ${mostLines}th line of this execution: no more are kept` : message;
    notes.say({
      ...fence,
      log: { level, message: storedText(kept, longestMessage), fields: fieldsText(fields) },
    });
  }

  /** The process's log is the application's own; one that throws must not fail a handler. */
  function tell(level: keyof Log, message: string, fields?: object): void {
    try {
      log[level](message, { ...bound, ...fields });
    } catch (error) {
      onError(error);
    }
  }

  return {
    debug: (message, fields) => say("debug", message, fields),
    info: (message, fields) => say("info", message, fields),
    warn: (message, fields) => say("warn", message, fields),
    error: (message, fields) => say("error", message, fields),
  };
}

/** Fields as JSON. A log line must never fail its handler, so what is not JSON is replaced by the reason. */
function fieldsText(fields: object | undefined): string | undefined {
  if (fields === undefined) return undefined;
  try {
    return encode(fields, { what: "the fields of a log line", limit: longestFields });
  } catch (error) {
    return JSON.stringify({ notKept: String(error) });
  }
}
