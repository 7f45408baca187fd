// The door of the SQLite store: a file as the home of runs.
//
// Here the parts are put together and nothing is decided: a connection of our own, the writer that shares commits, the
// watch that hears of changes, and the verbs, each a function over the session made here. Opening is lazy: whoever
// calls a verb first opens the file.
//
// Before this come `open()` and the worker, which choose a store. After it come the files of this folder.
import { resolve } from "node:path";
import { type Clock, systemClock } from "../../kernel/index.js";
import type { Change, Store } from "../contract.js";
import { causes } from "../deaths.js";
import { Findings } from "../findings.js";
import * as counting from "./batches.js";
import * as browse from "./browse.js";
import { claim } from "./claim.js";
import { closeConnection, inMemory, openConnection, patiently } from "./connection.js";
import { examine } from "./doctor.js";
import type { Connection } from "./driver.js";
import * as durable from "./durable.js";
import { isBusy, translate } from "./errors.js";
import * as hand from "./hand.js";
import { handleInserter, throughHandles } from "./handle.js";
import { insert, prepare } from "./insert.js";
import { migrate, requireMigrated } from "./migrate.js";
import * as moving from "./move.js";
import * as overview from "./overview.js";
import * as routing from "./routing.js";
import * as scheduling from "./schedules.js";
import type { Session } from "./session.js";
import * as settling from "./settle.js";
import * as signalling from "./signals.js";
import { standing } from "./standing.js";
import { statements } from "./statements.js";
import * as counts from "./tallies.js";
import { owns, recordThrough, refuseUnsettled, settleThrough } from "./transactional.js";
import * as upkeep from "./upkeep.js";
import { Watch } from "./watch.js";
import * as staff from "./workers.js";
import { closedError, Writer } from "./writer.js";

export {
  CorruptDatabaseError,
  MigrationFromFutureError,
  MigrationMissingError,
  OtherDatabaseError,
  SqliteDriverMissingError,
  StoreBusyError,
  StoreClosedError,
  StoreFullError,
  StoreReadOnlyError,
  StoreUnreachableError,
  WorkerLostError,
} from "./errors.js";

