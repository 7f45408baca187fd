// Hearing of changes without asking the tables.
//
// What this store commits it tells at once and exactly. What others commit, other processes or the application's own
// connection, shows in two ways: the write-ahead log beside the file changes, which the operating system reports, and
// `PRAGMA data_version` counts up, which costs two microseconds and reads no table. The first says when to look, the
// second whether it was really somebody else; and since reports of the operating system can get lost, the second is
// also asked twice a second. A storm of commits elsewhere is told as one change every few milliseconds, the last one
// never left out. Where the folder cannot be watched, the version is asked every ten milliseconds instead.
//
// Nobody listening, nothing is watched.
import { type FSWatcher, watch as watchFolder } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock, Timer } from "../../kernel/index.js";
import type { Change } from "../contract.js";
import { inMemory } from "./connection.js";
import type { Sql } from "./driver.js";
import { isBusy } from "./errors.js";
import { statements } from "./statements.js";
import { nextDue } from "./upkeep.js";

/** At most one look in this time, in milliseconds, however many reports come. */
const calm = 4;
/** Looks that follow a report, each so long after the one before: a commit may be seen that much later than its log. */
const echoes = [4, 4, 8, 16, 32, 64];
/** How often the version is asked although nothing was reported. */
const safetyCheck = 500;
/** How often it is asked where the folder cannot be watched. */
const blindCheck = 10;

type Listener = (change: Change) => void;

export interface WatchOptions {
  readonly file: string;
  readonly clock: Clock;
  readonly sql: () => Sql;
  /** A listener threw. */
  readonly report: (error: unknown) => void;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #listeners = new Set<Listener>();
  #watcher: FSWatcher | undefined;
  #safety: Timer | undefined;
  #look: NodeJS.Timeout | undefined;
  /** When that look is. */
  #lookAt = 0;
  #lookedAt = 0;
  /** How many looks have followed the last report. */
  #echo = 0;
  #version: number | undefined;
  /** Counts the changes of schedules; read when somebody else has committed, so the first time it may be no news. */
  #schedules: number | undefined;
  #isOpen = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** The database is there now: whoever listened before hears from now on. */
  open(): void {
    this.#isOpen = true;
    if (this.#listeners.size > 0) this.#start();
  }

  close(): void {
    this.#stop();
    this.#listeners.clear();
    this.#isOpen = false;
  }

  listen(listener: Listener): () => void {
    const own: Listener = (change) => listener(change);
    this.#listeners.add(own);
    if (this.#listeners.size === 1 && this.#isOpen) this.#start();
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

  /** Nobody else can write into memory. */
  #start(): void {
    const { file } = this.#options;
    if (file === inMemory) return;
    this.#version = this.#readVersion();
    const log = `${basename(file)}-wal`;
    try {
      this.#watcher = watchFolder(dirname(file), (_event, name) => {
        if (name === null || name === log) this.#lookSoon();
      });
      this.#watcher.on("error", () => this.#goBlind());
      this.#checkLater();
    } catch {
      this.#goBlind();
    }
    // Somebody may be in the middle of a commit: its log was written before anybody watched, and nothing reports it.
    this.#echo = 0;
    this.#lookAgain();
  }

  #stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#safety?.cancel();
    this.#safety = undefined;
    clearTimeout(this.#look);
    this.#look = undefined;
  }

  #goBlind(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#safety?.cancel();
    this.#checkLater();
  }

  #checkLater(): void {
    const pause = this.#watcher === undefined ? blindCheck : safetyCheck;
    this.#safety = this.#options.clock.after(pause, () => {
      this.#lookNow();
      if (this.#listeners.size > 0) this.#checkLater();
    });
  }

  /** At once when the last look is some time ago, else when it is. */
  #lookSoon(): void {
    this.#echo = 0;
    const wait = this.#lookedAt + calm - performance.now();
    if (wait <= 0) this.#lookNow();
    else this.#lookAfter(wait);
  }

  #lookAfter(wait: number): void {
    const at = performance.now() + wait;
    if (this.#look !== undefined && this.#lookAt <= at) return;
    clearTimeout(this.#look);
    this.#lookAt = at;
    this.#look = setTimeout(() => this.#lookNow(), wait);
  }

  /** The log is written, and reported, before the commit can be seen: a sync of the disk may lie between. */
  #lookAgain(): void {
    const wait = this.#watcher === undefined ? undefined : echoes[this.#echo];
    if (wait === undefined) return;
    this.#echo += 1;
    this.#lookAfter(wait);
  }

  #lookNow(): void {
    clearTimeout(this.#look);
    this.#look = undefined;
    this.#lookedAt = performance.now();
    try {
      this.#compare();
    } catch (error) {
      // Called by a timer: nobody is there to catch it. Whatever is wrong shows in the next verb as well.
      if (isBusy(error)) this.#lookSoon();
      else this.#options.report(error);
    }
    this.#lookAgain();
  }

  #compare(): void {
    const version = this.#readVersion();
    if (version === this.#version) return;
    const due = nextDue(this.#options.sql());
    const schedules = this.#readSchedules();
    const isAboutSchedules = schedules !== this.#schedules;
    this.#version = version;
    this.#schedules = schedules;
    this.#echo = 0;
    this.tell({
      origin: "elsewhere",
      ended: [],
      claimable: true,
      asked: true,
      ...(due === undefined ? {} : { due }),
      ...(isAboutSchedules ? { schedules: true } : {}),
    });
  }

  #readSchedules(): number | undefined {
    return this.#options.sql().get<[number]>(statements.schedulesRevision)?.[0];
  }

  #readVersion(): number | undefined {
    return this.#options.sql().get<[number]>("pragma data_version")?.[0];
  }
}
