// The Store contract: what a place must do to be a home for runs.
//
// A store keeps rows and moves them; it decides nothing. What happens to a run is decided by pure code in `run/`
// and arrives here as plain data. Arrays in, arrays out: every verb is a batch, and answers in the order it was asked.
// The twelve scenarios of `docs/decisions/0001-store-contract.md` walk through these verbs as calls and rows, and the
// conformance suite of `duckdive/testing` holds every store to them.
//
// Four rules stand above the verbs:
//  1. A promise resolves only after the commit that holds its effect.
//  2. Time is the store's: callers give durations, or moments somebody asked for; the store reads its own clock.
//  3. The fence is `(run, token)`: whoever writes for an execution shows it, and is refused once the claim is lost.
//  4. A wake-up is never lost: a verb that puts a run to rest looks, in the same transaction, whether the event it
//     would rest for has come already, and if so makes it ready instead.
import type { State, StoredError } from "../job/index.js";
import type { Fence, Moment, NewEvent, Settlement, WaitReason } from "../run/index.js";

export type { Fence, Moment, NewEvent, Settlement, WaitReason };

// ── Intake ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * One admission rule of a run: a lock, a concurrency limit or a rate, with the key already computed. The claim takes all
 * gates of a run at once, or none: a run that does not get one is parked on the first that was closed, `waiting` for
 * `admission`, and nobody reads it again until that one hands it a place. Never taken in a caller's transaction.
 *
 * A run holds its locks and limits while it runs, and while a place that was handed to it waits for its claim; a lock with
 * `hold: "run"` from its first start to its end. What is let go goes to the next in line, by priority and then by age: once
 * the verb that lets go has answered, that one can be claimed. A newcomer gets no place while somebody is in line. docs/decisions/0009-policies.md.
 */
export interface Gate {
  readonly kind: "lock" | "limit" | "rate";
  /** Its whole name: runs with equal kind and key share a gate, whatever their jobs. */
  readonly key: string;
  /** How many may hold it; of a lock 1. Rates: how many may start in `per`. The limit of the run that asks counts. */
  readonly limit: number;
  /** Rates: the time in milliseconds in which `limit` may start. One start opens the gate again after `per / limit`. */
  readonly per?: number;
  /** Rates: how many may start at once after a pause; 1 unless given. So in any `per` at most `limit + burst - 1` start. */
  readonly burst?: number;
  /** Locks: kept over waits and retries (`run`), or for one attempt. */
  readonly hold?: "run" | "attempt";
}

/** The unique rule of a run, with the key already computed. */
export interface Unique {
  /** Its whole name, the job's in it. */
  readonly key: string;
  /** The key is held while the run is in one of these states … */
  readonly while?: readonly State[];
  /** … or for this long from the request, in milliseconds. */
  readonly window?: number;
  readonly onConflict:
    | { readonly kind: "ignore" | "reject" }
    | { readonly kind: "replace"; readonly fields: readonly ("input" | "runAt" | "priority")[] }
    | { readonly kind: "debounce"; readonly delay: number; readonly atMost?: number };
}

/** A run as it is asked for. */
export interface NewRun {
  readonly id: string;
  /** The id was made for this call and never sent before: a store need not look whether its run has ended already. */
  readonly fresh?: boolean | undefined;
  readonly job: string;
  readonly version: number;
  readonly queue: string;
  readonly priority: number;
  /** JSON text of the input, as the schema's input; absent for a job without one. */
  readonly input?: string | undefined;
  /** When it may start; absent: now. In the future it is recorded `scheduled`. */
  readonly due?: Moment | undefined;
  /** Recorded `waiting` for this reason instead of `ready`. */
  readonly waiting?: Extract<WaitReason, "preparation"> | undefined;
  /** Milliseconds from the request until it must have started, or ended. */
  readonly startWithin?: number | undefined;
  readonly finishWithin?: number | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly meta?: Readonly<Record<string, string>> | undefined;
  readonly release?: string | undefined;
  /** Admission and uniqueness; empty in most runs. */
  readonly gates?: readonly Gate[] | undefined;
  readonly unique?: Unique | undefined;
  readonly fair?: string | undefined;
  /** The run and the named entry that asked for this one as a child. */
  readonly parent?:
    | { readonly run: string; readonly entry: string; readonly onEnd: "cancel" | "leave" }
    | undefined;
  /** The batch that it is counted in. */
  readonly batch?: string | undefined;
  /** Runs that must end first, by id: recorded before, or by the same call. A batch's callback has none. */
  readonly after?: readonly string[] | undefined;
  /** What becomes of it when one of them does not succeed; `fail` unless given. */
  readonly onParentFailure?: "fail" | "cancel" | "run" | undefined;
}

/**
 * Runs that are counted together. A run is in the counts from its record on, as open, and then as what it ended as; a live
 * one that is removed counts as cancelled, and one that is tried again by hand is open again. Removing, or pruning, one that
 * has ended changes nothing. A batch in a batch counts there as one run: open while anything of it is, then as `succeeded`
 * if all have, else as `failed` if one has, else as `cancelled`.
 */
export interface NewBatch {
  readonly id: string;
  readonly name: string;
  /** Recorded once: when all have succeeded, be it after one that failed was tried again. */
  readonly onSuccess?: NewRun | undefined;
  /** Recorded once: when all have ended for the first time. */
  readonly onFinished?: NewRun | undefined;
  /** The batch that it counts in, as one run. */
  readonly batch?: string | undefined;
}

