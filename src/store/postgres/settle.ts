// Settling: how executions end.
//
// Settlements that are made side by side share a statement. Most say that a run succeeded and nothing else: those end
// in one statement over lists; the others are looked at one by one, inside of one function and one commit. Runs with a
// unique key are settled apart: an application's transaction that changes one has its row locked for as long as it likes,
// and nobody else shall wait for that.
import { group } from "../../kernel/index.js";
import type { NewRun, Note, Settled, Settlement, Settling } from "../contract.js";
import { Findings } from "../findings.js";
import { createApart } from "./apart.js";
import type { Claims, Loss } from "./claim.js";
import type { Row } from "./driver.js";
import type { Errands } from "./errands.js";
import { type Gates, namesIn } from "./gates.js";
import { type Session, slices } from "./session.js";
import { refuseChildren, refuseHanging, settlementItem } from "./shapes.js";
import { statements } from "./statements.js";
import { jsonText, listOf, optionalNumber, plainList, textList } from "./text.js";
import { recordLosses } from "./workers.js";

const largestSettle = 1_000;
const settlesAtOnce = 2;
/** Longer outputs stand beside their run; the migration says the same. */
const longestInline = 2_000;
/** How long a run is kept when nobody said: the longest of the documented defaults, 90 days. */
const keepUnlessSaid = 90 * 24 * 60 * 60_000;

const refused: Settled = Object.freeze({ taken: false });
const succeeded: Settled = Object.freeze({ taken: true, state: "succeeded" });

interface Answered<Answer = Settled> {
  readonly settled: Answer;
  readonly behind: Promise<unknown> | undefined;
}

