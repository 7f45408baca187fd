// How a worker is, told to its runner; and the wish to be replaced, once, when executions have leaked.
//
// A runner that stands still takes nothing from the channel. What is told meanwhile would lie in this process, for hours
// maybe, and be old when it is read; so a status is told only when the one before has gone.
//
// Before this file comes the worker. After it comes the channel.
import type { RunningWorker } from "../../worker.js";
import type { FromWorker } from "../index.js";

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
      const [first] = leaked;
      if (first === undefined || hasAsked) return;
      hasAsked = true;
      send({ type: "recycle", why: `${first.job} ${first.run} was given up and goes on` });
    },
  };
}
