// The ledger: what was promised and what was seen, kept outside of the system that is tested.
//
// Every process has a file of its own and appends a line to it, one write each, before it goes on: so a line is there
// also of a process that is gone the next moment. Times are of the machine's monotonic clock, which all its processes
// share and no fault can move.
//
// Before this file comes nothing. After it come the workers, the enqueuers and the faults, which write, and the
// evidence, which reads.
import { mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** @typedef {{ what: string, at: number, pid: number } & Record<string, unknown>} Line */

/** @typedef {{ write(what: string, about?: object): void }} Ledger */

/** Milliseconds of the machine's monotonic clock. */
export function monotonic() {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/**
 * The file of this process.
 * @param {string} folder
 * @param {string} who worker, enqueuer or harness
 * @returns {Ledger}
 */
export function openLedger(folder, who) {
  mkdirSync(folder, { recursive: true });
  const file = openSync(join(folder, `${who}-${process.pid}-${Math.round(monotonic())}.jsonl`), "a");
  return {
    write(what, about = {}) {
      writeSync(file, `${JSON.stringify({ what, at: monotonic(), pid: process.pid, ...about })}\n`);
    },
  };
}

/**
 * Every line of every process, in the order of their times.
 * @param {string} folder
 * @returns {Line[]}
 */
export function readLedger(folder) {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith(".jsonl"))
    .flatMap((name) => linesIn(readFileSync(join(folder, name), "utf8")));
  return lines.sort((one, other) => one.at - other.at);
}

/**
 * The last line may be torn: its writer was killed in the middle of it, and did nothing that it speaks of.
 * @param {string} text
 * @returns {Line[]}
 */
export function linesIn(text) {
  const end = text.lastIndexOf("\n");
  return text
    .slice(0, Math.max(end, 0))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
