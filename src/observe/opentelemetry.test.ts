// Spans and metrics through the real SDK, with exporters in memory: what a run looks like from outside, across the queue.
import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { engine, until } from "../../test/engine.js";
import { job, withContext } from "../job/index.js";
import { composeEnqueue, composeStep, executeLayers } from "../middleware/index.js";
import { opentelemetry } from "./index.js";

const exported = new InMemorySpanExporter();
const metricsExported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
let reader: PeriodicExportingMetricReader;

/** As an application does it at its start. */
function startSdk(): void {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  api.trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exported)] }),
  );
  reader = new PeriodicExportingMetricReader({ exporter: metricsExported, exportIntervalMillis: 3_600_000 });
  api.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
}

afterEach(() => {
  for (const part of [api.context, api.propagation, api.trace, api.metrics]) part.disable();
  exported.reset();
  metricsExported.reset();
});

const leaf = job({ name: "leaf", queue: "mail", input: z.string(), handle() {} });
const order = job({
  name: "order",
  queue: "orders",
  input: z.string(),
  async handle(name, ctx) {
    await ctx.step("charge", () => {
      api.trace.getActiveSpan()?.setAttribute("seen.by", "charge");
    });
    await ctx.enqueue("mail", leaf, name);
  },
});

/** The spans so far, by name; with two of a name, the later one. */
function spans(): Record<string, ReadableSpan> {
  return Object.fromEntries(exported.getFinishedSpans().map((span) => [span.name, span]));
}

describe("with an SDK", () => {
  beforeEach(startSdk);

  test("a run is sent, waits and is processed in spans that lead to each other across the queue", async () => {
    const { duckdive, work, clock } = engine([order, leaf], { middleware: [opentelemetry(api)] });
    const tracer = api.trace.getTracer("application");
    const run = await tracer.startActiveSpan("POST /orders", async (span) => {
      const asked = await duckdive.enqueue(order, "o1");
      span.end();
      return asked;
    });
    await clock.advance(2_000);
    await work().idle();
    const {
      "POST /orders": request,
      "send orders": send,
      "wait orders": wait,
      "process orders": attempt,
    } = spans();
    const { "step charge": step, "send mail": sendMail, "process mail": mail } = spans();
    expect(send?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    expect(send).toMatchObject({
      kind: api.SpanKind.PRODUCER,
      attributes: {
        "messaging.system": "duckdive",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "orders",
        "messaging.message.id": run.id,
        "duckdive.job": "order",
      },
    });
    expect(wait?.parentSpanContext?.spanId).toBe(send?.spanContext().spanId);
    expect(wait?.duration).toEqual([2, 0]);
    expect(attempt?.parentSpanContext).toBeUndefined();
    expect(attempt?.links.map(({ context }) => context.spanId)).toEqual([send?.spanContext().spanId]);
    expect(attempt).toMatchObject({
      kind: api.SpanKind.CONSUMER,
      attributes: {
        "messaging.operation.type": "process",
        "duckdive.attempt": 1,
        "duckdive.outcome": "succeeded",
      },
    });
    expect(step?.parentSpanContext?.spanId).toBe(attempt?.spanContext().spanId);
    expect(step?.attributes).toMatchObject({ "duckdive.step": "charge", "seen.by": "charge" });
    // What the handler asked for is asked for by the attempt.
    expect(sendMail?.spanContext().traceId).toBe(attempt?.spanContext().traceId);
    expect(mail?.links.map(({ context }) => context.spanId)).toEqual([sendMail?.spanContext().spanId]);
    expect((await run.get()).meta.traceparent).toBe(
      `00-${send?.spanContext().traceId}-${send?.spanContext().spanId}-01`,
    );
  });

  test("attempts go on in the trace of who asked, where that is chosen; a trace that came in a header is gone on with", async () => {
    const { duckdive, work } = engine([leaf], { middleware: [opentelemetry(api, { attempts: "continue" })] });
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    await withContext({ traceparent: `00-${traceId}-00f067aa0ba902b7-01` }, () =>
      duckdive.enqueue(leaf, "x"),
    );
    await work().idle();
    const { "send mail": send, "process mail": attempt } = spans();
    expect(send?.spanContext().traceId).toBe(traceId);
    expect(attempt?.parentSpanContext?.spanId).toBe(send?.spanContext().spanId);
    expect(attempt?.links).toEqual([]);
  });

  test("how an attempt ended is on its span, also when nothing was thrown", async () => {
    const declined = job({ name: "declined", handle: (_input, ctx) => ctx.fail("declined") });
    const thrown = job({
      name: "thrown",
      queue: "thrown",
      retry: { attempts: 1 },
      input: z.object({ secret: z.string() }),
      redact: ["secret"],
      handle({ secret }) {
        throw new RangeError(`too far: ${secret}`);
      },
    });
    const { duckdive, work } = engine([declined, thrown], { middleware: [opentelemetry(api)] });
    await duckdive.enqueue(declined);
    await duckdive.enqueue(thrown, { secret: "open sesame" });
    await work().idle();
    await until(
      () => exported.getFinishedSpans().filter(({ name }) => name.startsWith("process")).length === 2,
    );
    const error = { code: api.SpanStatusCode.ERROR };
    expect(spans()["process default"]).toMatchObject({
      status: error,
      attributes: { "duckdive.outcome": "failed" },
    });
    expect(spans()["process thrown"]).toMatchObject({
      status: error,
      attributes: { "duckdive.outcome": "failed" },
      events: [{ name: "exception", attributes: { "exception.type": "RangeError" } }],
    });
    expect(JSON.stringify(spans()["process thrown"]?.events)).not.toContain("sesame");
  });

  test("waits, durations, ends and depths are measured", async () => {
    const { duckdive, work, clock } = engine([order, leaf], { middleware: [opentelemetry(api)] });
    await duckdive.enqueue(order, "o1");
    await clock.advance(2_000);
    await work().idle();
    await duckdive.enqueue(leaf, "later", { delay: "1h" });
    await reader.forceFlush();
    const measured = metricsExported
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
    const points = (name: string) =>
      measured.find(({ descriptor }) => descriptor.name === name)?.dataPoints as
        | DataPoint<number | Histogram>[]
        | undefined;
    const at = (name: string, queue: string) =>
      points(name)?.find(({ attributes }) => attributes["messaging.destination.name"] === queue);
    expect(at("duckdive.run.wait", "orders")?.value).toMatchObject({ count: 1, sum: 2 });
    expect(at("messaging.process.duration", "orders")?.value).toMatchObject({ count: 1 });
    expect(at("messaging.client.sent.messages", "mail")?.value).toBe(2);
    expect(at("duckdive.attempts", "orders")).toMatchObject({
      value: 1,
      attributes: { "duckdive.outcome": "succeeded", "duckdive.job": "order" },
    });
    const depths = points("duckdive.queue.depth")?.filter(({ value }) => value !== 0);
    expect(depths?.map(({ attributes, value }) => [attributes["duckdive.state"], value])).toEqual([
      ["scheduled", 1],
    ]);
  });
});

test("without an SDK nothing stands around anything, and nothing listens", async () => {
  const middleware = [opentelemetry(api)];
  expect(middleware).toEqual([{}]);
  expect([composeEnqueue(middleware), composeStep(middleware), executeLayers(middleware)]).toEqual([
    undefined,
    undefined,
    [],
  ]);
  const { duckdive, events } = engine([leaf], { middleware });
  expect(events.has("enqueued")).toBe(false);
  const { id } = await duckdive.enqueue(leaf, "x");
  expect((await duckdive.get(id))?.meta).toEqual({});
});
