// The door of the PostgreSQL store: a schema in the application's database as the home of runs.
//
// Here the parts are put together and nothing is decided: the driver, the session that every verb speaks through, the
// lookout that hears of changes, and the verbs. Opening is lazy: whoever calls a verb first connects. Why the tables are
// what they are stands in docs/decisions/0004-postgres-storage.md.
//
// Before this come `open()` and the worker, which choose a store. After it come the files of this folder.
import { randomUUID } from "node:crypto";
import { type Clock, systemClock, withoutSecrets } from "../../kernel/index.js";
import type { Change, Store, WorkerReport } from "../contract.js";
import { causes } from "../deaths.js";
import { StoreClosedError } from "../errors.js";
import type { Findings } from "../findings.js";
import { throughConnections } from "./application.js";
import * as browse from "./browse.js";
import { Claims, claim } from "./claim.js";
import { databaseOf } from "./database.js";
import { examine } from "./doctor.js";
import type { Database } from "./driver.js";
import { createDurable } from "./durable.js";
import { createErrands } from "./errands.js";
import { translate } from "./errors.js";
import { createFlow, isFlow } from "./flow.js";
import { createGates } from "./gates.js";
import * as hand from "./hand.js";
import { hostsIn } from "./hosts.js";
import { createIntake } from "./intake.js";
import { Lookout } from "./lookout.js";
import { checkSchema, migrate, requireMigrated } from "./migrate.js";
import * as moving from "./move.js";
import { Notices, noticeOf } from "./notices.js";
import { createScheduling } from "./schedules.js";
import { createSession, rest } from "./session.js";
import * as settling from "./settle.js";
import { statements } from "./statements.js";
import { createTransactional } from "./transactional.js";
import * as tuning from "./tuning.js";
import * as upkeep from "./upkeep.js";
import * as staff from "./workers.js";

export {
  MigrationFromFutureError,
  MigrationMissingError,
  OtherDatabaseError,
  StoreBusyError,
  StoreClosedError,
  StoreFullError,
  StoreReadOnlyError,
  StoreUnreachableError,
  WorkerLostError,
} from "../errors.js";

/** @internal */
export { isPgPool, isPostgresClient } from "./driver.js";
export { EnqueueConflictError, PostgresDriverMissingError, StorePermissionError } from "./errors.js";
/** @internal */
export { hostsIn } from "./hosts.js";
export { migrationScript } from "./migrate.js";

