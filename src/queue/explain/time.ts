// Its time has not come, or has and nobody has looked: and what set that time.
import type { TimelineEvent } from "../../store/contract.js";
import type { Facts, Reason } from "./facts.js";
import { named, ofAll, since, until } from "./words.js";

const setters = ["failed", "snoozed", "retried", "lost", "rateLimited", "changed", "replaced"];

export function timeReasons(facts: Facts): Reason[] {
  const { run, now } = facts;
  if (run.state !== "scheduled") return [];
  if (run.runAt > now) return [{ code: "time", text: whatSetIt(facts), isSentence: true }];
  return [
    {
      code: "promotion",
      text: `${whatSetIt(facts)}${facts.workers.length === 0 ? "" : " A worker makes it ready within moments."}`,
      isSentence: true,
    },
  ];
}

function whatSetIt(facts: Facts): string {
  const { run, now } = facts;
  const when = run.runAt > now ? `starts ${until(run.runAt, now)}` : `was due ${since(run.runAt, now)}`;
  switch (lastSetter(facts)?.kind) {
    case "failed":
      if (run.error === undefined) break;
      return `It waits to be tried again: attempt ${ofAll(run.attempt, facts)} failed with ${named(run.error)}, and the next ${when}.${sooner(facts)}`;
    case "snoozed":
      return `Its handler asked to go on later (snooze): it ${when}.${sooner(facts)}`;
    case "rateLimited":
      return `Its handler said that it is rate limited by somebody else (\`ctx.rateLimited\`): it ${when}.`;
    case "changed":
      return `Somebody gave it that time: it ${when}.${sooner(facts)}`;
    case "replaced":
      return `A later request with the same unique key gave it that time: it ${when}.${sooner(facts)}`;
  }
  return `It was asked for with a delay: it ${when}.${sooner(facts)}`;
}

function sooner({ run, now }: Facts): string {
  return run.runAt > now ? ` To start it now: \`duckdive change ${run.id} --delay 0s\`.` : "";
}

function lastSetter({ events }: Facts): TimelineEvent | undefined {
  return events.findLast(
    ({ kind, detail }) => setters.includes(kind) && (kind !== "changed" || hasTime(detail)),
  );
}

function hasTime(detail: unknown): boolean {
  return typeof detail === "object" && detail !== null && ("due" in detail || "runAt" in detail);
}
