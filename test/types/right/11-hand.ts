// 11. Looking at runs and acting on them: reads are plain, and typed by the job where one is given.
import { duckdive, remind } from "./01-first-job.js";

const record = await duckdive.get("0192d3c4-0000-7000-8000-000000000000");
if (record !== undefined && remind.is(record)) {
  record.input.guest.toFixed();
  record.output?.receipt.normalize();
  record.finishedAt?.getTime();
}

let cursor: string | undefined;
do {
  const page = await duckdive.list(
    { job: remind, state: ["failed", "cancelled"], tag: "dinner", since: new Date(0) },
    { limit: 50, cursor },
  );
  for (const run of page.runs) run.error?.message.normalize();
  cursor = page.cursor;
} while (cursor !== undefined);
for await (const run of duckdive.list({ queue: "texts", meta: { tenant: "north" } }))
  run.state satisfies string;

const failed: number = await duckdive.count({ job: "remind-guest", state: "failed" });
failed.toFixed();
(await duckdive.retry({ job: remind, state: "failed" })) satisfies number;
(await duckdive.cancel(["0192d3c4-0000-7000-8000-000000000000"], "closed")) satisfies number;
(await duckdive.delete("0192d3c4-0000-7000-8000-000000000000")) satisfies number;
await duckdive.pause({ queue: "texts" });
await duckdive.resume({ job: "remind-guest" });

const off = duckdive.on("failed", ({ run, job, error, milliseconds }) => [
  run,
  job,
  error.message,
  milliseconds.toFixed(),
]);
off();
const run = await duckdive.enqueue(remind, { guest: 1 });
for await (const { state, progress } of run.watch({ signal: AbortSignal.timeout(1_000) })) {
  if (state === "running") progress?.done.toFixed();
}
(await run.cancel("not needed")) satisfies boolean;
(await run.retry()) satisfies boolean;
