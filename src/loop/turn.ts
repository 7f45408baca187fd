// An execution that waits at the gate for its turn: it holds its claim and its slot, and its handler is not called yet.
//
// Told to stop meanwhile, it ends as any execution that was stopped, at once. When its turn comes it is looked at anew:
// a time within which it had to start may be over. Only then does its timeout begin.
//
// Before this file come the claim and the gate. After it comes the execution itself.
import type { Claimed } from "../store/contract.js";
import type { Conclusion, Execution } from "./conclusion.js";
import type { Stop } from "./stop.js";

/** `begin` calls the handler; `end` makes a conclusion without it. */
export function waitForTurn(
  claimed: Claimed,
  begin: () => Execution,
  end: (stop: Stop) => Conclusion,
): Execution & { readonly begin: () => void } {
  let execution: Execution | undefined;
  let isOver = false;
  let settle: (conclusion: Conclusion | Promise<Conclusion>) => void = () => {};
  const conclusion = new Promise<Conclusion>((resolve) => {
    settle = resolve;
  });
  return {
    claimed,
    conclusion,
    get calledAt() {
      return execution?.calledAt;
    },
    begin() {
      if (isOver) return;
      execution = begin();
      settle(execution.conclusion);
    },
    stop(stop, grace) {
      if (execution !== undefined) execution.stop(stop, grace);
      else if (!isOver) {
        isOver = true;
        settle(end(stop));
      }
    },
  };
}
