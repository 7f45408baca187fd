// A lock, a limit or a rate of it is closed: who has it, who is in line before it, when it opens.
import type { GateStanding } from "../../store/contract.js";
import type { Facts, Reason } from "./facts.js";
import { at, many, quoted, until } from "./words.js";

export function gateReasons({ gates, now }: Facts): Reason[] {
  return gates
    .filter((gate) => isClosed(gate, now))
    .map((gate) => ({ code: gate.kind, text: gate.kind === "rate" ? closedRate(gate, now) : taken(gate) }));
}

/** A newcomer gets no place while somebody is in line, also where one is free. */
export function isClosed(
  { kind, isHolding, isParked, used, limit, ahead, opensAt }: GateStanding,
  now: number,
): boolean {
  if (isHolding) return false;
  if (isParked || ahead > 0) return true;
  return kind === "rate" ? opensAt !== undefined && opensAt > now : used >= limit;
}

function taken(gate: GateStanding): string {
  const { kind, key, limit, used } = gate;
  const place = line(gate);
  if (used < limit)
    return `${kind} ${quoted(key)} has a free place that goes to somebody else first${place}. It goes on by itself.`;
  if (kind === "lock")
    return `lock ${quoted(key)} is held by ${holdersOf(gate)}${place}. ${remedyOfHolders(gate)}`;
  return (
    `${used} of ${limit} places at limit ${quoted(key)} are taken, by ${holdersOf(gate)}${place}. ` +
    `${remedyOfHolders(gate)} A limit that is raised in its job's definition counts for runs enqueued from then on.`
  );
}

function holdersOf({ holders, used }: GateStanding): string {
  const named = holders.slice(0, 5).map(({ run, job, state, since }) => {
    const how = since === undefined ? state : `running since ${at(since)}`;
    return `run ${run} of job ${quoted(job)} (${how})`;
  });
  const rest = used - named.length;
  if (named.length === 0) return many(used, "run");
  return rest > 0 ? `${named.join(", ")} and ${rest} more` : named.join(", ");
}

/** A lock that is kept over waits and retries has a holder that does not run. */
function remedyOfHolders({ holders, used }: GateStanding): string {
  const [first] = holders;
  const who = used > 1 ? "one of them" : "that one";
  if (first === undefined) return `It is handed on when ${who} ends.`;
  const when = holders.every(({ state }) => state === "running")
    ? `It is handed on when ${who} ends`
    : "It is kept over waits and retries, and handed on at the end";
  return `${when}; to end it: \`duckdive cancel ${first.run}\`.`;
}

function line({ ahead }: GateStanding): string {
  if (ahead === 0) return "";
  return `, and ${many(ahead, "run")} ${ahead === 1 ? "is" : "are"} in line before it`;
}

function closedRate(gate: GateStanding, now: number): string {
  const { key, limit, per } = gate;
  const rule = per === undefined ? "" : ` (${limit} in ${per / 1_000} s)`;
  return (
    `rate ${quoted(key)}${rule} ${opening(gate, now)}${line(gate)}. ` +
    "It goes on by itself; a higher rate in its job's definition counts for runs enqueued from then on."
  );
}

/** Who is let in has the turn until it starts, however long that takes. */
function opening({ opensAt, holders }: GateStanding, now: number): string {
  if (opensAt !== undefined && opensAt > now)
    return `is closed, and lets the next one start ${until(opensAt, now)}`;
  const [first] = holders;
  if (first === undefined) return "lets the next one start within moments";
  return `has let in run ${first.run} of job ${quoted(first.job)}, which has to start first: \`duckdive explain ${first.run}\``;
}
