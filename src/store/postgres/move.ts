// Moving: how runs leave for another store, and how they come from one.
//
// A run that has ended is appended to history, at the day it ended, whose partition is made first and apart: that takes
// a lock which nobody should hold longer than it takes.
import type { BatchCounts, MovedBatch, MovedRun, NewRun, StoredRun } from "../contract.js";
import { Findings } from "../findings.js";
import { checkMoved, highestToken, limitsOf } from "../moved.js";
import type { Row } from "./driver.js";
import { entryFrom } from "./durable.js";
import type { Errands } from "./errands.js";
import { batchFrom, callbackOf, policies } from "./flow.js";
import type { Gates } from "./gates.js";
import { eventFrom, find, lineFrom } from "./hand.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { idList, jsonText, listOf, plainList } from "./text.js";

type Tell = (found: Findings) => void;

/** Runs with all that belongs to them. */
export async function read(session: Session, ids: readonly string[]): Promise<MovedRun[]> {
  const values = { ids: idList(ids) };
  // The runs first: when one of them changes meanwhile, it is not released as what was read.
  const runs = await find(session, ids);
  const counted = idList([...new Set(runs.flatMap((run) => run?.batch ?? []))]);
  const [admission, needs, batches, events, logs, entries, signals] = await Promise.all([
    session.ask(statements.admissionOfRuns, values).then(byRun),
    session.ask(statements.needsOfRuns, values).then(byRun),
    session.ask(statements.outerBatches, { ids: counted }).then(byRun),
    session.ask(statements.timelines, values).then(byRun),
    session.ask(statements.logsOfRuns, values).then(byRun),
    session.ask(statements.entriesOfRuns, values).then(byRun),
    session.ask(statements.signalsOfRuns, values).then(byRun),
  ]);
  return runs.flatMap((run) =>
    run === undefined
      ? []
      : [
          {
            run: { ...run, ...neededBy(needs.get(run.id)?.[0]) },
            ...policyFrom(needs.get(run.id)?.[0]),
            ...batchesFrom(batches.get(run.batch ?? "") ?? []),
            ...admissionFrom(admission.get(run.id)?.[0]),
            events: (events.get(run.id) ?? []).map(eventFrom),
            logs: (logs.get(run.id) ?? []).map(lineFrom),
            entries: (entries.get(run.id) ?? []).map(entryFrom),
            ...signalsFrom(signals.get(run.id) ?? []),
          },
        ],
  );
}

function admissionFrom([gates, fair]: Row = []): Pick<MovedRun, "gates" | "fair"> {
  return {
    ...(gates === null || gates === undefined ? {} : { gates: JSON.parse(gates) }),
    ...(fair === null || fair === undefined ? {} : { fair }),
  };
}

/** All of those that it comes after, where its record has the first of them. */
function neededBy(row: Row | undefined): Pick<StoredRun, "after"> {
  return row === undefined ? {} : { after: JSON.parse(row[1] ?? "[]") };
}

function policyFrom(row: Row | undefined): Pick<MovedRun, "onParentFailure"> {
  const policy = (["cancel", "run"] as const).find((one) => row?.[0] === String(policies[one]));
  return policy === undefined ? {} : { onParentFailure: policy };
}

function batchesFrom(rows: readonly Row[]): Pick<MovedRun, "batches"> {
  return rows.length === 0 ? {} : { batches: rows.map(movedBatchFrom) };
}

function movedBatchFrom(row: Row): MovedBatch {
  const batch = batchFrom(row);
  const [elsewhere, onSuccess, onFinished, nonce] = row.slice(10);
  const others: Record<string, BatchCounts> = JSON.parse(elsewhere ?? "{}");
  const own = Object.values(others).reduce<BatchCounts>(
    (rest, { total, succeeded, failed, cancelled }) => ({
      total: rest.total - total,
      succeeded: rest.succeeded - succeeded,
      failed: rest.failed - failed,
      cancelled: rest.cancelled - cancelled,
    }),
    batch,
  );
  const { total, succeeded, failed, cancelled } = own;
  return {
    ...batch,
    counted: { ...others, [nonce ?? ""]: { total, succeeded, failed, cancelled } },
    ...callbackFrom("onSuccess", onSuccess),
    ...callbackFrom("onFinished", onFinished),
  };
}

function callbackFrom(
  name: "onSuccess" | "onFinished",
  text: string | null | undefined,
): { readonly [Name in typeof name]?: NewRun } {
  return text === null || text === undefined ? {} : { [name]: JSON.parse(text) };
}

