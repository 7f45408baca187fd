// Amounts of memory as people write them, and as people read them.
//
// An amount in an option is `"512mb"` or a number of bytes; it is parsed once, at the door, and is a whole number of
// bytes from there on. A kilobyte is 1,024 bytes, as in every limit of memory that an operator sets elsewhere.
//
// Before this file come only the errors. After it come the runner's limits and what is shown of them.
import { InvalidOptionError } from "./errors.js";

/** A number of bytes, or a number with a unit: `"64kb"`, `"512mb"`, `"1.5gb"`. */
export type Bytes = number | `${number}${"b" | "kb" | "mb" | "gb"}`;

const bytesOf: Readonly<Record<string, number>> = { b: 1, kb: 1_024, mb: 1_024 ** 2, gb: 1_024 ** 3 };

const shape = /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/i;

/**
 * The amount in whole bytes.
 *
 * @param where what is being read, for the message: `runner: maxMemory`
 * @throws InvalidOptionError when it is no amount, not positive, or more than can be counted
 * @example bytes("512mb", "maxMemory") // 536870912
 */
export function bytes(value: Bytes, where: string): number {
  const whole = Math.round(typeof value === "number" ? value : parse(value));
  if (!Number.isSafeInteger(whole) || whole <= 0) {
    throw new InvalidOptionError(
      `${where} is ${JSON.stringify(value)}, which is not an amount of memory. ` +
        `Use bytes as a number over 0, or a number and a unit without a space: "64kb", "512mb", "2gb".`,
    );
  }
  return whole;
}

function parse(value: unknown): number {
  const match = typeof value === "string" ? shape.exec(value) : null;
  const unit = match?.[2] === undefined ? undefined : bytesOf[match[2].toLowerCase()];
  return unit === undefined ? Number.NaN : Number(match?.[1]) * unit;
}

/**
 * An amount for people, in its largest unit.
 *
 * @example formatBytes(536_870_912) // "512 MB"
 */
export function formatBytes(amount: number): string {
  const units = ["GB", "MB", "kB"] as const;
  const found = units.find((unit) => amount >= (bytesOf[unit.toLowerCase()] ?? 1));
  if (found === undefined) return `${Math.round(amount)} B`;
  const count = amount / (bytesOf[found.toLowerCase()] ?? 1);
  return `${count < 10 ? Math.round(count * 10) / 10 : Math.round(count)} ${found}`;
}
