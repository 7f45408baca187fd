// What logs and listeners hear of one run: what its job says in `redact` is blanked out, also where a text quotes it.
//
// Before this file come claimed runs. After it come the run's log, its progress, and the events of its end.
import type { Redaction } from "../job/index.js";
import { shownValue } from "../kernel/index.js";
import type { Claimed } from "../store/contract.js";
import type { KnownJob } from "./environment.js";

/** Undefined: nothing is to be blanked out, which costs nothing. */
export function redactionOfRun(claimed: Claimed, known: KnownJob | undefined): Redaction | undefined {
  const redaction = known?.redaction;
  if (redaction === undefined || claimed.input === undefined) return redaction;
  return redaction.with(shownValue(claimed.input));
}
