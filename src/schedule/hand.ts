// The application's hand on schedules: looking at them, pausing, triggering, and making them at run time.
//
// What a worker has in code is seen here as the workers published it; a schedule that is made here is stored whole, with
// its input, and ticked by the workers that have its job. Pausing holds whatever is deployed.
//
// Before this file come definitions and what makes runs. After it comes `open`, which gives it to the client.
import {
  type AnyContract,
  defaults,
  job as define,
  definitionOf,
  isContract,
  policyOf,
  prepareInput,
} from "../job/index.js";
import {
  checkOptions,
  didYouMean,
  type Events,
  InvalidOptionError,
  newId,
  shownValue,
} from "../kernel/index.js";
import type { Composed, EnqueueRequest } from "../middleware/index.js";
import {
  type PastTick,
  type Run,
  recordAll,
  recordOf,
  type ScheduleHandle,
  type ScheduleRules,
  type ScheduleState,
  type TickState,
} from "../queue/index.js";
import type { RunEvents } from "../run/index.js";
import type { NewRun, NewSchedule, ScheduleRow, Store, TickAnswer, TickRow } from "../store/contract.js";
import { calendarOf } from "./calendar.js";
import { readOptions, type ScheduleDefinition } from "./define.js";
import {
  ScheduleExistsError,
  ScheduleInCodeError,
  ScheduleNotAtHandError,
  ScheduleNotFoundError,
} from "./errors.js";
import { newScheduleOf, readBack, runOf, storedSource } from "./make.js";

const usualPreview = 10;
const usualHistory = 100;
const most = { preview: 1_000, history: 500 };

export interface ScheduleHandParts {
  readonly store: Store;
  /** Opens the store, when nobody has. */
  readonly ready: () => Promise<void>;
  readonly schedules: ReadonlyMap<string, ScheduleDefinition>;
  readonly jobs: ReadonlyMap<string, AnyContract>;
  readonly release: string | undefined;
  readonly around: Composed<EnqueueRequest> | undefined;
  readonly events: Events<RunEvents>;
  /** The handle of a run. */
  readonly run: (job: AnyContract, id: string) => Run;
}

export interface ScheduleHand {
  schedules(): Promise<ScheduleState[]>;
  schedule(name: string): ScheduleHandle;
}

/** A handle without the types of its jobs: what it is made of. */
type Bare = Omit<ScheduleHandle, "create" | "update"> & {
  create(job: AnyContract | string, options: GivenOptions): Promise<void>;
  update(job: AnyContract | string, options: GivenOptions): Promise<void>;
};

type GivenOptions = ScheduleRules & { readonly input?: unknown };

export function createScheduleHand(parts: ScheduleHandParts): ScheduleHand {
  const { store, ready, release } = parts;

  async function find(name: string): Promise<ScheduleRow | undefined> {
    await ready();
    const [row] = await store.schedules([name]);
    return row;
  }

  async function existing(name: string): Promise<ScheduleRow> {
    const row = await find(name);
    if (row !== undefined) return row;
    const names = (await store.schedules()).map((one) => one.name);
    throw new ScheduleNotFoundError(name, didYouMean(name, names));
  }

  /** The definition of a call, its input checked where the job is at hand. */
  async function read(name: string, job: AnyContract | string, options: GivenOptions): Promise<NewSchedule> {
    const where = `schedule "${name}"`;
    const { times, rules } = readOptions(name, options, where);
    const { input } = options;
    if (typeof input === "function") {
      throw new InvalidOptionError(
        `${where} has a function as its input, which cannot be stored. Define it in code, with schedule(), or give the input itself.`,
      );
    }
    if (isContract(job)) await prepareInput(job, input);
    else if (typeof job !== "string" || job === "") definitionOf(job);
    await ready();
    const asked = { name: typeof job === "string" ? job : job.name };
    const checked = isContract(job) ? { ...rules, version: policyOf(job).version } : rules;
    return newScheduleOf({ name, job: asked, times, rules: checked, input }, store.now());
  }

  async function runNow(row: ScheduleRow): Promise<{ run: NewRun; job: AnyContract }> {
    const { name } = row;
    const asked = { name, at: store.now(), id: newId(), release };
    const inCode = row.origin === "code" ? parts.schedules.get(name) : undefined;
    if (inCode !== undefined) return { run: await runOf(inCode, asked), job: inCode.job };
    if (readBack(row).rules.computed === true) throw new ScheduleNotAtHandError(name);
    const job = parts.jobs.get(row.job);
    if (job !== undefined) return { run: await runOf(storedSource(job, row), asked), job };
    return uncheckedRun(store, row, asked);
  }

  async function trigger(name: string): Promise<Run> {
    const row = await existing(name);
    const { run, job } = await runNow(row);
    const tick = { at: store.now(), outcome: "triggered", run: run.id } as const;
    let answer: TickAnswer = { taken: false };
    await recordAll(parts.around, [run], async (runs) => {
      const write = { schedule: name, next: undefined, unlessRunning: false, ticks: [tick], runs };
      [answer = answer] = await store.tick([write]);
      return [{ id: run.id, created: answer.taken }];
    });
    if (!answer.taken) throw new ScheduleNotFoundError(name);
    parts.events.emit("enqueued", { run: run.id, job: run.job, queue: run.queue, created: true });
    return parts.run(job, run.id);
  }

  function handle(name: string): Bare {
    return {
      name,
      async get() {
        const row = await find(name);
        return row === undefined ? undefined : stateOf(row);
      },
      async preview(count = usualPreview) {
        checkCount(count, most.preview, `the preview of schedule "${name}"`);
        return upcoming(await existing(name), store.now(), count);
      },
      async history(options = {}) {
        const where = `the history of schedule "${name}"`;
        checkOptions(options, ["limit"], where);
        const { limit = usualHistory } = options;
        checkCount(limit, most.history, where);
        await existing(name);
        return withRuns(store, await store.ticks(name, limit));
      },
      async pause() {
        await existing(name);
        return store.pauseSchedule(name);
      },
      async resume() {
        const { times } = readBack(await existing(name));
        return store.resumeSchedule(name, calendarOf(times, `schedule "${name}"`).next(store.now()));
      },
      trigger: () => trigger(name),
      async create(job, options) {
        const schedule = await read(name, job, options);
        if ((await store.putSchedule(schedule, "create", release)) === "exists")
          throw new ScheduleExistsError(name);
      },
      async update(job, options) {
        const schedule = await read(name, job, options);
        const answer = await store.putSchedule(schedule, "update", release);
        if (answer === "code") throw new ScheduleInCodeError(name, "changed");
        if (answer === "missing") await existing(name);
      },
      async remove() {
        await ready();
        const answer = await store.removeSchedule(name);
        if (answer === "code") throw new ScheduleInCodeError(name, "removed");
        return answer === "done";
      },
    };
  }

  return {
    async schedules() {
      await ready();
      return (await store.schedules()).map(stateOf);
    },
    schedule(name) {
      if (typeof name === "string" && name !== "") return handle(name);
      throw new InvalidOptionError("duckdive.schedule() needs the name of a schedule.");
    },
  };
}

