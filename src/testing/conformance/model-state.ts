// A store as a few lines of pure code: what the contract says becomes of runs, without a database.
//
// `model.ts` walks a real store and this one through the same random commands and compares them after each. Where the
// contract leaves a column open, the model leaves it out of the comparison; where the store may choose (which of two
// equals it claims), the model checks that the choice is a legal one and follows it.
import assert from "node:assert/strict";
import type { Claimed, Promotion, Settled, Settlement, StoredRun } from "../../store/contract.js";

export interface ModelRun {
  readonly id: string;
  readonly queue: string;
  readonly priority: number;
  readonly requestedAt: number;
  state: StoredRun["state"];
  attempt: number;
  crashes: number;
  /** The highest token it was ever claimed with. */
  token: number;
  runAt: number;
  /** Undefined unless it is running. */
  worker: string | undefined;
  startedAt: number | undefined;
  finishedAt: number | undefined;
  /** Known only where the settlement said how long it is kept. */
  expiresAt: number | undefined;
  reason: string | undefined;
  cancelAsked: string | undefined;
  waiting: string | undefined;
  error: boolean;
}

export class ModelStore {
  readonly runs = new Map<string, ModelRun>();
  readonly workers = new Set<string>();
  readonly pausedQueues = new Set<string>();
  jobPaused = false;
  now = 0;

  insert(id: string, queue: string, priority: number, delay: number): boolean {
    if (this.runs.has(id)) return false;
    this.runs.set(id, {
      id,
      queue,
      priority,
      requestedAt: this.now,
      state: delay > 0 ? "scheduled" : "ready",
      attempt: 0,
      crashes: 0,
      token: 0,
      runAt: this.now + delay,
      worker: undefined,
      startedAt: undefined,
      finishedAt: undefined,
      expiresAt: undefined,
      reason: undefined,
      cancelAsked: undefined,
      waiting: undefined,
      error: false,
    });
    return true;
  }

  /** Checks that what was claimed is what may be claimed, and takes it over. */
  claimed(worker: string, queues: Readonly<Record<string, number>>, answer: readonly Claimed[]): void {
    const rank = (run: ModelRun): string => `${String(100 - run.priority).padStart(3, "0")} ${run.runAt}`;
    const left = new Map(Object.entries(queues));
    const wanted: ModelRun[] = [];
    const ready = [...this.runs.values()].filter(
      (run) => run.state === "ready" && !this.pausedQueues.has(run.queue),
    );
    for (const run of ready.sort((one, other) => (rank(one) < rank(other) ? -1 : 1))) {
      const from = left.has(run.queue) ? run.queue : "*";
      const free = left.get(from) ?? 0;
      if (free === 0) continue;
      left.set(from, free - 1);
      wanted.push(run);
    }
    const got = answer.map((claimed) => this.get(claimed.run));
    assert.deepEqual(got.map(rank), wanted.map(rank), "priority and moment of what was claimed");
    for (const claimed of answer) {
      const run = this.get(claimed.run);
      assert.ok(ready.includes(run), "a run was claimed that is not ready");
      assert.ok(claimed.token > run.token, `token ${claimed.token} is not above ${run.token}`);
      Object.assign(run, { state: "running", worker, startedAt: this.now, token: claimed.token });
      run.attempt++;
      assert.deepEqual(
        [claimed.attempt, claimed.crashes, claimed.startedAt, claimed.paused, claimed.queue],
        [run.attempt, run.crashes, this.now, this.jobPaused, run.queue],
      );
    }
  }

  settle(settlement: Settlement): Settled {
    const run = this.runs.get(settlement.run);
    if (run === undefined || run.state !== "running" || run.token !== settlement.token)
      return { taken: false };
    const { state } = settlement;
    const ends = state === "succeeded" || state === "failed" || state === "cancelled";
    if (settlement.giveBack) run.attempt--;
    run.worker = undefined;
    if (ends) this.end(run, state, settlement.reason, settlement.keep);
    else if (run.cancelAsked !== undefined) this.end(run, "cancelled", run.cancelAsked, undefined);
    else if (state === "scheduled") {
      assert.ok(settlement.due && "after" in settlement.due);
      Object.assign(run, { state, runAt: this.now + settlement.due.after });
    } else if (state === "waiting" && this.jobPaused) Object.assign(run, { state, waiting: "paused" });
    else run.state = "ready";
    run.cancelAsked = undefined;
    if (settlement.error !== undefined) run.error = true;
    else if (state === "succeeded") run.error = false;
    return { taken: true, state: run.state };
  }