/** What became of a request to record a run. */
export interface Inserted {
  readonly id: string;
  /** False: this id, or this unique key, was recorded before, and `id` is that run. */
  readonly created: boolean;
  /** That run was given what this request asked for: another input, another time. */
  readonly changed?: true;
}

/** A run that was recorded without its definition, now checked by a worker that has it. */
export type Prepared =
  | { readonly id: string; readonly run: Omit<NewRun, "id" | "waiting" | "due"> }
  | { readonly id: string; readonly invalid: StoredError; readonly keep: number };

/** How runs come into a store. */
export interface Intake {
  /**
   * Records runs, all or none. Idempotent by id: a second insert of an id is the first run, finished or not. Of a job
   * that was rerouted it goes to that queue.
   *
   * A run with `after` is recorded `waiting` for `dependency`, unless all of those have ended and that is fine. Its time, if
   * it has one, counts as well. When the last of them has ended it is ready, due from then on, or scheduled; when one did not succeed it ends
   * as its `onParentFailure` says, with the reason `dependency`, an error whose data names that `run`, and a record kept for
   * the longest of the defaults; and so on with those that come after it. Both happen in the transaction that ends the other
   * run, or right behind it: they are there once the verb that ended it has answered; or, where that was an application's
   * transaction, soon after its commit. A live run that is removed counts as cancelled. An id whose request met the holder
   * of a unique key stands for that run. No request may lead back to itself: nothing looks for circles here.
   *
   * The batches are recorded with the runs, before them; an id that is known is that batch. The callbacks of a batch have
   * the summary of its counts as input, JSON with `batchId`, `name`, `total`, `succeeded`, `failed` and `cancelled`. They are
   * recorded as promptly as what waits for a dependency; of a batch that has nothing to wait for, by this call.
   *
   * @throws UniqueConflictError: a key is taken and its rule says `reject`; nothing was recorded
   * @throws UnknownRunError: a run in `after` is not there, be it removed or never recorded; nothing was recorded
   * @throws UnknownBatchError: a batch is not there; nothing was recorded
   * @throws BatchFinishedError: a run, or a batch, was to be counted in a batch that has finished and has nothing open;
   * nothing was recorded
   */
  insert(runs: readonly NewRun[], batches?: readonly NewBatch[]): Promise<Inserted[]>;
  /** Records runs inside the caller's own transaction: visible when, and only if, that transaction commits. */
  insertIn(transaction: unknown, runs: readonly NewRun[], batches?: readonly NewBatch[]): Promise<Inserted[]>;
  /** As `insertIn`, before it returns. Only a store whose databases have synchronous transactions has it. */
  insertInSync?(transaction: unknown, runs: readonly NewRun[], batches?: readonly NewBatch[]): Inserted[];
  /**
   * Ends `waiting(preparation)`: ready (or scheduled), or failed. Runs that no longer wait for it are left alone. One whose
   * unique key is taken is cancelled with reason `duplicate`, having changed the other as its rule says.
   */
  prepare(prepared: readonly Prepared[]): Promise<void>;
}

// ── Work ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Which version of a job a worker has: it runs that version and the older ones. */
export interface Ability {
  readonly job: string;
  readonly version: number;
}

/** A worker that enters: where it is, and what it has. */
export interface NewWorker {
  readonly id: string;
  /** Identifies the machine, its boot and its process namespace: pids compare only inside one. */
  readonly host: string;
  readonly pid: number;
  /** When that process began, in the unit of its system; tells a reused pid from the process that had it. */
  readonly processStart?: string | undefined;
  readonly release?: string | undefined;
  /** The process on the same machine that keeps it alive, and says what it died of. */
  readonly runner?: number | undefined;
  readonly abilities: readonly Ability[];
  readonly queues: Readonly<Record<string, number>>;
}

/** How a worker is, as it says itself. */
export interface WorkerReport {
  readonly state: "working" | "quiet" | "stopping";
  /** Resident memory of its process, in bytes. */
  readonly memory: number;
  /** The longest its event loop was late since the report before, in milliseconds. */
  readonly delay: number;
  /** Executions that were given up and have not ended. */
  readonly leaked: number;
  /** Suspended executions that something outside still holds in memory, by job. */
  readonly retained?: Readonly<Record<string, number>> | undefined;
  /** Its slots by queue, which a message may have changed since it registered. */
  readonly queues: Readonly<Record<string, number>>;
}

/** What a worker has place for. */
export interface ClaimRequest {
  readonly worker: string;
  /** Free slots by queue; `*` stands for every queue that is not named. */
  readonly queues: Readonly<Record<string, number>>;
  readonly abilities: readonly Ability[];
  /** A line of runs counts as one priority higher for each time so long, in milliseconds, that its first has waited. */
  readonly ageing?: number | undefined;
}