/** Where a PostgreSQL store is, and how it is opened. */
export interface PostgresOptions {
  /** `postgres://…`, with several hosts if there are, a `pg.Pool`, or a postgres.js client. */
  readonly database: string | object;
  /** An address that leads to the server itself, where `database` leads through a pooler in transaction mode. */
  readonly direct?: string | undefined;
  /** The schema of duckdive's tables. Default: "duckdive". */
  readonly schema?: string | undefined;
  /** The store's clock. Default: the database's own. */
  readonly clock?: Clock | undefined;
  /** Whether opening applies missing migrations. Default: true. */
  readonly migrate?: boolean | undefined;
  /** Whether NOTIFY wakes other processes at once; without it they look twice a second. Default: true. */
  readonly notify?: boolean | undefined;
  /** Whether statements are prepared by name. Found out by itself where a pooler forbids it. Default: true. */
  readonly prepare?: boolean | undefined;
  /** Hears of errors that belong to no call, such as a listener that threw. Default: a process warning. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * A store in a schema of a PostgreSQL database (14 or newer), shared by as many processes and machines as like.
 *
 * @throws InvalidOptionError for a schema name that is none; what is wrong with the database shows when it is opened, by
 * `open()` or by the first verb, as one of the errors exported here
 * @example const store = postgres({ database: "postgres://localhost/app" });
 */
export function postgres(options: PostgresOptions): Store {
  const { schema = "duckdive", clock = systemClock, notify = true } = options;
  checkSchema(schema);
  const where = inWords(options.database, schema);
  const onError = reporter(options.onError ?? warn);
  const origin = randomUUID().slice(0, 8);
  // A clock that was handed in is all the time there is; the computer's own may jump, so it times nobody's silence.
  const monotonic = clock === systemClock ? () => performance.now() : () => clock.now();

  let database: Promise<Database> | undefined;
  let direct: Promise<Database> | undefined;
  let opening: Promise<string> | undefined;
  let closing: Promise<void> | undefined;
  /** How far the database's clock is ahead of ours. */
  let ahead = 0;
  /** What the server was when it was last asked, until a connection breaks. */
  let isStandby = false;
  const onAway = (): void => {
    isStandby = false;
  };

  const onBroken = (error: unknown): void => onError(translate(error, where));
  const connect = (): Promise<Database> => (database ??= databaseOf(options.database, onBroken));
  /**
   * The lookout's own: it must not wait for a connection behind the verbs. An application's pool is shared; several servers
   * keep a connection for it, and are shared so that whoever first finds another one in charge brings everybody along.
   */
  const connectDirectly = (): Promise<Database> =>
    (direct ??=
      options.direct === undefined && isHostList(options.database)
        ? connect()
        : databaseOf(options.direct ?? options.database, onBroken));

  const session = createSession({
    where,
    schema,
    clock,
    prepare: options.prepare ?? true,
    ahead: () => ahead,
    database: connect,
    isStandby: () => isStandby,
    onAway,
    onReturn,
  });
  /** For what has to be asked while opening, and on the lookout's line. */
  const bare = createSession({
    where,
    schema,
    clock,
    prepare: false,
    ahead: () => ahead,
    database: connect,
    isStandby: () => isStandby,
    onAway,
    onReturn: () => {},
  });
  const claims = new Claims();
  const morgue = new staff.Morgue(session, monotonic, clock === systemClock ? rest : undefined);
  const notices = new Notices(origin, async (notice) => {
    if (notify) await session.ask(statements.say, { notice }).catch(onError);
  });
  const lookout = new Lookout({
    session: bare,
    database: connectDirectly,
    channel: schema,
    origin,
    notify,
    report: onError,
    onRole(standby) {
      isStandby = standby;
    },
    onLoss() {
      onAway();
      morgue.doubt();
      claims.suspect();
    },
    onReturn,
  });
  const ask = throughConnections(session, ready);
  const notice = (found: Findings, isOwn: boolean): string | null =>
    notify ? noticeOf(found, isOwn ? origin : undefined) : null;
  const gates = createGates({ session, tell, report: (error) => onError(translate(error, where)) });
  const errands = createErrands({
    session,
    gates,
    tell,
    report: (error) => onError(translate(error, where)),
  });
  const intake = createIntake({ session, tell: tellHere, notice, ask, gates, errands });
  const durable = createDurable({
    session,
    claims,
    errands,
    ask,
    tell,
    notice: (found) => notice(found, false),
    makeLanes: (runs) => intake.makeLanes(runs),
  });
  const flow = createFlow({
    session,
    gates,
    errands,
    ask,
    tell: tellHere,
    notice,
    makeLanes: (runs) => intake.makeLanes(runs),
  });
  const transactional = createTransactional({
    session,
    claims,
    gates,
    errands,
    ask,
    tell: tellHere,
    // As of our own: the loop tells those who listen here, by `committed`.
    notice: (found) => notice(found, true),
    makeLanes: (runs) => intake.makeLanes(runs),
  });

  const scheduling = createScheduling({ session, intake, tell, notice: (found) => notice(found, true) });

  /** The database was away: something may have been missed, and claims may have been lost. */
  function onReturn(): void {
    intake.forget();
    morgue.doubt();
    claims.suspect();
    lookout.tell({ origin: "elsewhere", ended: [], claimable: true, asked: true, schedules: true });
  }

  function tellHere(found: Findings): void {
    if (found.workers) morgue.wake();
    lookout.tell(found.toChange());
  }

  function tell(found: Findings): void {
    tellHere(found);
    notices.add(found);
  }

  async function openDatabase(): Promise<string> {
    const target = { database: await connect(), schema, where };
    if (options.migrate === false) await requireMigrated(target);
    else await migrate(target);
    const [[isInRecovery] = []] = await bare.ask(statements.isStandby);
    isStandby = isInRecovery === "true";
    if (!isStandby) await bare.ask(statements.extendHistory, { now: bare.now() });
    const [row] = await bare.ask(statements.nonce);
    if (clock === systemClock) await compareClocks();
    return row?.[0] ?? "";
  }

  async function compareClocks(): Promise<void> {
    const before = Date.now();
    const [row] = await bare.ask(statements.databaseTime);
    ahead = Number(row?.[0]) - (before + Date.now()) / 2;
  }

  /** A failed attempt may be made again; one under way is shared. */
  function ready(): Promise<string> {
    opening ??= openDatabase().then(
      (nonce) => {
        lookout.open();
        return nonce;
      },
      (error: unknown) => {
        opening = undefined;
        throw translate(error, where);
      },
    );
    return opening;
  }

  /** What was begun before `close` is finished; what comes after it is refused. */
  let begun = 0;
  let onFinished: (() => void) | undefined;

  /** A verb: opens the database when it is the first. */
  function verb<Args extends unknown[], Result>(
    run: (...args: Args) => Promise<Result>,
  ): (...args: Args) => Promise<Result> {
    return async (...args) => {
      if (closing !== undefined) throw closedError(where);
      begun += 1;
      try {
        await ready();
        return await run(...args);
      } finally {
        begun -= 1;
        if (begun === 0) onFinished?.();
      }
    };
  }

  async function close(): Promise<void> {
    if (begun > 0) await new Promise<void>((resolve) => (onFinished = resolve));
    await opening?.catch(() => undefined);
    await notices.close();
    await lookout.close();
    await (await database)?.close();
    await (await direct)?.close();
  }

  async function beat(
    worker: string,
    statement: typeof statements.heartbeat | typeof statements.pulse,
    report?: WorkerReport,
  ): ReturnType<Store["heartbeat"]> {
    const before = Date.now();
    const { databaseTime, mayHaveDied, ...pulse } = await staff.heartbeat(
      session,
      claims,
      { worker, report },
      statement,
      { tell, gates },
    );
    if (mayHaveDied) morgue.wake();
    if (clock === systemClock) ahead = databaseTime - (before + Date.now()) / 2;
    return pulse;
  }

  const notes = settling.createNoteWriter(session);
  const settle = settling.createSettle({
    session,
    claims,
    gates,
    errands,
    tell,
    makeLanes: (runs) => intake.makeLanes(runs),
  });

  return {
    kind: "postgres",
    now: session.time,
    patience: staff.patienceWithBeats,
    open: verb(async () => {}),
    close: () => (closing ??= close()),
    async migrate() {
      if (closing !== undefined) throw closedError(where);
      return migrate({ database: await connect(), schema, where }).catch((error: unknown) => {
        throw translate(error, where);
      });
    },
    watch: (listener: (change: Change) => void) =>
      lookout.listen((change) => {
        if (change.origin === "elsewhere" && change.claimable) morgue.wake();
        listener(change);
      }),
    nonce: verb(ready),
    doctor: verb(() => examine(session)),

    insert: verb((runs, batches = []) =>
      isFlow(runs, batches) ? flow.insert(runs, batches) : intake.insert(runs),
    ),
    insertIn: verb((connection, runs, batches = []) =>
      isFlow(runs, batches) ? flow.insertIn(connection, runs, batches) : intake.insertIn(connection, runs),
    ),
    prepare: verb((prepared) => intake.prepare(prepared)),

    register: verb(async (worker) => {
      const lock = await staff.register(session, claims, worker, tell);
      morgue.wake();
      await lookout.keep(worker.id, { lock, abilities: worker.abilities });
    }),
    heartbeat: verb((worker, report) => beat(worker, statements.heartbeat, report)),
    pulse: verb((worker) => beat(worker, statements.pulse)),
    heard: verb((worker, messages) => staff.heard(session, worker, messages)),
    retire: verb(async (worker) => {
      await upkeep.bury(session, [{ worker, cause: causes.retired }], "stopped", tell, { gates, errands });
      await lookout.leave(worker);
    }),
    claim: verb(async (request) => {
      const claimed = await claim(session, claims, gates, request);
      if (claims.hasSuperseded) lookout.tell({ origin: "here", ended: [], claimable: false, asked: true });
      return claimed;
    }),
    settle: verb(async (settlements) => {
      await notes.written();
      return settle(settlements);
    }),
    record: verb(durable.record),
    recordIn: verb(transactional.recordIn),
    settleIn: verb(transactional.settleIn),
    committed: transactional.committed,
    owns: verb(transactional.owns),
    entries: verb(durable.entries),
    note: verb(notes.note),

    tally: verb((tallies) => tuning.tally(session, tallies)),

    promote: verb((limit) => upkeep.promote(session, limit, tell, { gates, errands })),
    findLost: verb(() => morgue.findLost()),
    rescue: verb((deaths) => upkeep.bury(session, deaths, "lost", tell, { gates, errands })),
    prune: verb((limit) => upkeep.prune(session, limit)),

    find: verb((ids) => hand.find(session, ids)),
    list: verb((filter, page) => browse.list(session, filter, page)),
    count: verb((filter) => browse.count(session, filter)),
    countByState: verb(() => browse.countByState(session)),
    timeline: verb((run) => hand.timeline(session, run)),
    cancel: verb((ids, reason) => hand.cancel(session, ids, reason, tell, { gates, errands })),
    retry: verb((ids) => hand.retry(session, ids, tell, errands)),
    change: verb((ids, change) => hand.change(session, ids, change, tell, gates)),
    remove: verb((ids) => hand.remove(session, ids, tell, { gates, errands })),
    signal: verb(durable.signal),
    signalIn: verb(durable.signalIn),
    forget: verb(durable.forget),
    pause: verb((target) => hand.pause(session, target)),
    resume: verb((target) => hand.resume(session, target, tell)),
    paused: verb(() => hand.paused(session)),
    batches: verb(flow.batches),
    listBatches: verb(flow.listBatches),
    reroute: verb((job, queue) => tuning.reroute(session, job, queue)),
    reroutes: verb(() => tuning.reroutes(session)),
    setSlots: verb((queue, slots) => tuning.setSlots(session, queue, slots, tell)),
    tallies: verb((since) => tuning.tallies(session, since)),
    waits: verb((since) => tuning.waits(session, since)),
    queues: verb(() => browse.queues(session)),
    workers: verb(() => browse.workers(session)),
    departed: verb((limit) => staff.departed(session, limit)),
    tell: verb((messages) => staff.tellWorkers(session, messages, tell)),
    versions: verb(() => browse.versions(session)),
    publish: verb((definitions) => browse.publish(session, definitions)),
    definitions: verb(() => browse.definitions(session)),

    publishSchedules: verb(scheduling.publish),
    dueSchedules: verb(scheduling.due),
    tick: verb(scheduling.tick),
    schedules: verb(scheduling.schedules),
    ticks: verb(scheduling.ticks),
    putSchedule: verb(scheduling.put),
    removeSchedule: verb(scheduling.remove),
    pauseSchedule: verb(scheduling.pause),
    resumeSchedule: verb(scheduling.resume),

    read: verb((ids) => moving.read(session, ids)),
    release: verb((runs) => moving.release(session, runs, tell, { gates, errands })),
    adopt: verb((runs) => moving.adopt(session, runs, tell, errands)),

    standing: verb((run) => gates.standing(run)),
  };
}

function isHostList(database: string | object): boolean {
  return typeof database === "string" && hostsIn(database) !== undefined;
}

/** The database as errors name it: where it is and which schema, and no password. */
function inWords(database: string | object, schema: string): string {
  const place =
    typeof database === "string"
      ? withoutSecrets(database).replace(/\?.*$/, "").replace("//…@", "//")
      : "behind the application's pool";
  return schema === "duckdive" ? place : `${place}, schema ${schema}`;
}

function closedError(where: string): StoreClosedError {
  return new StoreClosedError(`The store ${where} is closed. Open another one.`);
}

/** Called after a commit whose callers still wait for their answers, and by timers: what it throws must stop neither. */
function reporter(onError: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      onError(error);
    } catch (reason) {
      process.emitWarning(`The onError of the postgres store failed: ${String(reason)}`, "DuckdiveWarning");
    }
  };
}

function warn(error: unknown): void {
  process.emitWarning(`Something failed in the postgres store: ${String(error)}`, "DuckdiveWarning");
}
