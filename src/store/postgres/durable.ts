// Durable work: what executions record of their calls, the runs that they start by that, and the signals that runs wait for.
//
// Writes made side by side share a statement and its commit. None of them waits for another's run: one whose row somebody
// has at this moment comes again by itself. Children whose unique key an application's transaction has go by themselves too.
//
// Before this file come `record`, `forget`, `signal` and what moves runs. After it come `errands.ts` and migration 0018.
import { group, isId } from "../../kernel/index.js";
import type { Entry, EntryWrite, NewRun, NewSignal, Recorded } from "../contract.js";
import { Findings } from "../findings.js";
import { type AskThrough, otherDatabase } from "./application.js";
import type { Claims } from "./claim.js";
import type { Row } from "./driver.js";
import type { Errands } from "./errands.js";
import { namesIn } from "./gates.js";
import type { Session } from "./session.js";
import { columnsOf, findingsOf, refuseHanging } from "./shapes.js";
import { statements } from "./statements.js";
import { jsonText, listOf, numberOf, optionalNumber, optionalText, truthOf } from "./text.js";
import { hashOf, isKeyed, unrefused } from "./unique.js";

const largestRecord = 200;
const recordsAtOnce = 2;

const refused: Recorded = Object.freeze({ taken: false });

export interface Durable {
  record(writes: readonly EntryWrite[]): Promise<Recorded[]>;
  entries(run: string): Promise<Entry[]>;
  forget(run: string, entry: string): Promise<boolean>;
  signal(signals: readonly NewSignal[]): Promise<boolean[]>;
  signalIn(connection: unknown, signals: readonly NewSignal[]): Promise<boolean[]>;
}

export function createDurable(parts: {
  readonly session: Session;
  readonly claims: Claims;
  readonly errands: Errands;
  readonly ask: AskThrough;
  readonly tell: (found: Findings) => void;
  /** The text that wakes other processes; null when they shall not be woken. */
  readonly notice: (found: Findings) => string | null;
  /** Sees to the lanes of children. */
  readonly makeLanes: (runs: readonly NewRun[]) => Promise<void>;
}): Durable {
  const { session, claims, errands, ask, tell, notice, makeLanes } = parts;

  /** Undefined: somebody has the row. */
  async function write(batch: readonly EntryWrite[], waits: boolean): Promise<(Recorded | undefined)[]> {
    const items = jsonText(batch.map(itemOf));
    const rows = await session.ask(statements.record, { items, waits: String(waits), now: session.now() });
    return answersIn(rows, batch.length);
  }

  const together = group({
    limit: largestRecord,
    atOnce: recordsAtOnce,
    write: async (batch: EntryWrite[]) => (await write(batch, false)).map((answer) => ({ answer })),
  });

  async function recordOne(one: EntryWrite): Promise<Recorded> {
    const { children = [] } = one;
    const { answer } = children.some(isKeyed) ? { answer: undefined } : await together(one);
    const recorded = answer ?? (await write([one], true))[0] ?? refused;
    if (recorded.taken) claims.markDurable(one);
    if (recorded.taken && children.length > 0) tell(findingsOf(children, session.time()));
    return recorded;
  }

  return {
    async record(writes) {
      const children = writes.flatMap((one) => one.children ?? []);
      refuseHanging(children);
      if (children.length > 0) await makeLanes(children);
      return Promise.all(writes.map(recordOne));
    },
    async entries(run) {
      if (!isId(run)) return [];
      return (await session.ask(statements.entries, { run })).map(entryFrom);
    },
    async forget(run, entry) {
      if (!isId(run)) return false;
      const [row] = await session.ask(statements.forgetEntries, { run, entry, now: session.now() });
      return truthOf(row?.[0]);
    },
    async signal(signals) {
      const known = signals.filter(isPossible);
      if (known.length === 0) return signals.map(() => false);
      const values = { signals: signalsText(known), inside: "false", now: session.now() };
      const [row] = await session.ask(statements.deliverSignals, { ...values, notice: null, nonce: null });
      const found = new Findings();
      found.claimable = truthOf(row?.[2]);
      tell(found);
      await errands.attend(namesIn(row?.[1]));
      return answersFor(signals, row?.[0] ?? null);
    },
    async signalIn(connection, signals) {
      const known = signals.filter(isPossible);
      if (known.length === 0) return signals.map(() => false);
      // Whatever is to be done is to be done at its commit, of which a promotion hears by this.
      const found = new Findings();
      found.claimable = true;
      found.dueAt(session.time());
      const values = { signals: signalsText(known), inside: "true", now: session.now() };
      const [row] = await ask(connection, statements.deliverSignals, { ...values, notice: notice(found) });
      if (row?.answers === null || row?.answers === undefined) throw otherDatabase(session);
      return answersFor(signals, String(row.answers));
    },
  };
}

/** A write as the function `record` takes it, with its children as the lists that record runs. */
function itemOf({ run, token, claim, entries, children = [], after }: EntryWrite): object {
  const item = { run, token, claim, entries, after };
  if (children.length === 0) return item;
  const { ids, inputs, numbers, shapes, isLong, keys } = columnsOf(children.map(unrefused));
  return {
    ...item,
    children: { ids, inputs, numbers, shapes: JSON.parse(String(shapes)), isLong, keys },
  };
}

/** The answers of `record.sql`, in which what has settled comes behind the answer to its write. */
function answersIn(rows: readonly Row[], count: number): (Recorded | undefined)[] {
  const answers: (Recorded | undefined)[] = new Array(count).fill(refused);
  const settled = new Map<number, Entry[]>();
  for (const [item, answer, name, ...entry] of rows) {
    const place = numberOf(item) - 1;
    if (name !== null && name !== undefined) settled.get(place)?.push(entryFrom([name, ...entry]));
    else if (answer === "busy") answers[place] = undefined;
    else if (answer === "taken") {
      const own: Entry[] = [];
      settled.set(place, own);
      answers[place] = { taken: true, settled: own };
    }
  }
  return answers;
}

export function entryFrom(row: Row): Entry {
  const [name, kind, hash, state, position, value, error, dueAt, attempts, writtenAt] = row;
  return {
    name: name ?? "",
    kind: kind as Entry["kind"],
    state: state as Entry["state"],
    hash: optionalText(hash),
    position: optionalNumber(position),
    value: optionalText(value),
    error: error === null || error === undefined ? undefined : JSON.parse(error),
    due: dueAt === null || dueAt === undefined ? undefined : { at: Number(dueAt) },
    attempts: Number(attempts),
    at: optionalNumber(writtenAt),
  };
}

/** No run has another kind of id. */
function isPossible({ to }: NewSignal): boolean {
  return "key" in to || isId(to.run);
}

function signalsText(signals: readonly NewSignal[]): string {
  return jsonText(
    signals.map(({ id, to, name, payload }) => ({
      id,
      name,
      payload,
      ...("run" in to ? { run: to.run } : { key: hashOf(to) }),
    })),
  );
}

function answersFor(signals: readonly NewSignal[], text: string | null): boolean[] {
  const answers = listOf(text);
  return signals.map((signal) => isPossible(signal) && answers.shift() === "t");
}