function signalsFrom(rows: readonly Row[]): Pick<MovedRun, "signals"> {
  if (rows.length === 0) return {};
  return {
    signals: rows.map(([id, name, payload]) => ({
      id: id ?? "",
      name: name ?? "",
      payload: payload ?? undefined,
    })),
  };
}

/** Rows that begin with their run, by it, without it. */
function byRun(rows: readonly Row[]): Map<string, Row[]> {
  const found = new Map<string, Row[]>();
  for (const [run, ...row] of rows) {
    const known = found.get(run ?? "");
    if (known === undefined) found.set(run ?? "", [row]);
    else known.push(row);
  }
  return found;
}

/** Removes runs that still are what somebody has read. */
export async function release(
  session: Session,
  runs: readonly Pick<StoredRun, "id" | "token" | "state">[],
  tell: Tell,
  { gates, errands }: { readonly gates: Gates; readonly errands: Errands },
): Promise<boolean[]> {
  if (runs.length === 0) return [];
  const ids = runs.map(({ id }) => id);
  const [row] = await gates.around(ids, () =>
    session.ask(statements.release, {
      ids: plainList(ids),
      tokens: plainList(runs.map(({ token }) => token)),
      states: plainList(runs.map(({ state }) => state)),
    }),
  );
  const gone = new Set(listOf(row?.[0]));
  const found = new Findings();
  for (const id of gone) if (id !== null) found.ended.push(id);
  tell(found);
  await errands.attend(found.ended);
  return runs.map(({ id }) => gone.has(id));
}

/** Records runs as they stood in another store. */
export async function adopt(
  session: Session,
  runs: readonly MovedRun[],
  tell: Tell,
  errands: Errands,
): Promise<boolean[]> {
  checkMoved(runs, "with batches");
  if (runs.length === 0) return [];
  const ended = runs.flatMap(({ run }) =>
    run.finishedAt === undefined ? [] : [{ at: run.finishedAt, keep: (run.expiresAt ?? 0) - run.finishedAt }],
  );
  if (ended.length > 0) {
    await session.ask(statements.extendHistoryTo, {
      finished: plainList(ended.map(({ at }) => at)),
      keeps: plainList(ended.map(({ keep }) => keep)),
    });
  }
  // Of two readings of one batch the later one counts.
  const batches = new Map(runs.flatMap(({ batches: own = [] }) => own.map((batch) => [batch.id, batch])));
  const rows = await session.ask(statements.adopt, {
    items: jsonText(runs.map(itemOf)),
    batches: jsonText([...batches.values()].map(batchItemOf)),
    token: highestToken(runs),
    now: session.now(),
  });
  const recorded = new Set(rows.map((row) => row[0]));
  tell(findingsOf(runs));
  await errands.attend([...rows.flatMap((row) => row[0] ?? []), ...batches.keys()]);
  return runs.map(({ run }) => recorded.has(run.id));
}

function findingsOf(runs: readonly MovedRun[]): Findings {
  const found = new Findings();
  for (const { run } of runs) {
    if (run.finishedAt !== undefined) continue;
    found.claimable = true;
    for (const due of [run.state === "scheduled" ? run.runAt : undefined, run.startBy, run.finishBy])
      found.dueAt(due);
  }
  return found;
}

function batchItemOf({ onSuccess, onFinished, ...batch }: MovedBatch): object {
  return {
    ...batch,
    on_success: callbackOf(onSuccess),
    on_finished: callbackOf(onFinished),
    created_at: batch.createdAt,
    finished_at: batch.finishedAt,
    succeeded_at: batch.succeededAt,
  };
}

function itemOf(moved: MovedRun): object {
  const { run, gates = [], fair, events, logs, entries, signals = [] } = moved;
  const { startWithin, finishWithin } = limitsOf(moved);
  return {
    ...run,
    requested_at: run.requestedAt,
    run_at: run.runAt,
    started_at: run.startedAt,
    finished_at: run.finishedAt,
    expires_at: run.expiresAt,
    start_within: startWithin,
    finish_within: finishWithin,
    start_by: run.startBy,
    finish_by: run.finishBy,
    wait_reason: run.waiting?.reason,
    wait_on: run.waiting?.reason === "dependency" ? undefined : run.waiting?.on,
    policy: policies[moved.onParentFailure ?? "fail"],
    error: run.error === undefined ? undefined : jsonText(run.error),
    tags: run.tags.length === 0 ? undefined : run.tags,
    meta: Object.keys(run.meta).length === 0 ? undefined : run.meta,
    gates: gates.length === 0 ? undefined : gates,
    fair,
    events,
    logs,
    signals,
    entries: entries.map(({ due, at, ...entry }) => ({
      ...entry,
      written_at: at,
      due_at: due !== undefined && "at" in due ? due.at : undefined,
    })),
  };
}