/** Where a SQLite store is, and how it is opened. */
export interface SqliteOptions {
  /** The path of the file, made when it is not there, or ":memory:". */
  readonly file: string;
  /** The store's clock. Default: the computer's. */
  readonly clock?: Clock | undefined;
  /** Whether opening applies missing migrations. Default: true. */
  readonly migrate?: boolean | undefined;
  /** "full": a commit survives a power cut (default). "normal": only a crash of the process; two times as fast. */
  readonly synchronous?: "full" | "normal" | undefined;
  /** A handle that the application has on the same file: ours is then opened by the same library. */
  readonly like?: object | undefined;
  /** Hears of errors that belong to no call, such as a listener that threw. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A SQLite store: the contract, with recording inside of synchronous transactions. */
export type SqliteStore = Store & Required<Pick<Store, "insertInSync">>;

interface Opened {
  readonly connection: Connection;
  readonly writer: Writer;
  readonly nonce: string;
}

/**
 * A store in one SQLite file, shared by as many processes as like.
 *
 * @throws nothing; what is wrong with the file shows when it is opened, by `open()` or by the first verb, as one of the
 * errors exported here
 * @example const store = sqlite({ file: "./jobs.db" });
 */
export function sqlite(options: SqliteOptions): SqliteStore {
  const clock = options.clock ?? systemClock;
  const file = options.file === inMemory ? inMemory : resolve(options.file);
  let opened: Opened | undefined;
  let opening: Promise<Opened> | undefined;
  let closing: Promise<void> | undefined;

  // A clock that was handed in is all the time there is; the computer's own may jump, so it times nobody's silence.
  const monotonic = clock === systemClock ? () => performance.now() : () => clock.now();

  const watch = new Watch({
    file,
    clock,
    sql: () => connected().connection,
    report: reporter(options.onError ?? warn),
  });

  function connected(): Opened {
    if (opened === undefined) throw closedError(file);
    return opened;
  }

  const connectionOptions = { file, synchronous: options.synchronous ?? "full", like: options.like } as const;

  async function connectAndMigrate(): Promise<Opened> {
    const connection = await openConnection(connectionOptions);
    try {
      if (options.migrate === false) requireMigrated(connection, file);
      else await patiently(file, () => migrate(connection, file, clock.now()));
      const nonce = connection.get<[string]>(statements.nonce)?.[0] ?? "";
      return { connection, nonce, writer: new Writer(connection, file, onCommit) };
    } catch (error) {
      connection.close();
      throw translate(error, file);
    }
  }

  /** A failed attempt may be made again; one under way is shared. */
  function ready(): Promise<Opened> {
    if (closing !== undefined) return Promise.reject(closedError(file));
    opening ??= connectAndMigrate().then(
      (result) => {
        opened = result;
        watch.open();
        return result;
      },
      (error: unknown) => {
        opening = undefined;
        throw error;
      },
    );
    return opening;
  }

  function onCommit(found: Findings): void {
    if (found.workers) morgue.forget();
    watch.tell(found.toChange());
  }

  const session: Session = {
    clock,
    async write(operation) {
      const { writer } = opened ?? (await ready());
      return writer.submit(operation);
    },
    async read(query) {
      const { connection } = opened ?? (await ready());
      try {
        return query(connection);
      } catch (error) {
        if (!isBusy(error)) throw translate(error, file);
        return patiently(file, () => query(connected().connection));
      }
    },
  };
  const morgue = new staff.Morgue(session, monotonic);
  const through = throughHandles({ file, nonce: () => opened?.nonce });
  const insertThrough = handleInserter(through, () => clock.now());

  async function close(): Promise<void> {
    watch.close();
    const last = opened ?? (await opening?.catch(() => undefined));
    await last?.writer.close();
    opened = undefined;
    if (last !== undefined) closeConnection(last.connection);
  }

  return {
    kind: "sqlite",
    now: () => clock.now(),
    open: async () => void (await ready()),
    close: () => (closing ??= close()),
    async migrate() {
      if (opened === undefined && closing === undefined && options.migrate === false) return migrateOnly();
      const { connection } = await ready();
      return patiently(file, () => migrate(connection, file, clock.now()));
    },
    watch: (listener: (change: Change) => void) => watch.listen(listener),
    nonce: async () => (await ready()).nonce,
    doctor: () => session.read(() => examine(connected().connection, file)),

    insert: (runs, batches = []) => insert(session, runs, batches),
    insertIn: async (transaction, runs, batches) => insertThrough(transaction, runs, batches),
    insertInSync: insertThrough,
    prepare: (prepared) => prepare(session, prepared),

    register: (worker) => staff.register(session, worker),
    heartbeat: (worker, report) => staff.heartbeat(session, worker, report),
    pulse: (worker) => staff.pulse(session, worker),
    heard: (worker, messages) => staff.heard(session, worker, messages),
    retire: async (worker) =>
      void (await upkeep.bury(session, [{ worker, cause: causes.retired }], "stopped")),
    claim: (request) => claim(session, request),
    settle: (settlements) => settling.settle(session, settlements),
    record: (writes) => durable.record(session, writes),
    recordIn: async (transaction, write) => {
      refuseUnsettled(write);
      return through(transaction, (sql) => recordThrough(sql, write, clock.now()));
    },
    settleIn: async (transaction, settlement, notes) =>
      through(transaction, (sql) => settleThrough(sql, settlement, notes, clock.now())),
    committed: ({ run }) => watch.tell({ origin: "here", ended: [run], claimable: false, asked: false }),
    owns: (fence) => owns(session, fence),
    entries: (run) => durable.entries(session, run),
    note: (notes) => settling.note(session, notes),
    tally: (tallies) => counts.tally(session, tallies),

    promote: (limit) => upkeep.promote(session, limit),
    findLost: () => morgue.findLost(),
    rescue: (deaths) => upkeep.bury(session, deaths, "lost"),
    prune: (limit) => upkeep.prune(session, limit),

    find: (ids) => hand.find(session, ids),
    list: (filter, page) => browse.list(session, filter, page),
    count: (filter) => browse.count(session, filter),
    countByState: () => browse.countByState(session),
    timeline: (run) => hand.timeline(session, run),
    cancel: (ids, reason) => hand.cancel(session, ids, reason),
    retry: (ids) => hand.retry(session, ids),
    change: (ids, change) => hand.change(session, ids, change),
    remove: (ids) => hand.remove(session, ids),
    signal: (signals) => signalling.signal(session, signals),
    signalIn: async (transaction, signals) =>
      through(transaction, (sql) => {
        // Somebody could get a key, or settle a wait, between reading and writing.
        sql.run(statements.writeLock);
        return signalling.deliver({ sql, found: new Findings() }, signals, clock.now());
      }),
    forget: (run, entry) => durable.forget(session, run, entry),
    pause: (target) => hand.pause(session, target),
    resume: (target) => hand.resume(session, target),
    paused: () => hand.paused(session),
    batches: (ids) => counting.batches(session, ids),
    listBatches: (page) => counting.listBatches(session, page),
    reroute: (job, queue) => routing.reroute(session, job, queue),
    reroutes: () => routing.reroutes(session),
    setSlots: (queue, slots) => routing.setSlots(session, queue, slots),
    queues: () => overview.queues(session),
    tallies: (since) => counts.tallies(session, since),
    waits: (since) => counts.waits(session, since),
    workers: () => overview.workers(session),
    departed: (limit) => staff.departed(session, limit),
    tell: (messages) => staff.tell(session, messages),
    versions: () => overview.versions(session),
    publish: (definitions) => overview.publish(session, definitions),
    definitions: () => overview.definitions(session),

    publishSchedules: (worker, schedules, about) => scheduling.publish(session, worker, schedules, about),
    dueSchedules: (served, limit) => scheduling.due(session, served, limit),
    tick: (writes) => scheduling.tick(session, writes),
    schedules: (names) => scheduling.schedules(session, names),
    ticks: (schedule, limit) => scheduling.ticks(session, schedule, limit),
    putSchedule: (schedule, how, release) => scheduling.put(session, schedule, how, release),
    removeSchedule: (name) => scheduling.remove(session, name),
    pauseSchedule: (name) => scheduling.pause(session, name),
    resumeSchedule: (name, next) => scheduling.resume(session, name, next),

    read: (ids) => moving.read(session, ids),
    release: (runs) => moving.release(session, runs),
    adopt: (runs) => moving.adopt(session, runs),

    standing: (run) => standing(session, run),
  };

  /** Told not to migrate when opening, but asked to migrate: over a connection of its own, closed again. */
  async function migrateOnly(): Promise<number[]> {
    const connection = await openConnection(connectionOptions);
    try {
      return await patiently(file, () => migrate(connection, file, clock.now()));
    } catch (error) {
      throw translate(error, file);
    } finally {
      connection.close();
    }
  }
}

/** Called after a commit whose callers still wait for their answers, and by timers: what it throws must stop neither. */
function reporter(onError: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      onError(error);
    } catch (reason) {
      process.emitWarning(`The onError of the sqlite store failed: ${String(reason)}`, "DuckdiveWarning");
    }
  };
}

function warn(error: unknown): void {
  process.emitWarning(`A listener of the sqlite store failed: ${String(error)}`, "DuckdiveWarning");
}
