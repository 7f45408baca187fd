// Executions: each beyond the first is explained by the run's record, tokens rise, and attempts are what was counted.
import { linesBy } from "../evidence.mjs";

/** @typedef {import("../evidence.mjs").Evidence} Evidence */
/** @typedef {import("../audit.mjs").Found} Found */
/** @typedef {import("../../../../src/store/contract.js").TimelineEvent} TimelineEvent */

/** What ends an execution and lets another one follow. */
const endings = new Set([
  "lost",
  "failed",
  "snoozed",
  "handedBack",
  "parked",
  "suspended",
  "cancelled",
  "expired",
]);

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* unexplained(evidence) {
  for (const { run, token, job } of duplicates(evidence).filter(({ isBeyondRecord }) => !isBeyondRecord))
    yield {
      run,
      what: `"${job}" was executed with token ${token} and again, and its record does not say why`,
    };
}

/**
 * How many executions nobody could put on record: a crash of the database undid the claim, which is not synced, and the
 * worker, which alone knew of it, died before it could say so.
 * @param {Evidence} evidence
 */
export function beyondRecord(evidence) {
  return duplicates(evidence).filter(({ isBeyondRecord }) => isBeyondRecord).length;
}

/** Executions that another one followed without a word in the record. @param {Evidence} evidence */
function duplicates({ lines, runs }) {
  const shown = linesBy(lines, "shown", "pid");
  const crashes = lines.flatMap(({ what, name, at }) =>
    what === "fault" && (name === "restart-database" || name === "fill-disk") ? [at] : [],
  );
  /** @param {any} execution @param {any[]} executed */
  function isBeyondRecord({ token, claim, at, pid }, executed) {
    const next = executed.find((one) => one.token === token && one.claim !== claim && one.at > at);
    const crash = crashes.find((moment) => moment > at && next !== undefined && moment < next.at);
    return crash !== undefined && (shown.get(String(pid)) ?? []).every(({ asked }) => asked < crash);
  }
  const suspended = new Set([...suspensions(lines)]);
  return [...linesBy(lines, "executed")].flatMap(([run, executed]) => {
    const events = runs.get(run)?.events ?? [];
    const last = lastOf(executed);
    return executed
      .filter((execution) => execution !== last && !suspended.has(keyOf(execution)))
      .filter((execution) => !isExplained(execution, executed, events))
      .map(({ job, token, ...rest }) => ({
        run,
        job,
        token,
        isBeyondRecord: isBeyondRecord({ token, ...rest }, executed),
      }));
  });
}

/** Executions that were to be suspended, and were not refused: their entries tell the rest. @param {Evidence["lines"]} lines */
function suspensions(lines) {
  const refused = new Set(lines.flatMap((line) => (line.what === "refused" ? [keyOf(line)] : [])));
  return lines.flatMap((line) => {
    const key = keyOf(line);
    return line.what === "suspending" && !refused.has(key) ? [key] : [];
  });
}

/** @param {Record<string, any>} execution */
function keyOf({ run, token, claim }) {
  return `${run} ${token} ${claim}`;
}

/** @param {any[]} executed */
function lastOf(executed) {
  return executed.reduce((last, one) => (one.token >= last.token ? one : last));
}

/**
 * Of executions with one token all but the last have lost their claim in a crash of the database, each its own.
 * @param {any} execution
 * @param {any[]} executed
 * @param {readonly TimelineEvent[]} events
 */
function isExplained(execution, executed, events) {
  const { token, claim } = execution;
  const ends = events.filter((event) => event.token === token && endings.has(event.kind));
  const undone = ends.filter(({ detail }) => claimIn(detail) !== undefined);
  if (undone.some(({ detail }) => claimIn(detail) === claim)) return true;
  const last = executed.findLast((one) => one.token === token);
  return execution === last && ends.length > undone.length;
}

/** @param {unknown} detail */
function claimIn(detail) {
  return typeof detail === "object" && detail !== null ? Reflect.get(detail, "claim") : undefined;
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* tokens({ lines, runs }) {
  for (const [run, executed] of linesBy(lines, "executed")) {
    const events = runs.get(run)?.events ?? [];
    const seen = new Set();
    let highest = -1;
    for (const { token, claim } of executed) {
      if (seen.has(`${token} ${claim}`)) yield { run, what: `token ${token} was executed twice` };
      seen.add(`${token} ${claim}`);
      // A worker that was stopped between its claim and its handler begins when its run is somebody else's.
      const isLost = events.some((event) => event.kind === "lost" && event.token === token);
      if (token < highest && !isLost)
        yield { run, what: `token ${token} was executed after token ${highest}` };
      highest = Math.max(highest, token);
    }
  }
}

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* attempts({ lines, runs }) {
  for (const [run, claimed] of linesBy(lines, "claimed")) {
    const events = runs.get(run)?.events ?? [];
    for (const { token, attempt, crashes } of claimed) {
      const before = sinceRetried(events.filter((event) => event.token < token));
      const used = 1 + before.filter(costsAttempt).length;
      // What a handler records gives it its attempts again, and is not among the events.
      const hasRecorded = (runs.get(run)?.entries ?? []).length > 0;
      const isRight = hasRecorded ? attempt >= 1 && attempt <= used : attempt === used;
      if (!isRight)
        yield {
          run,
          what: `token ${token} was given as attempt ${attempt}, and its record makes it ${used}`,
        };
      const lost = before.filter(countsAsCrash).length;
      if (crashes !== lost)
        yield { run, what: `token ${token} was given with ${crashes} crashes, and its record has ${lost}` };
    }
  }
}

/** @param {readonly TimelineEvent[]} events */
function sinceRetried(events) {
  return events.slice(events.findLastIndex(({ kind }) => kind === "retried") + 1);
}

/** @param {TimelineEvent} event */
function costsAttempt(event) {
  return event.kind === "failed" || event.kind === "expired" || countsAsCrash(event);
}

/** Not when somebody else has taken the worker down, nor when a crash of the database has undone the claim. @param {TimelineEvent} event */
function countsAsCrash({ kind, detail }) {
  if (kind !== "lost") return false;
  const { innocent, claim } = /** @type {{ innocent?: boolean, claim?: string }} */ (detail ?? {});
  return innocent !== true && claim === undefined;
}
