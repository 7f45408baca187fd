// Hearing of changes: one connection that listens, and a look now and then for what it missed.
//
// The connection is there while somebody listens. It hears the notices of other processes, it holds the locks by which
// the workers of this process show that they live, and the looks go over it as well, so that a connection which has
// fallen silent is noticed. A look takes no lock and leaves no trace. It comes every twelve seconds; soon after a cursor
// has passed a transaction that was under way; and often where notices cannot arrive: behind a pooler in transaction
// mode, or with `notify: false`.
//
// Before this file come the driver and the session. After it comes the store, which tells its listeners through it.
import type { Timer } from "../../kernel/index.js";
import type { Ability, Change } from "../contract.js";
import type { Database, Line, Row } from "./driver.js";
import { translate } from "./errors.js";
import { changeIn } from "./notices.js";
import type { Session, Values } from "./session.js";
import { statements } from "./statements.js";
import { jsonText, optionalNumber, optionalText, truthOf } from "./text.js";

/** How long until the next look, in milliseconds: with notices, without them, and first after a cursor passed somebody. */
const withNotices = 12_000;
const withoutNotices = 500;
const afterPassing = 50;
/** A look that is not answered for so long: the connection is dead. */
const answerPatience = 5_000;
const firstPause = 50;
const longestPause = 1_000;

type Listener = (change: Change) => void;

/** What happened between the wish to listen and the first moment of it told nobody: whoever waits for a run looks. */
const unheard: Change = { origin: "elsewhere", ended: [], claimable: false, asked: false };

interface Keeper {
  readonly lock: string;
  readonly abilities: readonly Ability[];
}

export interface LookoutOptions {
  readonly session: Session;
  /** Where the listening connection is made: the direct address, if there is one. */
  readonly database: () => Promise<Database>;
  readonly channel: string;
  /** The mark of this process in notices. */
  readonly origin: string;
  readonly notify: boolean;
  readonly report: (error: unknown) => void;
  /** Whether the server at the other end is a standby. */
  readonly onRole: (isStandby: boolean) => void;
  /** The connection broke. */
  readonly onLoss: () => void;
  /** The connection came back: something may have been missed, and claims may have been lost. */
  readonly onReturn: () => void;
}

export class Lookout {
  readonly #options: LookoutOptions;
  readonly #listeners = new Set<Listener>();
  readonly #keepers = new Map<string, Keeper>();
  #line: Line | undefined;
  #connecting: Promise<void> | undefined;
  #look: Timer | undefined;
  #looking: Promise<void> | undefined;
  #pause = firstPause;
  #interval = withNotices;
  #hasNotices = false;
  #holdsLocks = false;
  /** A standby refuses LISTEN, so there the looks come as often as without notices. */
  #isStandby = false;
  /** Workers whose lock is still held by a connection that has not noticed its end. */
  readonly #withoutLock = new Set<string>();
  #toldDue: number | undefined;
  /** Counts the changes of schedules, as last looked at. */
  #schedules: string | undefined;
  #wasConnected = false;
  #isOpen = false;

  constructor(options: LookoutOptions) {
    this.#options = options;
  }

  open(): void {
    this.#isOpen = true;
    this.#startIfNeeded();
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#listeners.clear();
    this.#look?.cancel();
    await this.#connecting;
    await this.#looking;
    await this.#letGo();
  }