export interface Claimed extends Fence {
  /** The opaque mark of the claim in stores that need one beside the token. */
  readonly claim?: string;
  readonly job: string;
  readonly version: number;
  readonly queue: string;
  readonly priority: number;
  readonly input: string | undefined;
  /** Counted at this claim: 1 at the first. */
  readonly attempt: number;
  /** How many executions of it were lost with their worker. */
  readonly crashes: number;
  readonly requestedAt: number;
  readonly runAt: number;
  readonly startedAt: number;
  /** Until when it must start; undefined once it has. */
  readonly startBy: number | undefined;
  readonly finishBy: number | undefined;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly parent: string | undefined;
  /** The batch that it is counted in. */
  readonly batch?: string | undefined;
  /** Its job is paused: it must be parked, not executed. */
  readonly paused: boolean;
  /** Earlier executions of it have recorded durable calls: they are read before its handler is called. */
  readonly hasEntries: boolean;
}

/** A settlement, and the runs that are recorded in its transaction if it is taken. */
export interface Settling extends Settlement {
  readonly follow?: readonly NewRun[] | undefined;
}

/** Whether a settlement was taken, and the state the run is in by it; refused: the claim was lost. */
export type Settled = { readonly taken: true; readonly state: State } | { readonly taken: false };

/** One durable call of a handler, by name. */
export interface Entry {
  readonly name: string;
  readonly kind:
    | "step"
    | "tx"
    | "child"
    | "children"
    | "sleep"
    | "signal"
    | "poll"
    | "enqueue"
    | "patch"
    | "restart";
  /** Of job and input, so that a changed call is seen. */
  readonly hash?: string | undefined;
  readonly state: "pending" | "done" | "failed";
  /** The order of settling inside the run. */
  readonly position?: number | undefined;
  readonly value?: string | undefined;
  readonly error?: StoredError | undefined;
  /** Sleeps, step backoffs and timeouts of waits: when it settles by itself. */
  readonly due?: Moment | undefined;
  readonly attempts?: number | undefined;
  /** When it settled, or was last written before that, in milliseconds since 1970. Given by the store, on its clock. */
  readonly at?: number | undefined;
}

/**
 * What a handler writes at one turn: new entries, settled entries, and the children they start. An entry whose name is
 * on record already changes that one while it is pending; what is settled stays as it is, but for the results of
 * `children`, which are kept once. A new entry gives the run all its attempts again: this one is then its first.
 *
 * Who settles what: steps, sleeps, polls and timeouts the handler's execution; a `child`, and of `children` the last,
 * the transaction in which that ends, whatever ends it; a `signal` the delivery of a signal of the name in `hash`, or
 * this write, when one has come already. `position` is counted by the store, inside the run, from 1.
 */
export interface EntryWrite extends Fence {
  /** The store's own mark of the claim, handed through; absent in stores that need none. */
  readonly claim?: string | undefined;
  readonly entries: readonly Entry[];
  readonly children?: readonly NewRun[] | undefined;
  /** The highest position that this execution knows; 0 unless given. */
  readonly after?: number | undefined;
}

/** Whether a write was taken, and every entry of the run that has settled after the position that was known. */
export type Recorded =
  | { readonly taken: false }
  | { readonly taken: true; readonly settled: readonly Entry[] };

/** A line of a run's log, or its progress. Written under the fence, dropped when the claim is lost. */
export type Note = Fence &
  (
    | {
        readonly log: {
          readonly level: "debug" | "info" | "warn" | "error";
          readonly message: string;
          readonly fields?: string | undefined;
        };
      }
    | {
        readonly progress: {
          readonly done: number;
          readonly total?: number | undefined;
          readonly note?: string | undefined;
        };
      }
  );

/** Something that a worker is told. */
export interface Message {
  readonly id: string;
  readonly name: string;
  /** JSON text. */
  readonly payload: string | undefined;
  /** When it was sent, on the store's clock. */
  readonly at: number;
}

/** What a worker learns when it shows that it lives. */
export interface Pulse {
  /** False: somebody took this worker for dead and gave its runs away; it must abort them and register anew. */
  readonly alive: boolean;
  /** Runs of this worker whose cancellation was asked for. */
  readonly cancelled: readonly { readonly run: string; readonly token: number; readonly reason: string }[];
  /** Executions whose claim is gone, by a crash of the database or because somebody changed the run: to be aborted. */
  readonly lost: readonly (Fence & { readonly claim?: string })[];
  /** What it was told and has not `heard` yet, oldest first, at most a hundred at once. */
  readonly messages: readonly Message[];
  /** Slots by queue that somebody has set for all workers, which then count instead of their own. */
  readonly slots: Readonly<Record<string, number>>;
}

/** What a worker has seen of the runs of a job in a queue since it last told, by the minute. */
export interface Tally {
  /** The beginning of the minute, on the store's clock. */
  readonly minute: number;
  readonly queue: string;
  readonly job: string;
  readonly succeeded: number;
  /** Runs that failed for good. */
  readonly failed: number;
  readonly cancelled: number;
  /** Attempts that failed and are tried again. */
  readonly retried: number;
  /** Sums, in milliseconds: from due to started, and from started to ended, over all of these executions. */
  readonly waited: number;
  readonly ran: number;
  /** How many of them waited how long, by the step of the scale in kernel/scale.ts. Read by `waits`; in `tallies` it is absent. */
  readonly waits?: Readonly<Record<number, number>> | undefined;
}

/** How many executions of a queue began after a wait of that step, in a minute, or in the hour that begins there. */
export interface WaitCount {
  readonly minute: number;
  readonly queue: string;
  readonly step: number;
  readonly number: number;
}

