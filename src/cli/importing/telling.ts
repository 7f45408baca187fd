// What has been brought, told: in one sentence, then name by name with the first reason why some were left.
//
// Before this file come the tallies. After it comes the exit code: 1 when something is left.
import { type ExitCode, exits } from "../exit.js";
import type { Cli } from "../session.js";
import { count, many } from "../words.js";
import type { Tally } from "./bring.js";

/** What was done: only counted; recorded, and left there; recorded, and removed there. */
type Manner = "rehearsed" | "copied" | "moved";

type Totals = Readonly<
  Record<"waiting" | "later" | "recorded" | "known" | "left" | "overtaken" | "removed", number>
>;

export function tellAll({ output }: Cli, from: string, tallies: readonly Tally[], manner: Manner): ExitCode {
  const sorted = [...tallies].sort((one, two) => (one.name < two.name ? -1 : 1));
  const totals = totalsOf(sorted);
  if (output.isJson) output.json({ from, ...totals, dryRun: manner === "rehearsed", names: sorted });
  else {
    const parts = partsOf(totals, manner).join(", ");
    const waiting = `${many(totals.waiting, "job")} waiting in ${from}, ${count(totals.later)} for later`;
    output.line(parts === "" ? `${waiting}.` : `${waiting}: ${parts}.`);
    for (const tally of sorted) output.line(`  ${lineOf(tally)}`);
  }
  return totals.left + totals.overtaken > 0 ? exits.failed : exits.fine;
}

function totalsOf(tallies: readonly Tally[]): Totals {
  const sum = (what: keyof Totals): number => tallies.reduce((all, tally) => all + tally[what], 0);
  return {
    waiting: sum("waiting"),
    later: sum("later"),
    recorded: sum("recorded"),
    known: sum("known"),
    left: sum("left"),
    overtaken: sum("overtaken"),
    removed: sum("removed"),
  };
}

function partsOf({ recorded, known, left, overtaken, removed }: Totals, manner: Manner): string[] {
  const isDry = manner === "rehearsed";
  const parts = isDry ? [] : [`${count(recorded)} recorded`, `${count(known)} recorded before`];
  if (left > 0) parts.push(`${count(left)} ${isDry ? "cannot be brought" : "left"}`);
  if (manner === "moved") parts.push(`${count(removed)} removed there`);
  if (overtaken > 0) parts.push(`${count(overtaken)} begun there meanwhile, cancelled here`);
  return parts;
}

function lineOf({ name, job, waiting, left, reason }: Tally): string {
  const target = job === "" || job === name ? "" : ` → ${job}`;
  const not = left > 0 ? `, ${count(left)} not: ${reason}` : "";
  return `${name}${target}: ${count(waiting)}${not}`;
}
