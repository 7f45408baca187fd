import { expect, test } from "vitest";
import type { RunningWorker } from "../../worker.js";
import type { FromWorker } from "../index.js";
import { createStatus } from "./status.js";

type Status = ReturnType<RunningWorker["status"]>;

function telling(given: Partial<Status> = {}) {
  const status: Status = {
    state: "working",
    started: 0,
    ended: 0,
    running: [],
    leaked: [],
    retained: undefined,
    lastFetch: 1,
    lastSettle: 1,
    lastBeat: 1,
    fetchingFor: undefined,
    memory: 50_000_000,
    delay: 1,
    queues: { "*": 10 },
    ...given,
  };
  const sent: FromWorker[] = [];
  const gone: (() => void)[] = [];
  const { tell } = createStatus({ status: () => status }, (message, then) => {
    sent.push(message);
    if (then !== undefined) gone.push(then);
  });
  return { tell, sent, gone };
}

test("a runner that takes nothing is told nothing more, until it has taken what it was told", () => {
  const { tell, sent, gone } = telling();
  for (let second = 0; second < 3_600; second++) tell();
  expect(sent).toHaveLength(1);
  gone[0]?.();
  tell();
  expect(sent).toHaveLength(2);
});

test("a worker in which executions have leaked asks to be replaced, once", () => {
  const { tell, sent, gone } = telling({ leaked: [{ run: "run-1", job: "deaf", token: 7, attempt: 1 }] });
  for (let second = 0; second < 3; second++) {
    tell();
    gone[second]?.();
  }
  expect(sent.map(({ type }) => type)).toEqual(["status", "recycle", "status", "status"]);
});

test("a worker that cannot let go of more than a thousand suspended executions asks to be replaced, with the job", () => {
  const few = telling({ retained: { sleeper: 990, poller: 10 } });
  few.tell();
  expect(few.sent.map(({ type }) => type)).toEqual(["status"]);
  const many = telling({ retained: { poller: 11, sleeper: 990 } });
  many.tell();
  expect(many.sent[1]).toEqual({
    type: "recycle",
    why: "1001 suspended executions cannot be let go, 990 of them of sleeper",
  });
});
