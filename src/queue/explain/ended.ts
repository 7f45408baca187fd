// It has ended: how, when, why, and how to have it again.
import { failureReasons } from "../../run/index.js";
import type { StoredRun } from "../../store/contract.js";
import type { Facts } from "./facts.js";
import { at, named, ofAll, since } from "./words.js";

export function explainEnded(facts: Facts): string {
  const { run, now } = facts;
  const when =
    run.finishedAt === undefined ? "" : ` at ${at(run.finishedAt)} (${since(run.finishedAt, now)})`;
  const again = `Try it again, with all attempts: \`duckdive retry ${run.id}\`.`;
  switch (run.state) {
    case "succeeded":
      return `It succeeded${when}, on attempt ${ofAll(run.attempt, facts)}.`;
    case "cancelled":
      return `It was cancelled${when}: ${run.reason ?? "no reason was given"}. ${again}`;
    default:
      return (
        `It failed for good${when}, ${failedAt(run, facts)}: ${whyFailed(run)}. ` +
        (run.reason === "poison" ? `Its handler is to be mended first. ` : "") +
        again
      );
  }
}

function failedAt({ attempt }: StoredRun, facts: Facts): string {
  return attempt === 0 ? "before its first attempt" : `on attempt ${ofAll(attempt, facts)}`;
}

function whyFailed({ reason, error }: StoredRun): string {
  const words = new Map<string, string>(Object.entries(failureReasons));
  const why =
    reason === undefined ? undefined : (words.get(reason) ?? `its handler gave the reason "${reason}"`);
  if (error === undefined) return why ?? "its record does not say why";
  return why === undefined ? named(error) : `${why} (${named(error)})`;
}