/** A way to end executions, shared by all that end side by side. */
export function createSettle(parts: {
  readonly session: Session;
  readonly claims: Claims;
  readonly gates: Gates;
  readonly errands: Errands;
  readonly tell: (found: Findings) => void;
  readonly makeLanes: (runs: readonly NewRun[]) => Promise<void>;
}): (settlements: readonly Settling[]) => Promise<Settled[]> {
  const { session, claims, gates, errands, tell, makeLanes } = parts;
  const plain = group({
    limit: largestSettle,
    atOnce: settlesAtOnce,
    write: async (calls: (readonly Settlement[])[]): Promise<Answered<Settled[]>[]> => {
      const answers: Settled[] = [];
      const unfinished: string[] = [];
      for (const batch of slices(calls.flat(), largestSettle))
        answers.push(...(await writePlain(batch, unfinished)));
      const behind = unfinished.length === 0 ? undefined : errands.attend(unfinished);
      return parted(answers, calls).map((settled) => ({ settled, behind }));
    },
  });
  const others = group({
    limit: largestSettle,
    async write(batch: Settlement[]): Promise<Answered[]> {
      let behind: Promise<void> | undefined;
      const answers = await writing(batch, async (done) => {
        const row = await settleOthers(session, batch, done);
        behind = finish(row);
        return listOf(row[0]).map(settledAs);
      });
      return answers.map((settled) => ({ settled, behind }));
    },
  });

  /** What a settlement has left to be done: the one that left it waits for that, and nobody else. */
  async function finish([, unfinished, due]: Row): Promise<void> {
    const found = new Findings();
    found.dueAt(optionalNumber(due));
    tell(found);
    await errands.attend(namesIn(unfinished));
  }

  async function other(settlement: Settlement): Promise<Settled> {
    const { settled, behind } = await others(settlement);
    await behind;
    return settled;
  }

  async function quick(settlements: readonly Settlement[]): Promise<Settled[]> {
    const { settled, behind } = await plain(settlements);
    await behind;
    return settled;
  }

  /** Those of which something was left behind go into `unfinished`. */
  async function writePlain(batch: readonly Settlement[], unfinished: string[]): Promise<Settled[]> {
    const [firsts, repeated] = apart(batch);
    const answers = await writing(firsts, async (done) => {
      const row = await settlePlain(session, firsts, done);
      unfinished.push(...namesIn(row[1]));
      return takenOf(firsts, row[0] ?? null);
    });
    if (repeated.length === 0) return answers;
    const later = await Promise.all(repeated.map(other));
    return batch.map(
      (one) =>
        (firsts.includes(one) ? answers[firsts.indexOf(one)] : later[repeated.indexOf(one)]) ?? refused,
    );
  }

  async function writing(
    batch: readonly Settlement[],
    write: (done: readonly string[]) => Promise<Settled[]>,
  ): Promise<Settled[]> {
    const done = claims.takeDone(batch);
    let answers: Settled[];
    try {
      answers = await heardOf(session, claims, batch, await around(batch, () => write(done)));
    } catch (error) {
      claims.giveBackDone(done.filter((claim) => batch.every((settlement) => settlement.claim !== claim)));
      throw error;
    }
    await concluded(batch, answers);
    return answers;
  }

  function around<T>(batch: readonly Settlement[], write: () => Promise<T>): Promise<T> {
    const strangers = batch.filter((settlement) => !claims.knows(settlement)).map(({ run }) => run);
    return strangers.length === 0 ? write() : gates.around(strangers, write);
  }

  /** What follows from answers: others are told, and what the runs had goes to the next in line. */
  async function concluded(batch: readonly Settlement[], answers: readonly Settled[]): Promise<void> {
    const found = findingsOf(batch, answers, session.time());
    // A parent may have been woken.
    found.claimable ||= found.ended.length > 0 && batch.some((settlement) => claims.isDurable(settlement));
    const keys: string[] = [];
    const holding: (() => Promise<void>)[] = [];
    for (const [index, settlement] of batch.entries()) {
      if (answers[index]?.taken) {
        const { keys: own = [], rates = [] } = claims.gatesOf(settlement) ?? {};
        const queue = claims.queueOf(settlement);
        const { holdBack } = settlement;
        keys.push(...own);
        if (holdBack !== undefined && queue !== undefined)
          holding.push(() => gates.holdBack(rates, queue, holdBack));
      }
      claims.answered(settlement);
    }
    tell(found);
    for (const hold of holding) await hold();
    if (keys.length > 0) await gates.handOver(keys);
  }

  const settleApart = createApart({
    session,
    claims,
    makeLanes,
    around,
    async conclude(batch, given) {
      const answers = await heardOf(session, claims, batch, given);
      await concluded(batch, answers);
      return answers;
    },
    answerFrom: settledAs,
    finish,
  });

  const isApart = (settlement: Settling): boolean =>
    claims.isKeyed(settlement) || (settlement.follow !== undefined && settlement.follow.length > 0);

  const isQuick = (settlement: Settling): boolean => isPlain(settlement) && !claims.isDurable(settlement);

  const one = async (settlement: Settling): Promise<Settled> => {
    if (isApart(settlement)) return settleApart(settlement);
    return isQuick(settlement) ? ((await quick([settlement]))[0] ?? refused) : other(settlement);
  };

  return (settlements) => {
    const followers = settlements.flatMap(({ follow = [] }) => follow);
    refuseHanging(followers);
    refuseChildren(followers);
    if (settlements.every((one) => isQuick(one) && !isApart(one)) && areApart(settlements))
      return quick(settlements);
    /** Of two settlements of one run the first counts: the second waits for its answer. */
    const before = new Map<string, Promise<Settled>>();
    return Promise.all(
      settlements.map((settlement) => {
        const answer = before.get(settlement.run)?.then(() => one(settlement)) ?? one(settlement);
        before.set(settlement.run, answer);
        return answer;
      }),
    );
  };
}

/** Answers in the order of their calls, given back to each. */
function parted(answers: readonly Settled[], calls: readonly (readonly Settlement[])[]): Settled[][] {
  let end = 0;
  return calls.map((call) => {
    const start = end;
    end += call.length;
    return answers.slice(start, end);
  });
}

function areApart(settlements: readonly Settlement[]): boolean {
  return new Set(settlements.map(({ run }) => run)).size === settlements.length;
}

/**
 * A settlement that was repeated because its answer was lost finds that somebody has settled the run: ourselves. What is
 * refused although we know of no end is looked for among what has ended. What is not there has lost its claim.
 */
async function heardOf(
  session: Session,
  claims: Claims,
  batch: readonly Settlement[],
  answers: Settled[],
): Promise<Settled[]> {
  if (answers.every((answer) => answer.taken)) return answers;
  const taken = new Set(batch.flatMap(({ run }, index) => (answers[index]?.taken ? run : [])));
  const doubtful = batch.flatMap((settlement, index) => {
    const loss = taken.has(settlement.run) ? undefined : claims.held(settlement);
    return loss === undefined ? [] : { settlement, index, loss };
  });
  if (doubtful.length === 0) return answers;
  const rows = await session.ask(statements.outcomes, {
    runs: plainList(doubtful.map(({ settlement }) => settlement.run)),
    tokens: plainList(doubtful.map(({ settlement }) => settlement.token)),
    workers: textList(doubtful.map(({ loss }) => loss.worker)),
  });
  const lost: Loss[] = [];
  for (const [number, { settlement, index, loss }] of doubtful.entries()) {
    const outcome = rows[number]?.[0] ?? null;
    if (outcome === null) {
      lost.push(loss);
      continue;
    }
    const state = outcome === "rests" ? settlement.state : (outcome as Settlement["state"]);
    answers[index] = { taken: true, state };
  }
  await recordLosses(session, lost);
  return answers;
}

