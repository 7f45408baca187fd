// What became of the workers that it was executed by, and whether that was its fault.
import type { Facts } from "./facts.js";

/** What became of its workers, and whether it was to blame. Those before a retry by hand count no more. */
export function explainLosses({ run: { crashes }, events }: Facts): string[] {
  const retried = events.findLastIndex(({ kind }) => kind === "retried");
  const losses = events
    .slice(retried + 1)
    .flatMap(({ kind, detail }) => (kind === "lost" ? lossIn(detail) : []));
  const innocent = losses.filter((loss) => loss.isInnocent);
  const why = causeOf(losses.filter((loss) => !loss.isInnocent));
  const whyInnocent = causeOf(innocent);
  const sentences: string[] = [];
  if (crashes === 1)
    sentences.push(`One execution of it was lost with its worker${why}; its timeline says which.`);
  if (crashes > 1)
    sentences.push(
      `${crashes} executions of it were lost with their workers${why}; its timeline says which.`,
    );
  if (innocent.length === 1)
    sentences.push(
      `One execution of it was lost with a worker by no fault of its own${whyInnocent}: that attempt does not count.`,
    );
  if (innocent.length > 1)
    sentences.push(
      `${innocent.length} executions of it were lost with workers by no fault of its own${whyInnocent}: those attempts do not count.`,
    );
  return sentences;
}

interface Loss {
  readonly cause: string | undefined;
  readonly isInnocent: boolean;
}

/** The newest cause, in parentheses. */
function causeOf(losses: readonly Loss[]): string {
  const cause = losses.at(-1)?.cause;
  if (cause === undefined) return "";
  return losses.length === 1 ? ` (${cause})` : ` (the last one: ${cause})`;
}

function lossIn(detail: unknown): Loss {
  const { cause, innocent } = (detail ?? {}) as { cause?: unknown; innocent?: unknown };
  return { cause: typeof cause === "string" ? cause : undefined, isInnocent: innocent === true };
}

export function explainLastChance({ run, crashes: limit }: Facts): string[] {
  const { state, crashes } = run;
  if (state === "succeeded" || state === "failed" || state === "cancelled") return [];
  if (limit === undefined || crashes === 0) return [];
  if (crashes >= limit)
    return [
      `It took down ${crashes} of the ${limit} workers that it may: its next worker fails it as poison.`,
    ];
  if (crashes < limit - 1) return [];
  return [
    `This is its last chance: should it take down one more worker, it fails as poison (its job's \`crashes\` is ${limit}). ` +
      "It is executed alone in its worker, so that nobody else is hurt.",
  ];
}
