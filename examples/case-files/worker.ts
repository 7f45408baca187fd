// A worker of this example, in a process of its own: runs the jobs, and says what happens.
//
// It is what `duckdive work examples/case-files/jobs.ts` would be, with lines made for this demo: handlers write to
// `ctx.log`, and what duckdive does about them comes as events. When the demo dies, by whatever signal, the channel to
// it closes and the worker ends too: nobody is left behind.
//
// Before this file comes demo.ts, which starts it. After it come the handlers in jobs.ts.
import { open } from "duckdive";
import picocolors from "picocolors";
import { copyFile, mailSummary, recordCase, summariseCase } from "./jobs.js";
import { duckdive as hand } from "./queue.js";
import { nameFor, sizeOf } from "./summary.js";

const terminal = process.stdout.isTTY;

/** One line that stays; a line of progress before it makes room. */
function say(mark: string, text: string): void {
  process.stdout.write(`${terminal ? "\r\x1b[K" : ""}  ${mark} ${text}\n`);
}

const { green, yellow, red, dim } = picocolors;
const duckdive = open(process.env.DUCKDIVE_STORE ?? "sqlite:./duckdive.db", {
  jobs: [recordCase, copyFile, summariseCase, mailSummary],
  queues: { files: 4, "*": 2 },
  log: {
    debug: () => {},
    info: (message) => say(green("✓"), nameFor(message)),
    warn: (message) => say(yellow("-"), nameFor(message)),
    error: (message, fields) => say(red("!"), `${nameFor(message)} ${JSON.stringify(fields ?? {})}`),
  },
});

duckdive.on("retrying", ({ error, attempt }) =>
  say(yellow("↻"), `${nameFor(error.message)} ${dim(`(attempt ${attempt}; it is tried again)`)}`),
);
duckdive.on("failed", ({ error, attempt }) =>
  say(red("✗"), `${nameFor(error.message)} ${dim(`(attempt ${attempt}; given up)`)}`),
);
duckdive.on("lost", ({ job, attempt }) =>
  say(yellow("↻"), `${job}: attempt ${attempt} was lost with its worker ${dim("(it begins again)")}`),
);
duckdive.on("progress", ({ done, total, note }) => {
  if (!terminal || total === undefined) return;
  const share = Math.floor((done / total) * 20);
  process.stdout.write(
    `\r\x1b[K  ${"█".repeat(share)}${"░".repeat(20 - share)} ${sizeOf(done)} ${nameFor(note ?? "")}`,
  );
});

const worker = duckdive.work();

async function stop(): Promise<void> {
  await worker.stop({ drain: "5s" });
  await Promise.all([duckdive.close(), hand.close()]);
  if (process.connected) process.disconnect();
}

// SIGINT comes from the terminal to the demo as well, which then closes the channel; once is enough for both.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => void stop());
process.on("disconnect", () => void stop());
await worker.ready;
// The demo may have gone while this process was still loading, before anybody listened.
if (process.send !== undefined && !process.connected) await stop();