  rescue(worker: string): Set<string> {
    const lost = [...this.runs.values()].filter((run) => run.state === "running" && run.worker === worker);
    for (const run of lost) {
      run.crashes++;
      run.worker = undefined;
      if (run.cancelAsked === undefined) run.state = "ready";
      else this.end(run, "cancelled", run.cancelAsked, undefined);
      run.cancelAsked = undefined;
    }
    this.workers.delete(worker);
    return new Set(lost.map((run) => run.id));
  }

  promote(): Promotion {
    const scheduled = [...this.runs.values()].filter((run) => run.state === "scheduled");
    const due = scheduled.filter((run) => run.runAt <= this.now);
    for (const run of due) run.state = "ready";
    const later = scheduled.filter((run) => run.runAt > this.now).map((run) => run.runAt);
    return { moved: due.length, next: later.length === 0 ? undefined : Math.min(...later), expired: [] };
  }

  prune(): number {
    const over = [...this.runs.values()].filter(
      (run) => run.expiresAt !== undefined && run.expiresAt <= this.now,
    );
    for (const run of over) this.runs.delete(run.id);
    return over.length;
  }

  cancel(id: string, reason: string): boolean | undefined {
    const run = this.runs.get(id);
    if (run === undefined || run.finishedAt !== undefined) return false;
    if (run.state === "running") {
      const again = run.cancelAsked !== undefined;
      run.cancelAsked ??= reason;
      return again ? undefined : true;
    }
    this.end(run, "cancelled", reason, undefined);
    return true;
  }

  retry(id: string): boolean {
    const run = this.runs.get(id);
    if (run === undefined || (run.state !== "failed" && run.state !== "cancelled")) return false;
    Object.assign(run, {
      state: "ready",
      attempt: 0,
      finishedAt: undefined,
      expiresAt: undefined,
      reason: undefined,
    });
    return true;
  }

  remove(id: string): boolean {
    return this.runs.get(id)?.state !== "running" && this.runs.delete(id);
  }

  resumeJob(): void {
    this.jobPaused = false;
    for (const run of this.runs.values()) {
      if (run.state === "waiting") Object.assign(run, { state: "ready", waiting: undefined });
    }
  }

  /** Compares, and takes over what the contract leaves to the store. */
  compare(stored: readonly StoredRun[]): void {
    assert.deepEqual(
      new Set(stored.map((run) => run.id)),
      new Set(this.runs.keys()),
      "the runs that there are",
    );
    for (const run of stored) {
      const mine = this.get(run.id);
      if (mine.state === "ready" && run.state === "ready" && run.runAt <= this.now) mine.runAt = run.runAt;
      if (mine.state === "ready" && mine.attempt === 0 && run.crashes === 0) mine.crashes = 0;
      assert.deepEqual(
        {
          state: run.state,
          attempt: run.attempt,
          crashes: run.crashes,
          token: run.state === "running" ? run.token : mine.token,
          runAt: run.state === "scheduled" || run.state === "ready" ? run.runAt : mine.runAt,
          worker: run.worker,
          startedAt: run.state === "running" ? run.startedAt : mine.startedAt,
          finishedAt: run.finishedAt,
          expiresAt: mine.expiresAt === undefined && run.finishedAt !== undefined ? undefined : run.expiresAt,
          reason: run.reason,
          cancelAsked: run.cancelAsked,
          waiting: run.waiting?.reason,
          requestedAt: run.requestedAt,
          queue: run.queue,
          priority: run.priority,
          id: run.id,
          error: run.state === "succeeded" || run.state === "failed" ? run.error !== undefined : mine.error,
        },
        mine,
      );
    }
  }

  get(id: string): ModelRun {
    const run = this.runs.get(id);
    assert.ok(run !== undefined, `run ${id} should not be there`);
    return run;
  }

  private end(
    run: ModelRun,
    state: StoredRun["state"],
    reason: string | undefined,
    keep: number | undefined,
  ): void {
    run.state = state;
    run.reason = reason;
    run.finishedAt = this.now;
    run.expiresAt = keep === undefined ? undefined : this.now + keep;
    run.waiting = undefined;
  }
}
