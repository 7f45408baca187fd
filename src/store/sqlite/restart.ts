// A run that begins anew: another input, and nothing on record but how often it has.
//
// Before this file comes the settlement that says so. After it come the statements.
import { restartEntry } from "../../run/index.js";
import type { Settlement } from "../contract.js";
import { endChildren, type Movable } from "./moves.js";
import { statements } from "./statements.js";
import { bodyBit, isLong } from "./texts.js";
import type { Transaction } from "./writer.js";

/** Answers the run as it is by that. */
export function startOver<Run extends Movable>(
  transaction: Transaction,
  run: Run,
  { input, version, times }: NonNullable<Settlement["restart"]>,
  now: number,
): Run {
  const { sql } = transaction;
  const { seq, id } = run;
  endChildren(transaction, id, now);
  sql.run(statements.deleteEntry, { seqs: `[${seq}]` });
  const { name, kind, state, value } = restartEntry(times);
  sql.run(statements.insertEntry, {
    run: seq,
    name,
    kind,
    hash: null,
    state,
    position: 1,
    value,
    error: null,
    dueAt: null,
    attempts: 0,
    now,
  });
  const isInBody = isLong(input);
  if (isInBody) sql.run(statements.writeBodyInput, { run: seq, input });
  const body = (run.body & ~bodyBit.input) | (isInBody ? bodyBit.input : 0);
  sql.run(statements.restartInput, { seq, version, input: isInBody ? null : input, body });
  return { ...run, body };
}
