// A store that wraps a store, and keeps from it what it stores: encrypted on the way in, opened on the way out.
//
// Everything above it is unaware, and so is the store below: what is sealed is JSON, like what is not. Rows that were written
// before, or with SQL, are read as they are. Search for a text in inputs is refused, since it would find nothing.
//
// Before this file come `open({ encryption })` and the shapes. After it comes the store that was opened.

import { InvalidOptionError } from "../kernel/index.js";
import type {
  DueSchedules,
  NewSchedule,
  Prepared,
  RunFilter,
  ScheduleRow,
  Settlement,
  Store,
} from "./contract.js";
import { type Shapes, shapesOf } from "./sealed-shapes.js";
import { createSealing, type Encryption, envelopeIn, type Sealing } from "./sealing.js";

/**
 * The same store, in which what applications put in is encrypted.
 *
 * @throws InvalidOptionError for keys that are none
 */
export function encrypted(store: Store, encryption: Encryption): Store {
  const sealing = createSealing(encryption);
  const changed: Partial<Store> = {
    ...intake(store, shapesOf(sealing)),
    ...work(store, shapesOf(sealing)),
    ...hand(store, shapesOf(sealing)),
    ...schedules(store, sealing, shapesOf(sealing)),
    ...moving(store, shapesOf(sealing)),
    async doctor() {
      const found = await store.doctor();
      const names = Object.keys(encryption.keys).filter((name) => name !== encryption.current);
      const old = names.length === 0 ? "" : `; older keys at hand: ${names.join(", ")}`;
      const text = `inputs, results and outputs are encrypted under key "${encryption.current}"${old}`;
      return { ...found, notes: [...found.notes, { level: "ok", text }] };
    },
  };
  return new Proxy(store, {
    get(target, name) {
      const isChanged = Object.hasOwn(changed, name) && Reflect.get(target, name) !== undefined;
      const member: unknown = Reflect.get(isChanged ? changed : target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

function intake(store: Store, { sealRun, sealError }: Shapes): Partial<Store> {
  const sealed = <Run extends Parameters<typeof sealRun>[0] & { readonly id: string }>(
    runs: readonly Run[],
  ) => runs.map((run) => sealRun(run, run.id));
  return {
    insert: (runs, batches) => store.insert(sealed(runs), batches),
    insertIn: (transaction, runs, batches) => store.insertIn(transaction, sealed(runs), batches),
    insertInSync(transaction, runs, batches) {
      if (store.insertInSync === undefined) throw new TypeError("the store has no insertInSync");
      return store.insertInSync(transaction, sealed(runs), batches);
    },
    prepare: (prepared) =>
      store.prepare(
        prepared.map(
          (one): Prepared =>
            "invalid" in one
              ? { ...one, invalid: sealError(one.invalid, one.id) }
              : { ...one, run: sealRun(one.run, one.id) },
        ),
      ),
  };
}

function work(store: Store, shapes: Shapes): Partial<Store> {
  const { sealEntry, sealRun, sealSettling, sealNote, openClaimed, openEntry } = shapes;
  /** The store below knows again the settlement that it was given. */
  const inTransactions = new WeakMap<Settlement, Settlement>();
  type Write = Parameters<Store["recordIn"]>[1];
  const sealedWrite = (write: Write): Write => ({
    ...write,
    entries: write.entries.map((entry) => sealEntry(entry, write.run)),
    ...(write.children === undefined ? {} : { children: write.children.map((run) => sealRun(run, run.id)) }),
  });
  type Answer = Awaited<ReturnType<Store["recordIn"]>>;
  const opened = (answer: Answer, run: string): Answer =>
    answer.taken ? { taken: true, settled: answer.settled.map((entry) => openEntry(entry, run)) } : answer;
  return {
    async claim(request) {
      const claimed = await store.claim(request);
      return claimed.map(openClaimed);
    },
    settle: (settlements) => store.settle(settlements.map(sealSettling)),
    settleIn(transaction, settlement, notes) {
      const sealed = sealSettling(settlement);
      inTransactions.set(settlement, sealed);
      return store.settleIn(transaction, sealed, notes.map(sealNote));
    },
    committed: (settlement) => store.committed(inTransactions.get(settlement) ?? settlement),
    async record(writes) {
      const answers = await store.record(writes.map(sealedWrite));
      return answers.map((answer, place) => opened(answer, writes[place]?.run ?? ""));
    },
    async recordIn(transaction, write) {
      return opened(await store.recordIn(transaction, sealedWrite(write)), write.run);
    },
    async entries(run) {
      const entries = await store.entries(run);
      return entries.map((entry) => openEntry(entry, run));
    },
    note: (notes) => store.note(notes.map(sealNote)),
  };
}

function hand(store: Store, { openRun, openEvent, openLog, sealSignal }: Shapes): Partial<Store> {
  return {
    async find(ids) {
      const runs = await store.find(ids);
      return runs.map((run) => (run === undefined ? undefined : openRun(run)));
    },
    async list(filter, page) {
      refuseText(filter);
      const { runs, next } = await store.list(filter, page);
      return { runs: runs.map(openRun), next };
    },
    async count(filter) {
      refuseText(filter);
      return store.count(filter);
    },
    async timeline(run) {
      const { events, logs } = await store.timeline(run);
      return { events: events.map((one) => openEvent(one, run)), logs: logs.map((one) => openLog(one, run)) };
    },
    signal: (signals) => store.signal(signals.map(sealSignal)),
    signalIn: (transaction, signals) => store.signalIn(transaction, signals.map(sealSignal)),
  };
}

/** Ids, tags and meta are in plain; a text in an input would never be found, which must not look like there being none. */
function refuseText({ text }: RunFilter): void {
  if (text === undefined) return;
  throw new InvalidOptionError(
    "A filter has `text`, and the inputs of this store are encrypted: it would find none of them. Look by job, tag, meta or id.",
  );
}

/** Stores compare the input of a schedule with the one before: so equal ones are sealed equally. */
function schedules(store: Store, sealing: Sealing, { sealRun }: Shapes): Partial<Store> {
  const of = (name: string): string => `schedule:${name}`;
  const sealed = (one: NewSchedule): NewSchedule =>
    one.input === undefined
      ? one
      : { ...one, input: JSON.stringify(sealing.seal(one.input, of(one.name), true)) };
  function opened<Row extends Pick<ScheduleRow, "name" | "input">>(row: Row): Row {
    const envelope = row.input === undefined ? undefined : envelopeIn(row.input);
    if (envelope === undefined) return row;
    return { ...row, input: sealing.open(envelope, (name) => name === of(row.name)) ?? row.input };
  }
  return {
    publishSchedules: (worker, all, about) => store.publishSchedules(worker, all.map(sealed), about),
    putSchedule: (one, how, release) => store.putSchedule(sealed(one), how, release),
    async dueSchedules(served, limit): Promise<DueSchedules> {
      const found = await store.dueSchedules(served, limit);
      return { ...found, due: found.due.map(opened) };
    },
    async schedules(names) {
      const rows = await store.schedules(names);
      return rows.map(opened);
    },
    tick: (writes) =>
      store.tick(writes.map((write) => ({ ...write, runs: write.runs.map((run) => sealRun(run, run.id)) }))),
  };
}

function moving(store: Store, { openMoved, sealMoved }: Shapes): Partial<Store> {
  return {
    async read(ids) {
      const moved = await store.read(ids);
      return moved.map(openMoved);
    },
    adopt: (runs) => store.adopt(runs.map(sealMoved)),
  };
}
