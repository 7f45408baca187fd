// What is measured through OpenTelemetry: how many runs are asked for, how long they wait, how long attempts take and how they
// end, and how many are in the queues.
//
// Before this file come the events of runs. After it comes the application's meter.
import type * as Api from "@opentelemetry/api";
import type { Observed } from "../middleware/index.js";

/** Names, and what each is. */
const instruments = {
  sent: "messaging.client.sent.messages",
  processed: "messaging.process.duration",
  wait: "duckdive.run.wait",
  attempts: "duckdive.attempts",
  depth: "duckdive.queue.depth",
} as const;

/** From a millisecond to an hour, in seconds. */
const boundaries = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600];

const told = ["succeeded", "failed", "cancelled", "retrying", "snoozed", "handedBack", "parked"] as const;
const states = ["scheduled", "ready", "running", "waiting"] as const;

/** What listens to a client, and measures. */
export function metricsOf(meter: Api.Meter, hasDepth: boolean): (client: Observed) => () => void {
  const advice = { explicitBucketBoundaries: boundaries };
  const sent = meter.createCounter(instruments.sent, { unit: "{message}", description: "Runs asked for" });
  const processed = meter.createHistogram(instruments.processed, {
    unit: "s",
    description: "How long attempts took",
    advice,
  });
  const wait = meter.createHistogram(instruments.wait, {
    unit: "s",
    description: "How long runs were due before they were started",
    advice,
  });
  const attempts = meter.createCounter(instruments.attempts, {
    unit: "{attempt}",
    description: "Attempts by how they ended",
  });

  return (client) => {
    const about = (queue: string, job: string) => ({
      "messaging.system": "duckdive",
      "messaging.destination.name": queue,
      "duckdive.job": job,
    });
    const ends = [
      client.on("enqueued", ({ queue, job, created }) => {
        if (created) sent.add(1, { ...about(queue, job), "messaging.operation.name": "send" });
      }),
      client.on("started", ({ queue, job, waited }) => wait.record(waited / 1_000, about(queue, job))),
      ...told.map((name) =>
        client.on(name, (event) => {
          const attributes = about(event.queue, event.job);
          attempts.add(1, { ...attributes, "duckdive.outcome": name });
          if (!("milliseconds" in event)) return;
          const failed = name === "succeeded" ? {} : { "error.type": name };
          const operation = { "messaging.operation.name": "process" };
          processed.record(event.milliseconds / 1_000, { ...attributes, ...operation, ...failed });
        }),
      ),
      ...(hasDepth ? [depthOf(meter, client)] : []),
    ];
    return () => {
      for (const end of ends) end();
    };
  };
}

function depthOf(meter: Api.Meter, client: Observed): () => void {
  const depth = meter.createObservableGauge(instruments.depth, {
    unit: "{run}",
    description: "Runs that have not ended, by state",
  });
  const observe = async (result: Api.ObservableResult): Promise<void> => {
    for (const queue of await client.queues()) {
      const attributes = { "messaging.system": "duckdive", "messaging.destination.name": queue.name };
      for (const state of states) result.observe(queue[state], { ...attributes, "duckdive.state": state });
    }
  };
  depth.addCallback(observe);
  return () => depth.removeCallback(observe);
}
