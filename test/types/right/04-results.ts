// 4. A result with its type, a failure with its type, and a limit on waiting for either.
import { ResultTimeoutError, RunCancelledError, RunFailedError } from "duckdive";
import { bottle, duckdive } from "./03-contract.js";

const id = "0192d3c4-0000-7000-8000-000000000000";
const run = await duckdive.enqueue(bottle, { label: "b", pickedAt: "2030-09-01", lot: "9" }, { id });
try {
  const { shelf, sealedAt } = await run.result({ timeout: "5s", signal: AbortSignal.timeout(9_000) });
  shelf.endsWith("left");
  sealedAt.getDay();
} catch (error) {
  if (bottle.failedWith(error, "corked")) error.data.cork.normalize();
  else if (error instanceof RunFailedError) error.error.message.normalize();
  else if (error instanceof RunCancelledError) error.reason.normalize();
  else if (!(error instanceof ResultTimeoutError)) throw error;
}

const end = await duckdive.run(bottle, run.id).outcome();
if (end.state === "succeeded") end.output.bottles.toFixed();
else if (end.state === "failed") end.error.stack?.normalize();
else end.reason.normalize();

const record = await run.get();
if (bottle.is(record)) {
  record.job satisfies "bottle";
  record.output?.sealedAt.getDay();
}