/** What workers do: they register, claim, record and settle. */
export interface Work {
  /** Enters a worker and what it has, and unparks what waited for that. Entering again under the same id is legal. */
  register(worker: NewWorker): Promise<void>;
  /** Shows that the worker lives, and how it is: a write. Without a report the one before stands. */
  heartbeat(worker: string, report?: WorkerReport): Promise<Pulse>;
  /** The same answer without showing life: a read, for a worker that was woken. */
  pulse(worker: string): Promise<Pulse>;
  /** The worker has obeyed these messages, or never will: they are not told to it again. Unknown ids are legal. */
  heard(worker: string, messages: readonly string[]): Promise<void>;
  /** Takes a worker out that has settled all it held; what it still holds was lost, and is given back as by `rescue`. */
  retire(worker: string): Promise<void>;
  /** Takes runs: highest priority first, then longest due. Counts their attempt. Writes nothing when there are none. */
  claim(request: ClaimRequest): Promise<Claimed[]>;
  /** Ends executions. Answers each; a refused one changed nothing. A run whose cancellation was asked for does not go on. */
  settle(settlements: readonly Settling[]): Promise<Settled[]>;
  /** Writes entries of durable handlers under their fence; answers each. */
  record(writes: readonly EntryWrite[]): Promise<Recorded[]>;
  /**
   * Writes settled entries inside the caller's own transaction, there when, and only if, that commits. Answers whether it
   * was taken. From then on until the transaction ends nobody else can take the run, so it comes last in it.
   */
  recordIn(transaction: unknown, write: EntryWrite): Promise<Recorded>;
  /** Ends an execution in the same way, having written these notes of it. */
  settleIn(transaction: unknown, settlement: Settling, notes: readonly Note[]): Promise<Settled>;
  /** The transaction of this `settleIn` has committed: listeners hear of it, and the claim is let go. */
  committed(settlement: Settlement): void;
  /**
   * Whether an execution still owns its run. Waits for a transaction of `recordIn` or `settleIn` that is under way: so
   * whoever lost the answer to a commit learns what became of it.
   */
  owns(execution: Pick<EntryWrite, "run" | "token" | "claim">): Promise<boolean>;
  /** Everything a replay needs, in one read. */
  entries(run: string): Promise<Entry[]>;
  /** Adds lines to the logs of runs, each if the claim of whoever writes it stands. */
  note(notes: readonly Note[]): Promise<void>;
  /**
   * Adds to the counts by the minute. From three hours ago on they are rolled up to hours, and kept for 30 days; what a
   * worker had not told when it died is not in them.
   */
  tally(tallies: readonly Tally[]): Promise<void>;
}

// ── Upkeep ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** A worker that is dead, and what is known of why. */
export interface Death {
  readonly worker: string;
  /** In words that go on "the worker was lost: …". */
  readonly cause?: string | undefined;
  /** Runs that are to blame. Absent: that is not known, and each that it held may be; empty: none is. */
  readonly culprits?: readonly string[] | undefined;
  /**
   * What it was executing, as it was last seen: a store whose claims a crash may undo writes down what is lost with them.
   * Some of it may have ended since.
   */
  readonly executing?: readonly (Fence & { readonly attempt: number })[] | undefined;
}

/** A run that was given back, because its worker died. */
export interface Rescued {
  readonly run: string;
  readonly job: string;
  readonly attempt: number;
  readonly worker: string;
  readonly cause?: string;
  /** Others are to blame: no crash was counted, and its attempt was given back. */
  readonly innocent?: true;
}

/** What became due. */
export interface Promotion {
  /** Runs that became ready, or ended because their `startWithin` or `finishWithin` was over. */
  readonly moved: number;
  /** When the next start, limit, or place at a rate is due, on the store's clock; undefined: nothing is. */
  readonly next: number | undefined;
  /** Those that ended. */
  readonly expired: readonly { readonly run: string; readonly job: string }[];
}

/** What keeps a store in order: any worker may do it, and several at once do no harm. */
export interface Upkeep {
  /** Makes ready what is due, and fails what has expired; at most `limit` of each, so that no lock is long. */
  promote(limit: number): Promise<Promotion>;
  /**
   * Workers that the store can tell are dead, each with a cause. Cheap enough to ask every second: reads no table when
   * nothing changed. One whose runner lives is left to the runner for a few seconds, since that one knows whom to blame.
   */
  findLost(): Promise<Death[]>;
  /**
   * Gives the runs of dead workers back, recording each lost execution, and takes those workers out. For a run that is
   * or may be to blame a crash is counted, and its attempt stays counted; one that is surely innocent gets its attempt
   * back. A death that is known already does nothing.
   */
  rescue(deaths: readonly Death[]): Promise<Rescued[]>;
  /** Removes what is past its keeping, at most `limit` runs; answers how many went. */
  prune(limit: number): Promise<number>;
}

