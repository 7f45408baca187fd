// The hand: what people and applications do to runs that are not executing for them, and what they ask about one.
//
// Everything that changes runs works by id, in slices, each a transaction of its own, and answers for each whether it did
// something.
import { isId } from "../../kernel/index.js";
import type { LogLine, PauseTarget, RunChange, StoredRun, TimelineEvent } from "../contract.js";
import { Findings } from "../findings.js";
import type { Row } from "./driver.js";
import type { Errands } from "./errands.js";
import { type Gates, namesIn } from "./gates.js";
import { storedRunFrom } from "./rows.js";
import { type Session, slices } from "./session.js";
import { statements } from "./statements.js";
import {
  idList,
  jsonText,
  listOf,
  numberOf,
  optionalNumber,
  optionalText,
  plainList,
  truthOf,
  withoutNul,
} from "./text.js";

const slice = 1_000;
type Tell = (found: Findings) => void;

/** Runs by id, in the order asked for; undefined where there is none. */
export async function find(session: Session, ids: readonly string[]): Promise<(StoredRun | undefined)[]> {
  const found = new Map<string, StoredRun>();
  for (const some of slices(ids, slice)) {
    for (const row of await session.ask(statements.findRuns, { ids: idList(some) })) {
      const run = storedRunFrom(row);
      found.set(run.id, run);
    }
  }
  return ids.map((id) => found.get(id));
}

/** Ends runs that are not running; asks for the end of those that are. */
export async function cancel(
  session: Session,
  ids: readonly string[],
  reason: string,
  tell: Tell,
  behind: Behind,
): Promise<boolean[]> {
  const values = { reason: withoutNul(reason), now: session.now() };
  return eachSlice(session, ids, statements.cancel, values, tell, behind, (answer, id, found) => {
    if (answer === "ended") found.ended.push(id);
    if (answer === "asked") found.asked = true;
    return answer !== null;
  });
}

/** Makes failed and cancelled runs ready again, with all attempts. */
export async function retry(
  session: Session,
  ids: readonly string[],
  tell: Tell,
  errands: Errands,
): Promise<boolean[]> {
  const values = { now: session.now() };
  return eachSlice(session, ids, statements.retry, values, tell, { errands }, (answer, _id, found) => {
    if (answer === "t") found.claimable = true;
    return answer === "t";
  });
}

/** Gives runs that are not running another queue, priority or start. */
export async function change(
  session: Session,
  ids: readonly string[],
  { queue, priority, due }: RunChange,
  tell: Tell,
  gates: Gates,
): Promise<boolean[]> {
  const asked = {
    queue: queue === undefined ? undefined : withoutNul(queue),
    priority,
    due_at: due !== undefined && "at" in due ? due.at : undefined,
    due_after: due !== undefined && "after" in due ? due.after : undefined,
  };
  const values = { change: jsonText(asked), now: session.now() };
  return eachSlice(session, ids, statements.change, values, tell, { gates }, (answer, _id, found) => {
    if (answer !== "t") return false;
    found.claimable = true;
    if (due !== undefined) found.dueAt("at" in due ? due.at : session.time() + due.after);
    return true;
  });
}

/** Removes runs that are not running. */
export async function remove(
  session: Session,
  ids: readonly string[],
  tell: Tell,
  behind: Behind,
): Promise<boolean[]> {
  const values = { now: session.now() };
  return eachSlice(session, ids, statements.remove, values, tell, behind, (answer, id, found) => {
    if (answer === "live") found.ended.push(id);
    return answer !== null;
  });
}

/** What is done behind a change of runs: places are handed over, and others are told. */
interface Behind {
  readonly gates?: Gates;
  readonly errands?: Errands;
}

async function eachSlice(
  session: Session,
  ids: readonly string[],
  statement: string,
  values: Readonly<Record<string, string | null>>,
  tell: Tell,
  { gates, errands }: Behind,
  judge: (answer: string | null, id: string, found: Findings) => boolean,
): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (const some of slices(ids, slice)) {
    const found = new Findings();
    const known = [...new Set(some.filter(isId))];
    const perform = () => session.ask(statement, { ...values, ids: plainList(known) });
    const [row = []] = await (gates === undefined ? perform() : gates.around(known, perform));
    const [given, alsoEnded, freed, due] = row;
    const byId = new Map(listOf(given).map((answer, index) => [known[index], answer]));
    const changed = known.filter((id) => !unchanged.has(byId.get(id) ?? null));
    for (const id of some) {
      answers.push(judge(byId.get(id) ?? null, id, found));
      byId.delete(id);
    }
    found.ended.push(...namesIn(alsoEnded));
    found.claimable ||= truthOf(freed);
    found.dueAt(optionalNumber(due));
    tell(found);
    await errands?.attend([...changed, ...namesIn(alsoEnded)]);
  }
  return answers;
}

/** Answers by which nothing has come to an end, or begun again. */
const unchanged: ReadonlySet<string | null> = new Set([null, "asked", "f"]);

/** What happened to a run, and what it logged. */
export async function timeline(
  session: Session,
  run: string,
): Promise<{ events: TimelineEvent[]; logs: LogLine[] }> {
  if (!isId(run)) return { events: [], logs: [] };
  const [events, logs] = await Promise.all([
    session.ask(statements.timeline, { run }),
    session.ask(statements.logs, { run }),
  ]);
  return { events: events.map(eventFrom), logs: logs.map(lineFrom) };
}

export function eventFrom([at, kind, attempt, token, worker, detail]: Row): TimelineEvent {
  return {
    at: numberOf(at),
    kind: kind as TimelineEvent["kind"],
    attempt: numberOf(attempt),
    token: numberOf(token),
    worker: optionalText(worker),
    detail: detail === null || detail === undefined ? undefined : JSON.parse(detail),
  };
}

export function lineFrom([at, attempt, level, message, fields]: Row): LogLine {
  return {
    at: numberOf(at),
    attempt: numberOf(attempt),
    level: level as LogLine["level"],
    message: message ?? "",
    fields: fields === null || fields === undefined ? undefined : JSON.parse(fields),
  };
}

function pauseValues(target: PauseTarget): { kind: string; name: string } {
  return "queue" in target ? { kind: "queue", name: target.queue } : { kind: "job", name: target.job };
}

/** Pauses a queue, which claims then pass over, or a job, whose runs are then parked. */
export async function pause(session: Session, target: PauseTarget): Promise<void> {
  await session.ask(statements.pause, { ...pauseValues(target), now: session.now() });
}

/** Ends a pause, and wakes what waited for that. */
export async function resume(session: Session, target: PauseTarget, tell: Tell): Promise<void> {
  await session.ask(statements.resume, { ...pauseValues(target), now: session.now() });
  const found = new Findings();
  found.claimable = true;
  tell(found);
}

/** Everything that is paused. */
export async function paused(session: Session): Promise<PauseTarget[]> {
  const rows = await session.ask(statements.pauses);
  return rows.map(([kind, name]) => (kind === "queue" ? { queue: name ?? "" } : { job: name ?? "" }));
}
