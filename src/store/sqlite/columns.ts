// From the records of the contract to the columns of a run. Nothing here asks the database anything.
import type { NewRun } from "../contract.js";

/** What the claim has to know of a run before it starts. */
export function admissionOf({
  gates,
  fair,
}: Pick<NewRun, "gates" | "fair">): Record<"gates" | "fair", string | null> {
  return { gates: jsonUnlessEmpty(gates), fair: fair === undefined || fair === "" ? null : fair };
}

/** Null for an empty list or record: most runs have none. */
export function jsonUnlessEmpty(value: object | undefined): string | null {
  return value === undefined || Object.keys(value).length === 0 ? null : JSON.stringify(value);
}
