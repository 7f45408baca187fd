// The jobs of workers that are killed and cancelled, for `duckdive work`. What happens is told on standard output, one
// line each, with the time; the lines of the worker itself stand between them.
import { job } from "../duckdive.mjs";

/**
 * @param {string} what
 * @param {{ runId: string, attempt: number }} run
 */
function tell(what, { runId, attempt }) {
  const at = performance.timeOrigin + performance.now();
  process.stdout.write(`bench ${JSON.stringify({ what, run: runId, attempt, pid: process.pid, at })}\n`);
}

/** Hangs in its first execution, and is done in the second. */
export const hangs = job({
  name: "hangs",
  async handle(_, ctx) {
    tell("started", ctx);
    if (ctx.attempt === 1) await new Promise(() => {});
  },
});

/** Goes on until it is told to end. */
export const listens = job({
  name: "listens",
  async handle(_, ctx) {
    tell("started", ctx);
    await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve));
    tell("aborted", ctx);
    ctx.signal.throwIfAborted();
  },
});
