// The end of a worker's process by something that the application left uncaught.
//
// Nobody knows what state the application is in, so the process ends: it says what happened, lets what runs end for a
// moment, and gives the rest up as lost. One that is looked after mostly knows which run it was, and says so in its last
// breath, so that the runs beside it keep their attempt. Where that is not known, each attempt counts, because a run that
// kills its worker must not do so for ever: before it is given up it is executed alone, and so are those that were beside.
//
// Before this file comes `serve`. After it comes the exit.
import { systemClock } from "../kernel/index.js";
import type { Attendant } from "../runner/child/index.js";
import type { RunningWorker } from "../worker.js";
import { exits } from "./exit.js";
import { leave } from "./leave.js";
import type { Session } from "./session.js";
import type { Teller } from "./teller.js";
import { shownRuns, type Underway } from "./underway.js";

/** After something was left uncaught, what runs beside it has so long to end. */
const grace = 5_000;

export interface Crash {
  readonly hasBegun: () => boolean;
  readonly over: Promise<never>;
}

export function watchForCrash(parts: {
  readonly teller: Teller;
  readonly session: Session;
  readonly worker: RunningWorker;
  readonly underway: Underway;
  readonly attendant: Attendant | undefined;
}): Crash {
  const { teller, session, worker, underway, attendant } = parts;
  let isCrashing = false;

  function crash(kind: string, error: unknown): void {
    const isFirst = !isCrashing;
    isCrashing = true;
    const stack = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    const culprit = isFirst ? attendant?.dying(`${kind}: ${String(error)}`) : undefined;
    const running = underway.size === 0 ? "nothing was running" : `running then: ${shownRuns(underway)}`;
    const blamed = culprit === undefined ? "" : ` by ${culprit.job} ${culprit.run}`;
    teller.say(
      "crashed",
      `${kind}${blamed}; ${running}. This worker ends.`,
      { error: stack, running: [...underway.keys()], culprit: culprit?.run },
      "error",
    );
    teller.flush();
    process.stderr.write(`${stack}\n`);
    if (!isFirst) return;
    const culprits = culprit === undefined ? {} : { culprits: [culprit.run] };
    void giveUp(session, worker, { cause: kind, ...culprits }).then(() => {
      teller.flush();
      leave(exits.crashed);
    });
  }

  process.on("uncaughtException", (error) => crash("an error was thrown and not caught", error));
  process.on("unhandledRejection", (error) => crash("a promise was rejected and not handled", error));
  return { hasBegun: () => isCrashing, over: new Promise<never>(() => {}) };
}

/** Lets what runs end for a moment; what is left is given back as lost. */
async function giveUp(
  { store }: Session,
  worker: RunningWorker,
  how: { readonly cause: string; readonly culprits?: readonly string[] },
): Promise<void> {
  const enough = new Promise<"enough">((resolve) => {
    systemClock.after(grace, () => resolve("enough"));
  });
  const ended = await Promise.race([worker.stop({ drain: 2 * grace }).catch(() => "ended"), enough]);
  if (ended === "enough") await store.rescue([{ worker: worker.id, ...how }]).catch(() => {});
}
