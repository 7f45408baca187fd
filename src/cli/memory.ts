// How much memory a worker process may grow to where nobody has said so: its share of what this container may use.
//
// The system kills what uses more than a container's limit, and with it all that it executes. A process that is replaced in
// time loses nothing. Where there is no limit, as on a machine of one's own, none is made up.
//
// Before this file comes `work`. After it comes the runner's limit.
import { availableParallelism, totalmem } from "node:os";

/** What is left to the runner, to the system's cache, and to growing while a process drains. */
const usable = 0.9;
/** A process of Node.js that has loaded an application needs so much; to replace it for that would be for ever. */
const least = 128 * 1_024 ** 2;

/**
 * In bytes; undefined: there is no limit.
 *
 * @param limit what the system says this process may use, of this machine's memory
 */
export function memoryShare(
  processes: number = availableParallelism(),
  limit: number = process.constrainedMemory(),
  machine: number = totalmem(),
): number | undefined {
  const isLimited = limit > 0 && limit < machine;
  return isLimited ? Math.max(least, Math.floor((limit * usable) / processes)) : undefined;
}
