// Schedules: what ticks when, who has it in code, and what became of its ticks.
//
// A tick and its runs are one statement, which looks first whether the schedule still stands where the worker has read
// it: so of many workers that find it due at once, one records it, and nobody leads. Times are computed by whoever calls;
// here they are compared and kept. The functions behind the statements stand in migration 0012.
import type {
  DueSchedules,
  NewSchedule,
  ScheduleRow,
  Schedules,
  Served,
  TickAnswer,
  TickRow,
  TickWrite,
} from "../contract.js";
import { Findings } from "../findings.js";
import { awayAtMost, digestOf, formerKept, ticksKept } from "../schedules.js";
import type { Text } from "./driver.js";
import type { Intake } from "./intake.js";
import type { Session } from "./session.js";
import { columnsOf, findingsOf, refuseHanging } from "./shapes.js";
import { statements } from "./statements.js";
import { jsonText, numberOf, optionalNumber, optionalText, textList, truthOf, withoutNul } from "./text.js";
import { unrefused } from "./unique.js";

export interface SchedulingParts {
  readonly session: Session;
  readonly intake: Pick<Intake, "makeLanes">;
  readonly tell: (found: Findings) => void;
  /** The text that wakes other processes; null when they shall not be woken. */
  readonly notice: (found: Findings) => string | null;
}

/** The verbs, by the part of the contract that they keep. */
export interface Scheduling {
  readonly publish: Schedules["publishSchedules"];
  readonly due: Schedules["dueSchedules"];
  readonly tick: Schedules["tick"];
  readonly schedules: Schedules["schedules"];
  readonly ticks: Schedules["ticks"];
  readonly put: Schedules["putSchedule"];
  readonly remove: Schedules["removeSchedule"];
  readonly pause: Schedules["pauseSchedule"];
  readonly resume: Schedules["resumeSchedule"];
}

export function createScheduling({ session, intake, tell, notice }: SchedulingParts): Scheduling {
  function changed(): void {
    const found = new Findings();
    found.schedules = true;
    tell(found);
  }

  async function tickOne(write: TickWrite): Promise<TickAnswer> {
    const { schedule, expected, next, unlessRunning, ticks, runs } = write;
    refuseHanging(runs);
    await intake.makeLanes(runs);
    const found = findingsOf(runs, session.time());
    const [row] = await session.ask(statements.recordTicks, {
      schedule,
      expected,
      next,
      unlessRunning: String(unlessRunning),
      ticks: jsonText(ticks),
      kept: ticksKept,
      ...columnsOf(runs.map(unrefused)),
      notice: runs.length === 0 ? null : notice(found),
      now: session.now(),
    });
    const skipped = row?.[0];
    if (skipped === null || skipped === undefined) return { taken: false };
    if (!truthOf(skipped)) tell(found);
    return { taken: true, skipped: truthOf(skipped) };
  }

  return {
    async publish(worker, schedules, { release, isAll }) {
      await session.ask(statements.publishSchedules, {
        worker,
        items: jsonText(schedules.map(itemOf)),
        isAll: String(isAll),
        release,
        away: awayAtMost,
        now: session.now(),
      });
      changed();
    },
    due: (served, limit) => due(session, served, limit),
    async tick(writes) {
      const answers: TickAnswer[] = [];
      for (const write of writes) answers.push(await tickOne(write));
      return answers;
    },
    schedules: (names) => schedules(session, names),
    async ticks(name, limit) {
      return (await session.ask(statements.ticks, { name, limit })).map(tickFrom);
    },
    async put(schedule, how, release) {
      const item = jsonText(itemOf(schedule));
      const [row] = await session.ask(statements.putSchedule, { item, how, release, now: session.now() });
      const answer = (row?.[0] ?? "missing") as Awaited<ReturnType<Schedules["putSchedule"]>>;
      if (answer === "done") changed();
      return answer;
    },
    async remove(name) {
      const [row] = await session.ask(statements.removeSchedule, { name: withoutNul(name) });
      const answer = (row?.[0] ?? "missing") as Awaited<ReturnType<Schedules["removeSchedule"]>>;
      if (answer === "done") changed();
      return answer;
    },
    pause: (name) => setPause(name, true, undefined),
    resume: (name, next) => setPause(name, false, next),
  };

  async function setPause(name: string, isPause: boolean, next: number | undefined): Promise<boolean> {
    const values = { name: withoutNul(name), pause: String(isPause), next, now: session.now() };
    const [row] = await session.ask(statements.pauseSchedule, values);
    if (!truthOf(row?.[0])) return false;
    changed();
    return true;
  }
}

function itemOf(schedule: NewSchedule): object {
  return { ...schedule, digest: digestOf(schedule), kept: formerKept };
}

async function due(session: Session, served: Served, limit: number): Promise<DueSchedules> {
  const values = { names: textList(served.names), jobs: textList(served.jobs) };
  const rows = await session.ask(statements.dueSchedules, { ...values, limit, now: session.now() });
  const [after] = await session.ask(statements.nextTick, { ...values, worker: served.worker });
  return {
    due: rows.map(([name, origin, job, times, policy, input, next]) => ({
      name: name ?? "",
      origin: origin as ScheduleRow["origin"],
      job: job ?? "",
      times: times ?? "",
      policy: policy ?? "",
      input: optionalText(input),
      next: numberOf(next),
    })),
    next: optionalNumber(after?.[0]),
    isStale: truthOf(after?.[1]),
  };
}

async function schedules(session: Session, names: readonly string[] | undefined): Promise<ScheduleRow[]> {
  const wanted = names === undefined ? null : textList(names);
  const rows = await session.ask(statements.schedules, { names: wanted });
  return rows.map(([name, origin, job, times, policy, input, release, ...more]) => {
    const [next, pausedAt, retiredAt, createdAt, workers, ...last] = more;
    return {
      name: name ?? "",
      origin: origin as ScheduleRow["origin"],
      job: job ?? "",
      times: times ?? "",
      policy: policy ?? "",
      input: optionalText(input),
      release: optionalText(release),
      next: optionalNumber(next),
      pausedAt: optionalNumber(pausedAt),
      retiredAt: optionalNumber(retiredAt),
      createdAt: numberOf(createdAt),
      workers: numberOf(workers),
      last: last[0] === null || last[0] === undefined ? undefined : tickFrom(last),
    };
  });
}

function tickFrom([at, until, count, outcome, run, note, recordedAt]: readonly Text[]): TickRow {
  return {
    at: numberOf(at),
    until: optionalNumber(until),
    count: numberOf(count),
    outcome: outcome as TickRow["outcome"],
    run: optionalText(run),
    note: optionalText(note),
    recordedAt: numberOf(recordedAt),
  };
}