// ── Hand ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A run as it stands in the store. Times in milliseconds since 1970, on the store's clock. */
export interface StoredRun {
  readonly id: string;
  readonly job: string;
  readonly version: number;
  readonly queue: string;
  readonly priority: number;
  readonly state: State;
  readonly reason: string | undefined;
  readonly waiting: { readonly reason: WaitReason; readonly on: string | undefined } | undefined;
  /** Set while a cancellation was asked for and the run has not ended. */
  readonly cancelAsked: string | undefined;
  /** Only workers with this `job@version` may take it: an older worker gave it back. */
  readonly route: string | undefined;
  readonly token: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly worker: string | undefined;
  readonly requestedAt: number;
  readonly runAt: number;
  readonly startedAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly startBy: number | undefined;
  readonly finishBy: number | undefined;
  readonly expiresAt: number | undefined;
  readonly input: string | undefined;
  readonly output: string | undefined;
  readonly error: StoredError | undefined;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly release: string | undefined;
  /** The release of the worker that executes it, or that ended it: where it said one, and the store still knows. */
  readonly ranRelease?: string | undefined;
  readonly parent: string | undefined;
  readonly batch: string | undefined;
  /** Of the runs that it comes after, those that have not ended well, the first hundred; where there are none, absent. */
  readonly after?: readonly string[] | undefined;
  readonly progress:
    | { readonly done: number; readonly total: number | undefined; readonly note: string | undefined }
    | undefined;
}

