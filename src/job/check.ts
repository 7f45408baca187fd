// The checks that options of a policy share: a whole number, a length of time, an object.
//
// Before this file come the kernel's errors. After it come the rules, and the rest of a policy.
import { type Duration, duration, InvalidOptionError } from "../kernel/index.js";
import { show } from "./names.js";

const maxInteger = 2 ** 31 - 1;

/** @throws InvalidOptionError */
export function checkInteger(value: unknown, lowest: number, where: string, highest = maxInteger): void {
  if (typeof value === "number" && Number.isInteger(value) && value >= lowest && value <= highest) return;
  const range = highest === maxInteger ? `from ${lowest} up` : `from ${lowest} to ${highest}`;
  throw new InvalidOptionError(`${where} is ${show(value)}. Use a whole number ${range}.`);
}

/** A time in milliseconds that is not none. @throws InvalidOptionError, InvalidDurationError */
export function positive(value: Duration, where: string): number {
  const milliseconds = duration(value, where);
  if (milliseconds > 0) return milliseconds;
  throw new InvalidOptionError(`${where} is 0. Use a time longer than that.`);
}

/** @throws InvalidOptionError */
export function checkObject(value: unknown, where: string, instead: string): asserts value is object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new InvalidOptionError(`${where} is ${show(value)}. Use ${instead}.`);
}