  listen(listener: Listener): () => void {
    const own: Listener = (change) => listener(change);
    this.#listeners.add(own);
    this.#startIfNeeded();
    return () => {
      if (this.#listeners.delete(own) && this.#listeners.size === 0) this.#stop();
    };
  }

  tell(change: Change | undefined): void {
    if (change === undefined) return;
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#options.report(error);
      }
    }
  }

  /** A worker of this process: its lock is held as long as the connection is. */
  async keep(worker: string, keeper: Keeper): Promise<void> {
    this.#keepers.set(worker, keeper);
    const line = this.#line;
    if (line === undefined || !this.#holdsLocks) return;
    await this.#holdLock(line, worker, keeper).catch(() => this.#lost(line));
  }

  async leave(worker: string): Promise<void> {
    const keeper = this.#keepers.get(worker);
    this.#keepers.delete(worker);
    this.#withoutLock.delete(worker);
    if (keeper === undefined || this.#line === undefined || !this.#holdsLocks) return;
    await this.#ask(this.#line, "select pg_advisory_unlock(:lock::bigint)", { lock: keeper.lock }).catch(
      () => {},
    );
  }

  #startIfNeeded(): void {
    if (!this.#isOpen || this.#listeners.size === 0 || this.#connecting !== undefined) return;
    if (this.#line === undefined) this.#connecting = this.#connect();
  }

  #stop(): void {
    this.#look?.cancel();
    void this.#letGo();
  }

  /** Gives the connection back as it was lent: without listening and without locks. */
  async #letGo(): Promise<void> {
    const line = this.#line;
    this.#line = undefined;
    if (line === undefined) return;
    line.release(true);
  }

  async #connect(): Promise<void> {
    let line: Line | undefined;
    try {
      line = await (await this.#options.database()).lastingLine();
      const isPooled = (await line.isPooled()) === true;
      this.#isStandby = await this.#asksStandby(line);
      this.#options.onRole(this.#isStandby);
      this.#hasNotices = this.#options.notify && !isPooled && !this.#isStandby;
      this.#holdsLocks = line.hearsItsEnd && !isPooled && !this.#isStandby;
      const own = line;
      line.onEnd(() => this.#lost(own));
      if (this.#hasNotices)
        await withPatience(line.listen(this.#options.channel, (notice) => this.#hear(notice)));
      if (this.#holdsLocks) {
        for (const [worker, keeper] of this.#keepers) await this.#holdLock(line, worker, keeper);
      }
      this.#connecting = undefined;
      if (!this.#isOpen || this.#listeners.size === 0) return line.release(true);
      this.#line = line;
      this.#toldDue = undefined;
      this.#pause = firstPause;
      this.#interval = this.#hasNotices ? withNotices : withoutNotices;
      if (this.#wasConnected) this.#options.onReturn();
      else this.tell(unheard);
      this.#wasConnected = true;
      this.#lookAfter(0);
    } catch (error) {
      line?.release(true);
      this.#connecting = undefined;
      this.#connectLater(error);
    }
  }

  #connectLater(error?: unknown): void {
    if (!this.#isOpen || this.#listeners.size === 0) return;
    if (error !== undefined && this.#pause === firstPause)
      this.#options.report(translate(error, this.#options.session.where));
    const pause = this.#pause * (0.5 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, longestPause);
    this.#look?.cancel();
    this.#look = this.#options.session.clock.after(pause, () => this.#startIfNeeded());
  }

  #lost(line: Line): void {
    if (this.#line !== line) return;
    this.#line = undefined;
    line.release(true);
    this.#options.onLoss();
    this.#connectLater();
  }

  async #asksStandby(line: Line): Promise<boolean> {
    const [[isStandby] = []] = await withPatience(this.#ask(line, statements.isStandby, {}));
    return isStandby === "true";
  }

  async #holdLock(line: Line, worker: string, { lock }: Keeper): Promise<void> {
    const [row] = await this.#ask(line, statements.holdLock, { lock, worker });
    if (row !== undefined && !truthOf(row[0])) this.#withoutLock.add(worker);
    else this.#withoutLock.delete(worker);
  }

  async #holdMissingLocks(line: Line): Promise<void> {
    for (const worker of this.#withoutLock) {
      const keeper = this.#keepers.get(worker);
      if (keeper !== undefined) await this.#holdLock(line, worker, keeper);
    }
  }

  #hear(notice: string): void {
    this.tell(changeIn(notice, this.#options.origin));
  }

  #lookAfter(milliseconds: number): void {
    if (!this.#isOpen || this.#line === undefined) return;
    this.#interval = milliseconds;
    this.#look?.cancel();
    this.#look = this.#options.session.clock.after(milliseconds, () => {
      this.#looking ??= this.#lookNow().finally(() => {
        this.#looking = undefined;
      });
    });
  }

  async #lookNow(): Promise<void> {
    const line = this.#line;
    if (line === undefined) return;
    try {
      const abilities = [...this.#keepers.values()].flatMap((keeper) => keeper.abilities);
      const [row] = await withPatience(this.#ask(line, statements.peek, { abilities: jsonText(abilities) }));
      await withPatience(this.#holdMissingLocks(line));
      // Promoted meanwhile: what could not be had on a standby is there now.
      if (this.#isStandby && !(await this.#asksStandby(line))) return this.#lost(line);
      this.#report(row);
    } catch {
      this.#lost(line);
    }
  }

  #report(row: Row | undefined): void {
    const claimable = truthOf(row?.[0]);
    const due = optionalNumber(row?.[2]);
    const asked = truthOf(row?.[3]);
    const revision = optionalText(row?.[4]);
    const isAboutSchedules = this.#schedules !== undefined && revision !== this.#schedules;
    this.#schedules = revision;
    const plain = { origin: "elsewhere", ended: [], claimable, asked } as const;
    const change: Change = isAboutSchedules ? { ...plain, schedules: true } : plain;
    // Whoever was told keeps it in mind, and is not told again at each look.
    const isNews = due !== undefined && due !== this.#toldDue;
    this.#toldDue = due;
    if (isNews) this.tell({ ...change, due });
    else if (claimable || asked || isAboutSchedules || !this.#hasNotices) this.tell(change);
    const longest = this.#hasNotices ? withNotices : withoutNotices;
    this.#lookAfter(
      truthOf(row?.[1]) ? Math.min(Math.max(this.#interval, afterPassing) * 2, longest) : longest,
    );
  }

  async #ask(line: Line, statement: string, values: Values): Promise<Row[]> {
    const { text, values: bound } = this.#options.session.compile(statement, values);
    return line.query({ text, values: bound, name: undefined });
  }
}

function withPatience<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("not answered")), answerPatience);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
