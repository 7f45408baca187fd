// The environment of handlers in an isolate: what they get is what they get beside a worker.
//
// The same code judges their input, makes their `ctx` and replays their durable calls; only the store, the log and the
// listeners are those of the worker, at the other end of the channel.
//
// Before this file comes the application. After it come the executions.
import type { Log } from "../../job/index.js";
import { Events, systemClock } from "../../kernel/index.js";
import { type Environment, knownJobs } from "../../loop/index.js";
import { composeStep, executeLayers } from "../../middleware/index.js";
import { createClient } from "../../queue/index.js";
import type { RunEvents } from "../../run/index.js";
import type { Store } from "../../store/contract.js";
import { durableMaker } from "../../worker/durable.js";
import { type Beginning, type FromIsolate, type SentEvent, sentError, sentFields } from "../index.js";
import type { Application } from "./application.js";

type Send = (message: FromIsolate) => void;

export function environmentOf(
  application: Application,
  store: Store,
  { worker, release, grace, redact }: Beginning,
  send: Send,
): Environment {
  const { jobs, adapter, middleware = [] } = application;
  const events = eventsTo(send);
  const log = logTo(send);
  const client = createClient<unknown, boolean>({
    store,
    clock: systemClock,
    jobs,
    middleware,
    log,
    release,
    events,
    adapter,
  });
  const random = Math.random;
  return {
    worker,
    store,
    clock: systemClock,
    jobs: knownJobs(jobs, redact),
    events,
    middleware: executeLayers(middleware),
    log,
    random,
    enqueue: (job, input, options) => client.enqueue(job, input, options),
    add: (batch, requests) => client.batchOf(batch).add(requests),
    adapter,
    makeDurable: durableMaker({
      store,
      clock: systemClock,
      events,
      random,
      release,
      aroundStep: composeStep(middleware),
    }),
    grace,
  };
}

const told = ["enqueued", "progress"] as const satisfies readonly SentEvent[];

function eventsTo(send: Send): Events<RunEvents> {
  const events = new Events<RunEvents>((error, name) => {
    send({
      type: "event",
      name: "error",
      about: { where: `a listener of "${name}"` },
      error: sentError(error),
    });
  });
  for (const name of told) events.on(name, (about) => send({ type: "event", name, about }));
  events.on("error", ({ error, ...about }) =>
    send({ type: "event", name: "error", about, error: sentError(error) }),
  );
  return events;
}

function logTo(send: Send): Log {
  const say =
    (level: keyof Log) =>
    (message: string, fields?: object): void =>
      send({ type: "log", level, message, fields: sentFields(fields) });
  return { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
}