/** The run of a job that this process does not have: a worker that has it checks the input. */
async function uncheckedRun(
  store: Store,
  row: ScheduleRow,
  asked: {
    readonly name: string;
    readonly at: number;
    readonly id: string;
    readonly release: string | undefined;
  },
): Promise<{ run: NewRun; job: AnyContract }> {
  const published = (await store.definitions()).find(({ job }) => job === row.job);
  const { version, queue, priority } = { ...defaults, ...published };
  const meta = { schedule: asked.name, tick: new Date(asked.at).toISOString() };
  const { id, release } = asked;
  const { job, input } = row;
  return {
    run: { id, job, version, queue, priority, input, meta, release, waiting: "preparation" },
    job: define({ name: job }),
  };
}

function upcoming(row: ScheduleRow, now: number, count: number): Date[] {
  const calendar = calendarOf(readBack(row).times, `schedule "${row.name}"`);
  const ticks: Date[] = [];
  for (let tick = calendar.next(now); tick !== undefined && ticks.length < count; tick = calendar.next(tick))
    ticks.push(new Date(tick));
  return ticks;
}

function checkCount(count: unknown, atMost: number, where: string): void {
  if (typeof count === "number" && Number.isInteger(count) && count >= 1 && count <= atMost) return;
  throw new InvalidOptionError(
    `${where} was asked for ${String(count)}. Use a whole number from 1 to ${atMost}.`,
  );
}

async function withRuns(store: Store, ticks: readonly TickRow[]): Promise<PastTick[]> {
  const ids = ticks.flatMap(({ run }) => run ?? []);
  const found = await store.find(ids);
  const runs = new Map(found.flatMap((run) => (run === undefined ? [] : [[run.id, recordOf(run)] as const])));
  return ticks.map((tick) => ({
    ...tickStateOf(tick),
    run: tick.run === undefined ? undefined : runs.get(tick.run),
  }));
}

function tickStateOf({ at, until, count, outcome, run, note, recordedAt }: TickRow): TickState {
  return {
    at: new Date(at),
    until: dateOf(until),
    count,
    outcome,
    runId: run,
    note,
    recordedAt: new Date(recordedAt),
  };
}

function stateOf(row: ScheduleRow): ScheduleState {
  const { times, rules } = readBack(row);
  const { name, job, origin, release, workers, input, last } = row;
  const state = stateWordOf(row);
  return {
    name,
    job,
    origin,
    state,
    cron: times.cron,
    timeZone: times.timeZone,
    every: times.every,
    start: dateOf(times.start),
    end: dateOf(times.end),
    missed: rules.missed,
    overlap: rules.overlap,
    jitter: rules.jitter,
    input: input === undefined ? undefined : shownValue(input),
    isComputed: rules.computed === true,
    next: state === "active" || state === "unserved" ? dateOf(row.next) : undefined,
    last: last === undefined ? undefined : tickStateOf(last),
    pausedAt: dateOf(row.pausedAt),
    retiredAt: dateOf(row.retiredAt),
    createdAt: new Date(row.createdAt),
    release,
    workers,
  };
}

function stateWordOf({ retiredAt, pausedAt, next, workers }: ScheduleRow): ScheduleState["state"] {
  if (retiredAt !== undefined) return "retired";
  if (pausedAt !== undefined) return "paused";
  if (next === undefined) return "over";
  return workers === 0 ? "unserved" : "active";
}

function dateOf(time: number | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
