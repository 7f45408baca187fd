// What people should know of the database under a queue.
import type { Doctor } from "../contract.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { numberOf } from "./text.js";

type Note = Doctor["notes"][number];

/** A snapshot held longer than this keeps dead rows: milliseconds. */
const longHeld = 10 * 60_000;

/** Looks at the server, the schema, and what may become trouble. */
export async function examine(session: Session): Promise<Doctor> {
  const [row] = await session.ask(statements.examine, { now: session.now() });
  const [version, migration, daysAhead, oldest, holder, queueUsage, liveSize, synchronous] = row ?? [];
  const notes: Note[] = [];
  const note = (level: Note["level"], text: string): void => void notes.push({ level, text });
  if (numberOf(daysAhead) < 2) {
    note(
      "warn",
      `History has partitions for ${daysAhead} days ahead. A running worker makes them: is one running?`,
    );
  } else note("ok", `History has partitions for ${daysAhead} days ahead.`);
  if (numberOf(oldest) > longHeld) {
    note(
      "warn",
      `A transaction holds its snapshot for ${Math.round(numberOf(oldest) / 60_000)} minutes (${holder}): dead rows stay until it ends. ` +
        "Claims are not slowed by it; the tables grow.",
    );
  }
  if (numberOf(queueUsage) > 0.5) {
    note(
      "warn",
      `The server's queue of notifications is ${Math.round(numberOf(queueUsage) * 100)} % full: some listener is idle in a transaction. ` +
        "When it is full, commits that notify fail. End that session, or open with notify: false.",
    );
  }
  if (synchronous === "off") {
    note(
      "warn",
      "synchronous_commit is off: a run that was acknowledged can be lost when the server crashes.",
    );
  }
  note("ok", `Live runs take ${liveSize} in ${session.where}.`);
  return { store: "postgres", version: version ?? "", migration: numberOf(migration), notes };
}
