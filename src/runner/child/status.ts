// How a worker is, told to its runner; and the wish to be replaced, once: when an execution has leaked, or when too many that
// are suspended cannot be let go.
//
// A runner that stands still takes nothing from the channel. What is told meanwhile would lie in this process, for hours
// maybe, and be old when it is read; so a status is told only when the one before has gone.
//
// Before this file comes the worker. After it comes the channel.
import type { RunningWorker } from "../../worker.js";
import type { FromWorker } from "../index.js";

/** A worker that holds more suspended executions than this is to be replaced: nothing else gives the memory back. */
const mostRetained = 1_000;

/** @param send calls back when the message has gone, or never will */
export function createStatus(
  worker: Pick<RunningWorker, "status">,
  send: (message: FromWorker, then?: () => void) => void,
): { tell: () => void } {
  let hasAsked = false;
  let isOnItsWay = false;
  return {
    tell() {
      if (isOnItsWay) return;
      isOnItsWay = true;
      const { state, running, leaked, ended, lastFetch, lastSettle, lastBeat, ...rest } = worker.status();
      const { fetchingFor, memory, delay } = rest;
      const times = { lastFetch, lastSettle, lastBeat, fetchingFor };
      const status = { state, running, leaked, ended, ...times, memory, delay };
      send({ type: "status", status }, () => {
        isOnItsWay = false;
      });
      const why = reasonOf({ leaked, retained: rest.retained });
      if (why === undefined || hasAsked) return;
      hasAsked = true;
      send({ type: "recycle", why });
    },
  };
}

/** Why it is to be replaced; undefined: it may go on. */
function reasonOf(status: Pick<ReturnType<RunningWorker["status"]>, "leaked" | "retained">) {
  const {
    leaked: [first],
    retained = {},
  } = status;
  if (first !== undefined) return `${first.job} ${first.run} was given up and goes on`;
  const [most] = Object.entries(retained).sort(([, one], [, other]) => other - one);
  const all = Object.values(retained).reduce((sum, number) => sum + number, 0);
  if (most === undefined || all <= mostRetained) return undefined;
  return `${all} suspended executions cannot be let go, ${most[1]} of them of ${most[0]}`;
}