/** Which runs. Every given field must hold; a list means any of it, an empty list none. An empty filter: all. */
export interface RunFilter {
  readonly ids?: readonly string[] | undefined;
  readonly jobs?: readonly string[] | undefined;
  readonly queues?: readonly string[] | undefined;
  /** Ids of runs whose children are meant. */
  readonly parents?: readonly string[] | undefined;
  readonly states?: readonly State[] | undefined;
  readonly reasons?: readonly string[] | undefined;
  readonly waiting?: readonly WaitReason[] | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly meta?: Readonly<Record<string, string>> | undefined;
  /** The name or the code of the error it has. */
  readonly errors?: readonly string[] | undefined;
  /** Its input has this text in it, as JSON, in the same case. */
  readonly text?: string | undefined;
  /** Requested at or after, before; milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** A batch as it stands. What of `total` is in no other count is open. */
export interface StoredBatch {
  readonly id: string;
  readonly name: string;
  /** The batch that it counts in. */
  readonly batch: string | undefined;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly createdAt: number;
  /** When all had ended for the first time. */
  readonly finishedAt: number | undefined;
  /** When all had succeeded for the first time. */
  readonly succeededAt: number | undefined;
}

/** Newest request first. `next` goes on where the page ended; undefined: that was the last. */
export interface RunPage {
  readonly runs: readonly StoredRun[];
  readonly next: string | undefined;
}

/** Something that happened to a run. */
export interface TimelineEvent {
  readonly at: number;
  readonly kind: NewEvent["kind"];
  readonly attempt: number;
  readonly token: number;
  readonly worker: string | undefined;
  readonly detail: unknown;
}

/** A line that was written into a run's log. */
export interface LogLine {
  readonly at: number;
  readonly attempt: number;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: unknown;
}

/** A worker that is registered. */
export interface WorkerRow {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly release: string | undefined;
  readonly abilities: readonly Ability[];
  readonly queues: Readonly<Record<string, number>>;
  readonly startedAt: number;
  readonly heartbeatAt: number;
  readonly running: number;
  readonly runner: number | undefined;
  /** As of its last heartbeat; undefined before the first that came with one. */
  readonly report: WorkerReport | undefined;
}

/** A worker that is not there any more, and what became of what it had. */
export interface DepartedWorker {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly release: string | undefined;
  readonly startedAt: number;
  readonly heartbeatAt: number;
  readonly endedAt: number;
  /** "stopped": it left by itself and held nothing. "lost": it died, or left with runs in hand. */
  readonly how: "stopped" | "lost";
  readonly cause: string | undefined;
  /** How many runs were given back. */
  readonly lost: number;
  /** The first hundred of them. */
  readonly runs: readonly string[];
}

/** A queue, with its runs by state. */
export interface QueueRow {
  readonly name: string;
  readonly paused: boolean;
  /** Runs by state; finished states are left out. */
  readonly scheduled: number;
  readonly ready: number;
  readonly running: number;
  readonly waiting: number;
  /** When the longest-due ready run became due. */
  readonly oldest: number | undefined;
  /** Handed out again from then on: an execution said that it is rate limited. */
  readonly heldUntil: number | undefined;
  /** The slots that somebody has set for it in all workers. */
  readonly slots: number | undefined;
}

/** How a run stands at one of its gates. */
export interface GateStanding extends Gate {
  /** It has a place here. At a rate: it was handed one, and has not started. */
  readonly isHolding: boolean;
  /** It is parked here. */
  readonly isParked: boolean;
  /** Locks and limits: how many places are taken. */
  readonly used: number;
  /** Locks and limits: by whom; rates: who was let in and has not started. The first ten. */
  readonly holders: readonly {
    readonly run: string;
    readonly job: string;
    readonly state: State;
    /** Since when it runs; undefined while it does not. */
    readonly since: number | undefined;
  }[];
  /** How many are in line here, or in front of this run where it is in line; ten thousand at most. */
  readonly ahead: number;
  /** Rates: when the next may start. */
  readonly opensAt: number | undefined;
}

/** What may be changed of a run that is not running and has not ended. */
export interface RunChange {
  readonly queue?: string | undefined;
  readonly priority?: number | undefined;
  /** When it is to start; ends a retry's wait. */
  readonly due?: Moment | undefined;
}

/** What can be paused: a queue is passed over by claims, a job's runs are parked. */
export type PauseTarget = { readonly queue: string } | { readonly job: string };

/** What a worker publishes of a job, for callers without JavaScript and for people. */
export interface Definition {
  readonly job: string;
  readonly version: number;
  readonly queue: string;
  readonly priority: number;
  readonly attempts: number;
  /** How many workers one of its runs may take down; undefined where an older version published it. */
  readonly crashes?: number | undefined;
  /** A schema, keys or gates exist, so a run recorded without JavaScript must be prepared. */
  readonly prepared: boolean;
  readonly description?: string | undefined;
  /** Events that it is enqueued for. */
  readonly events?: readonly string[] | undefined;
  /** Paths in its values that people are not shown. */
  readonly redact?: readonly string[] | undefined;
}

/** What the application's hand does: it looks at runs, and acts on them. */
export interface Hand {
  /** Runs by id, in the order asked for; undefined where there is none. */
  find(ids: readonly string[]): Promise<(StoredRun | undefined)[]>;
  /** A page of runs, newest first. */
  list(
    filter: RunFilter,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<RunPage>;
  /** How many runs there are of these. */
  count(filter: RunFilter): Promise<number>;
  /** Runs by state, for the whole store. */
  countByState(): Promise<Readonly<Record<State, number>>>;
  /** What happened to a run and what it wrote into its log, each oldest first. */
  timeline(
    run: string,
  ): Promise<{ readonly events: readonly TimelineEvent[]; readonly logs: readonly LogLine[] }>;
  /** Ends runs that are not running; asks for the end of those that are. Answers which it did something to. */
  cancel(ids: readonly string[], reason: string): Promise<boolean[]>;
  /**
   * Makes failed and cancelled runs ready again, with all attempts and no crash on record. One that comes after others waits
   * again for those of them that are there and have not succeeded, be it that they have to be tried again first. Whoever
   * ended because of a run stays ended when that is tried again. Answers which.
   */
  retry(ids: readonly string[]): Promise<boolean[]>;
  /** Changes runs that are not running and have not ended; their place in line by age stays. Answers which. */
  change(ids: readonly string[], change: RunChange): Promise<boolean[]>;
  /** Removes runs that are not running. Answers which. */
  remove(ids: readonly string[]): Promise<boolean[]>;
  /**
   * Delivers signals, each once by its id: to the pending wait of that run for that name that is the oldest, or else to
   * the next one that it makes. To a key: to the run that holds the unique key now, or else to the next that gets it.
   * Answers for each whether there is such a run, alive.
   */
  signal(signals: readonly NewSignal[]): Promise<boolean[]>;
  /** As `signal`, inside the caller's own transaction. */
  signalIn(transaction: unknown, signals: readonly NewSignal[]): Promise<boolean[]>;
  /** Forgets what a run that has ended recorded from this entry on, in the order of settling, so that a retry does it again. */
  forget(run: string, entry: string): Promise<boolean>;
  /** Starts no run of it any more, until it is resumed. Pausing again is legal. */
  pause(target: PauseTarget): Promise<void>;
  /** Lets its runs start again. Resuming what is not paused is legal. */
  resume(target: PauseTarget): Promise<void>;
  /** All that is paused. */
  paused(): Promise<PauseTarget[]>;
  /** Batches by id; undefined where there is none. One is kept as long as a run of it, and for 90 days from its end. */
  batches(ids: readonly string[]): Promise<(StoredBatch | undefined)[]>;
  /** A page of batches, the newest id first: those with ids before one, or from the newest on. */
  listBatches(page: { readonly limit: number; readonly before?: string | undefined }): Promise<StoredBatch[]>;
  /** From now on runs of this job are recorded in that queue, whatever their definition says; undefined: no more so. */
  reroute(job: string, queue: string | undefined): Promise<void>;
  /** The queue of each job that was rerouted. */
  reroutes(): Promise<Readonly<Record<string, string>>>;
  /** Every worker that draws from this queue does so with so many slots, from its next pulse on; undefined: with its own. */
  setSlots(queue: string, slots: number | undefined): Promise<void>;
  /** Queues, with their runs by state. */
  queues(): Promise<QueueRow[]>;
  /** How a run stands at each of its gates, in their order; empty: it has none, or is not there. */
  standing(run: string): Promise<GateStanding[]>;
  /** Counts by the minute, or of hours that are rolled up, that begin at `since` or later, oldest first. */
  tallies(since: number): Promise<Tally[]>;
  /** How long executions waited for their start, likewise. */
  waits(since: number): Promise<WaitCount[]>;
  /** Workers that are registered. */
  workers(): Promise<WorkerRow[]>;
  /** Workers that have left or died, newest first. Kept for seven days, the last thousand at most. */
  departed(limit: number): Promise<DepartedWorker[]>;
  /**
   * Tells workers something. Durable until each has heard it or is gone; a message sent again under its id is the same.
   * Answers to how many registered workers each went.
   */
  tell(messages: readonly NewMessage[]): Promise<number[]>;
  /** Runs that have not ended, by job and version. For people: in a large store no more than 100,000 of each state are counted. */
  versions(): Promise<OpenVersion[]>;
  /** Records what workers know of their jobs, for those who have not got the code. */
  publish(definitions: readonly Definition[]): Promise<void>;
  /** Jobs as workers have published them. */
  definitions(): Promise<Definition[]>;
}

/** How many runs that have not ended are of this version of a job. */
export interface OpenVersion extends Ability {
  readonly runs: number;
}

/** Something that workers are told. */
export interface NewMessage {
  readonly id: string;
  /** The worker; absent: every worker that is registered now. */
  readonly to?: string | undefined;
  readonly name: string;
  /** JSON text, at most 1 MiB. */
  readonly payload?: string | undefined;
}

/** A signal on its way to a run. */
export interface NewSignal {
  readonly id: string;
  readonly to: { readonly run: string } | { readonly job: string; readonly key: string };
  readonly name: string;
  readonly payload: string | undefined;
}

// ── Schedules ───────────────────────────────────────────────────────────────────────────────────────────────────

/** A schedule as it is defined. `times` and `policy` are text that the store keeps and compares and does not read. */
export interface NewSchedule {
  readonly name: string;
  readonly job: string;
  /** When it ticks. With another text it begins anew. */
  readonly times: string;
  /** What else is said of it: what becomes of missed ticks, of those that overlap … */
  readonly policy: string;
  /** JSON text; undefined: there is none, or code computes it at each tick. */
  readonly input: string | undefined;
  /** Its first tick, should it begin now; undefined: it will never tick. */
  readonly first: number | undefined;
}

/** What became of a tick, or of several that were missed together. */
export interface Tick {
  /** When it was due; of several the first. */
  readonly at: number;
  /** Of several the last. */
  readonly until?: number | undefined;
  /** How many they are; 1 unless given. */
  readonly count?: number | undefined;
  /**
   * `enqueued`: a run was recorded. `skipped`: the one before had not ended. `missed`: nobody was there in time, and the
   * schedule does not catch up on it. `failed`: no run could be made, `note` says why. `triggered`: by hand, in between.
   */
  readonly outcome: "enqueued" | "skipped" | "missed" | "failed" | "triggered";
  readonly run?: string | undefined;
  readonly note?: string | undefined;
}

export interface TickRow extends Tick {
  readonly count: number;
  readonly recordedAt: number;
}

/** What a worker found due, and what is to be recorded of it. */
export interface TickWrite {
  readonly schedule: string;
  /** Its next tick as it was read: refused when it is another by now. Absent: a trigger, which moves nothing. */
  readonly expected?: number | undefined;
  /** The tick after those recorded here; undefined: there is none. */
  readonly next: number | undefined;
  /** Records no run while one that the schedule made before has not ended: the ticks are then `skipped`. */
  readonly unlessRunning: boolean;
  readonly ticks: readonly Tick[];
  /** The runs of those ticks. */
  readonly runs: readonly NewRun[];
}

/** Refused: somebody else has recorded these ticks, or the schedule is paused, retired or gone. */
export type TickAnswer = { readonly taken: false } | { readonly taken: true; readonly skipped: boolean };

/** A schedule as it stands. */
export interface ScheduleRow extends Omit<NewSchedule, "first"> {
  /** Where it is defined: in the code of workers, or by a call at run time. */
  readonly origin: "code" | "runtime";
  readonly release: string | undefined;
  readonly next: number | undefined;
  readonly pausedAt: number | undefined;
  /** Since when no worker's code names it any more. */
  readonly retiredAt: number | undefined;
  readonly createdAt: number;
  /** Live workers that tick it: whose code names it, or, when it was made at run time, who have its job. */
  readonly workers: number;
  readonly last: TickRow | undefined;
}

/** What a worker ticks: schedules of its code by name, and those made at run time of the jobs it has. */
export interface Served {
  readonly worker: string;
  readonly names: readonly string[];
  readonly jobs: readonly string[];
}

/** What a worker has to tick. */
export interface DueSchedules {
  readonly due: readonly Pick<
    ScheduleRow,
    "name" | "origin" | "job" | "times" | "policy" | "input" | "next"
  >[];
  /** The next tick of what is served; undefined: there is none. */
  readonly next: number | undefined;
  /** What this worker has published does not count as it should by now: it must publish again. */
  readonly isStale: boolean;
}

/** Whose schedules they are. */
export interface PublishedBy {
  readonly release: string | undefined;
  /** These are all that its application has. Otherwise it can tell only of those of the jobs it has that they are gone. */
  readonly isAll: boolean;
}

/** How schedules are kept. */
export interface Schedules {
  /**
   * Enters the schedules of a worker's code, in place of what it entered before. One that is new begins; one that is
   * defined otherwise than before is replaced, unless this definition is older than one that a live worker has: so the
   * releases of a rolling deploy do not fight. One that no live worker names any more, while one that should lives, is
   * retired. One that comes back within a day goes on where it was; later, it begins anew.
   */
  publishSchedules(worker: string, schedules: readonly NewSchedule[], about: PublishedBy): Promise<void>;
  /** What is due, the longest first, at most `limit`. A read. */
  dueSchedules(served: Served, limit: number): Promise<DueSchedules>;
  /** Records ticks with their runs and moves the schedule on, each write whole or not at all. */
  tick(writes: readonly TickWrite[]): Promise<TickAnswer[]>;
  /** Schedules by these names; all of them, unless given. */
  schedules(names?: readonly string[]): Promise<ScheduleRow[]>;
  /** Ticks of a schedule, the latest first. The last 500 are kept. */
  ticks(schedule: string, limit: number): Promise<TickRow[]>;
  /** Makes a schedule at run time, or changes one. Answers what stood in the way, with nothing changed. */
  putSchedule(
    schedule: NewSchedule,
    how: "create" | "update",
    release: string | undefined,
  ): Promise<"done" | "exists" | "missing" | "code">;
  /** Removes one that was made at run time, or is retired, with its history; its runs stay. */
  removeSchedule(name: string): Promise<"done" | "missing" | "code">;
  /** Ticks it no more, until it is resumed. Answers whether it was there and not paused. */
  pauseSchedule(name: string): Promise<boolean>;
  /** Lets it tick again, from `next` on. Answers whether it was paused. */
  resumeSchedule(name: string, next: number | undefined): Promise<boolean>;
}

// ── Moving ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** A run with all that belongs to it, on its way from one store to another. */
export interface MovedRun {
  /** Its `after` is whole here. */
  readonly run: StoredRun;
  readonly onParentFailure?: NewRun["onParentFailure"];
  /** The batch that it is counted in, then the one which that is counted in, and so on. */
  readonly batches?: readonly MovedBatch[] | undefined;
  /** Its gates and its fair share, as it was recorded with them; it takes no place and no turn with it. */
  readonly gates?: readonly Gate[] | undefined;
  readonly fair?: string | undefined;
  readonly events: readonly TimelineEvent[];
  readonly logs: readonly LogLine[];
  readonly entries: readonly Entry[];
  /** Signals that it has not taken, in the order in which they came. */
  readonly signals?: readonly Pick<NewSignal, "id" | "name" | "payload">[] | undefined;
}

/** How many runs there are in a batch, and how many of them have ended how. */
export type BatchCounts = Pick<StoredBatch, "total" | "succeeded" | "failed" | "cancelled">;

/** A batch with its callbacks, as it stood when a run of it was read. */
export interface MovedBatch extends StoredBatch, Pick<NewBatch, "onSuccess" | "onFinished"> {
  /** What each store has counted of it, by its nonce: the counts of the batch are the sums. */
  readonly counted: Readonly<Record<string, BatchCounts>>;
}

/** How runs go from one store to another. */
export interface Moving {
  /** Runs with all that belongs to them, in the order asked for; those that are not there are left out. */
  read(ids: readonly string[]): Promise<MovedRun[]>;
  /**
   * Removes runs that still are what somebody has read: by token and state, and not running. Answers which. Nobody is told:
   * whoever comes after one of them goes on waiting for it, and batches go on counting it as what it was. A batch goes with
   * the last of its runs.
   */
  release(runs: readonly Pick<StoredRun, "id" | "token" | "state">[]): Promise<boolean[]>;
  /**
   * Records runs as they stood in another store, none of them running; one whose id is here already is left alone.
   * Answers which were recorded. Their next tokens are higher than any they had. Events are not told of their past. One that
   * comes after a run which is not here waits for that to come. A batch is here with the first of its runs. What
   * other stores have counted of it is taken as it was read last, and what is counted here goes on beside it: so it finishes
   * when the last that was open anywhere has ended, and is known to have.
   */
  adopt(runs: readonly MovedRun[]): Promise<boolean[]>;
}

// ── The whole ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Something a listener may want to look at has been committed. */
export interface Change {
  /** By this store object, or by somebody else. */
  readonly origin: "here" | "elsewhere";
  /** Runs known to have ended by it; from elsewhere they are not known. */
  readonly ended: readonly string[];
  /** There may be something to claim. */
  readonly claimable: boolean;
  /** A moment has come into the store at which something is due: the earliest of them. */
  readonly due?: number | undefined;
  /** Somebody may have asked a worker for something: for the end of a run, or by a message. */
  readonly asked: boolean;
  /** Schedules are others than before, or other workers have them. */
  readonly schedules?: true | undefined;
}

/** What a store says of its own health. */
export interface Doctor {
  readonly store: string;
  readonly version: string;
  readonly migration: number;
  readonly notes: readonly { readonly level: "ok" | "warn" | "error"; readonly text: string }[];
}

/** All that a store does. Each part says its own. */
export interface Store extends Intake, Work, Upkeep, Hand, Schedules, Moving {
  /** "sqlite", "postgres", or a name of your own. */
  readonly kind: string;
  /** The store's clock: milliseconds since 1970. */
  now(): number;
  /** How long a worker that shows no life keeps its runs, in milliseconds. Absent: as long as its process is there. */
  readonly patience?: number;
  /** Connects, and brings the tables up to date unless told not to. Calling it again is legal and free. */
  open(): Promise<void>;
  /** Finishes what was begun and lets go. Calling it again is legal. */
  close(): Promise<void>;
  /** Applies the migrations that are missing; answers their numbers. */
  migrate(): Promise<number[]>;
  /** Hears of changes, wherever they are made, within about 10 ms, without reading a table while there are none. */
  watch(listener: (change: Change) => void): () => void;
  /** A random word written into the database at its creation: two connections that read the same one see one database. */
  nonce(): Promise<string>;
  /** Looks at its own tables and settings, and says what is wrong with them. */
  doctor(): Promise<Doctor>;
}
