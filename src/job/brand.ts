// The mark by which a job is known as one.
//
// Before this file comes the contract, as a type. After it come policies, which may name a job, and definitions.
import type { AnyContract } from "./contract.js";

/** What duckdive knows of a job hangs on it. All copies of the package share it. */
export const brand = Symbol.for("duckdive.job");

/** Whether a value is a job or a contract. */
export function isContract(value: unknown): value is AnyContract {
  return typeof value === "object" && value !== null && brand in value;
}
