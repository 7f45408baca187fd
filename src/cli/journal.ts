// What a move has in hand, on the disk: so that a run is always in the store it leaves, in this file, or in the other.
//
// Before anything of a batch is taken from the one store, the whole batch stands here, synced; it is cleared when the other
// store has it. Whoever starts again finds in it what was on the way, and what has been moved so far.
//
// Before this file comes the store contract. After it comes the move.
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { MovedRun } from "../store/contract.js";
import { UsageError } from "./errors.js";

export interface MoveState {
  /** The words by which stores know their databases. */
  readonly from: string;
  readonly to: string;
  /** Runs moved, by state, and the sum of their digests as read on either side. */
  readonly moved: Readonly<Record<string, number>>;
  readonly sent: string;
  readonly received: string;
  /** What is on its way. */
  readonly batch: readonly MovedRun[];
}

export interface Journal {
  /** What was written last; undefined: no move has begun here. */
  readonly found: MoveState | undefined;
  write(state: MoveState): void;
  remove(): void;
}

/** @throws UsageError when the file is of another move, or no journal */
export function openJournal(path: string, from: string, to: string): Journal {
  const found = existsSync(path) ? read(path) : undefined;
  if (found !== undefined && (found.from !== from || found.to !== to)) {
    throw new UsageError(
      `${path} is the journal of a move between two other stores, which is not over: ${found.batch.length} runs are in it ` +
        "and nowhere else. Finish that move first, or name another file with --journal.",
    );
  }
  return {
    found,
    write: (state) => replace(path, JSON.stringify(state)),
    remove: () => rmSync(path, { force: true }),
  };
}

function read(path: string): MoveState {
  try {
    const state: MoveState = JSON.parse(readFileSync(path, "utf8"));
    if (typeof state.from === "string" && Array.isArray(state.batch)) return state;
  } catch (cause) {
    throw new UsageError(
      `${path} cannot be read as the journal of a move. Name another file with --journal.`,
      {
        cause,
      },
    );
  }
  throw new UsageError(`${path} is no journal of a move. Name another file with --journal.`);
}

/** The old file or the new one, whatever happens in between. */
function replace(path: string, text: string): void {
  const beside = `${path}.new`;
  write(beside, text);
  renameSync(beside, path);
  if (process.platform !== "win32") syncFolder(dirname(path));
}

function write(path: string, text: string): void {
  const file = openSync(path, "w", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