/** Those that are the first of their run, and those that are not: one statement settles a run once. */
function apart(batch: readonly Settlement[]): [readonly Settlement[], readonly Settlement[]] {
  if (areApart(batch)) return [batch, []];
  const seen = new Set<string>();
  const firsts = batch.filter(({ run }) => seen.size < seen.add(run).size);
  return [firsts, batch.filter((one) => !firsts.includes(one))];
}

function isPlain({ state, giveBack, events, output, claim, holdBack }: Settlement): boolean {
  return (
    holdBack === undefined &&
    state === "succeeded" &&
    !giveBack &&
    claim !== undefined &&
    (events === undefined || events.length === 0) &&
    (output === undefined || output.length <= longestInline / 3)
  );
}

async function settlePlain(
  session: Session,
  batch: readonly Settlement[],
  done: readonly string[],
): Promise<Row> {
  const [row = []] = await session.ask(statements.settlePlain, {
    runs: plainList(batch.map((one) => one.run)),
    tokens: plainList(batch.map((one) => one.token)),
    claims: plainList(batch.map((one) => one.claim ?? "")),
    outputs: textList(batch.map((one) => one.output)),
    keeps: plainList(batch.map((one) => one.keep ?? keepUnlessSaid)),
    done: plainList(done),
    now: session.now(),
  });
  return row;
}

/** `taken` are those that were, null: all of them. */
function takenOf(batch: readonly Settlement[], taken: string | null): Settled[] {
  if (taken === null) return batch.map(() => succeeded);
  const known = new Set(listOf(taken));
  // Another one of the same run, from another caller, is not what was taken.
  return batch.map((one) => (known.delete(one.run) ? succeeded : refused));
}

async function settleOthers(
  session: Session,
  batch: readonly Settlement[],
  done: readonly string[],
): Promise<Row> {
  const [row = []] = await session.ask(statements.settle, {
    items: jsonText(batch.map(settlementItem)),
    done: plainList(done),
    now: session.now(),
  });
  return row;
}

function settledAs(state: string | null): Settled {
  return state === null ? refused : { taken: true, state: state as Settlement["state"] };
}

function findingsOf(batch: readonly Settlement[], answers: readonly Settled[], now: number): Findings {
  const found = new Findings();
  for (const [index, answer] of answers.entries()) {
    const settlement = batch[index];
    if (settlement === undefined || !answer.taken) continue;
    if (answer.state === "ready") found.claimable = true;
    else if (answer.state === "scheduled") found.dueAt(dueOf(settlement, now));
    else if (answer.state !== "waiting") found.ended.push(settlement.run);
  }
  return found;
}

function dueOf({ due }: Settlement, now: number): number | undefined {
  if (due === undefined) return undefined;
  return "at" in due ? due.at : now + due.after;
}

export interface NoteWriter {
  /** Writes log lines and progress; those of an execution that lost its claim are dropped. */
  note(notes: readonly Note[]): Promise<void>;
  /** Resolves when everything that was said so far is written, or could not be. */
  written(): Promise<unknown>;
}

/** Notes go over a connection of their own: a settlement must wait for those before it, since it lowers their fence. */
export function createNoteWriter(session: Session): NoteWriter {
  const writing = new Set<Promise<void>>();

  async function write(notes: readonly Note[]): Promise<void> {
    await session.askOnce(statements.writeNotes, { items: jsonText(itemsOf(notes)), now: session.now() });
  }

  return {
    async note(notes) {
      if (notes.length === 0) return;
      const written = write(notes).finally(() => writing.delete(written));
      writing.add(written);
      await written;
    },
    written: () => Promise.allSettled(writing),
  };
}

/** Notes as the function `write_notes` takes them. */
export function itemsOf(notes: readonly Note[]): object[] {
  return notes.map((item) => {
    const fence = { run: item.run, token: item.token };
    if ("progress" in item) return { ...fence, ...item.progress };
    const { level, message, fields } = item.log;
    return { ...fence, level, message, fields: fields === undefined ? undefined : JSON.parse(fields) };
  });
}
