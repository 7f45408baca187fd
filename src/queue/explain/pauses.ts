// Somebody paused its queue or its job, or its queue is held back.
import { type Facts, queueOf, type Reason } from "./facts.js";
import { quoted, until } from "./words.js";

export function pauseReasons(facts: Facts): Reason[] {
  return [...jobPaused(facts), ...queuePaused(facts), ...queueHeld(facts)];
}

function jobPaused({ run, paused }: Facts): Reason[] {
  const isParked = run.state === "waiting" && run.waiting?.reason === "paused";
  if (!isParked && !paused.some((target) => "job" in target && target.job === run.job)) return [];
  const how = run.state === "ready" ? ": the worker that takes it puts it aside" : "";
  return [
    {
      code: "job-paused",
      text: `its job is paused${how}. Resume it: \`duckdive resume --job ${run.job}\`.`,
    },
  ];
}

function queuePaused(facts: Facts): Reason[] {
  const { run, paused } = facts;
  const isPaused =
    queueOf(facts)?.paused === true ||
    paused.some((target) => "queue" in target && target.queue === run.queue);
  return isPaused
    ? [
        {
          code: "queue-paused",
          text: `queue ${quoted(run.queue)} is paused. Resume it: \`duckdive resume ${run.queue}\`.`,
        },
      ]
    : [];
}

function queueHeld(facts: Facts): Reason[] {
  const { run, now } = facts;
  const held = queueOf(facts)?.heldUntil;
  if (held === undefined || held <= now) return [];
  return [
    {
      code: "queue-held",
      text:
        `queue ${quoted(run.queue)} is held back: a handler said that it is rate limited by somebody else (\`ctx.rateLimited\`). ` +
        `It goes on by itself ${until(held, now)}; what must not wait for that goes elsewhere: \`duckdive change ${run.id} --to-queue NAME\`.`,
    },
  ];
}
