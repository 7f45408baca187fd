// OpenTelemetry: what happens to a run, as spans of a trace and as metrics, in the words of its messaging conventions.
//
//   send      a producer's span around each enqueue, in the trace of whoever asks; its `traceparent` travels in the meta
//   wait      from when the run was due to when it was started, in the trace of whoever asked
//   process   a consumer's span around each attempt, linked to the span that sent it; what the handler calls is below it
//   step      around each call of the body of a step
//
// An attempt begins a trace of its own, since it may come hours later and many times; a link leads back.
// Where no SDK was started this gives a middleware that stands around nothing and listens to nothing.
//
// Before this file come the middleware and the events of runs. After it comes the application's SDK.
import type * as Api from "@opentelemetry/api";
import { currentContext, type Meta, type RunRecord, withContext } from "../job/index.js";
import type { EnqueueRequest, Middleware, Observed, StepCall } from "../middleware/index.js";
import { metricsOf } from "./metrics.js";

/** `@opentelemetry/api`, or what is used of it. */
export type TelemetryApi = Pick<
  typeof Api,
  | "trace"
  | "context"
  | "propagation"
  | "metrics"
  | "SpanKind"
  | "SpanStatusCode"
  | "ROOT_CONTEXT"
  | "createNoopMeter"
>;

/** How runs become traces and metrics. */
export interface TelemetryOptions {
  /**
   * `"link"`, unless given: each attempt begins a trace of its own, and is linked to the span that asked for the run.
   * `"continue"`: it goes on in the trace of that span, which may then be open for as long as runs wait.
   */
  attempts?: "link" | "continue";
  /** Which queues' depths are measured: of all, unless given; none with false. It asks the store at each collection. */
  depth?: boolean;
}

type Span = Api.Span;
type Attributes = Record<string, string | number>;

const scope = "duckdive";

/**
 * The middleware that traces and measures. Start the SDK before: without one, nothing is done at all.
 *
 * @param api `@opentelemetry/api`: `import * as api from "@opentelemetry/api"`
 * @example
 * import * as api from "@opentelemetry/api";
 * const duckdive = open("postgres://…", { jobs, middleware: [opentelemetry(api)] });
 */
export function opentelemetry(
  api: TelemetryApi,
  options: TelemetryOptions = {},
): Exclude<Middleware, (...given: never[]) => unknown> {
  const traces = isTraced(api) ? tracing(api, options) : undefined;
  const measures = isMeasured(api)
    ? metricsOf(api.metrics.getMeter(scope), options.depth ?? true)
    : undefined;
  if (traces === undefined) return measures === undefined ? {} : { observe: measures };
  const { ended, ...around } = traces;
  return {
    ...around,
    observe(client) {
      const ends = [ended(client), ...(measures === undefined ? [] : [measures(client)])];
      return () => {
        for (const end of ends) end();
      };
    },
  };
}

/** An SDK has registered itself. Before that the API gives out what would look for one at each span. */
function isTraced({ trace }: TelemetryApi): boolean {
  const provider: object = trace.getTracerProvider();
  if (!("getDelegateTracer" in provider) || typeof provider.getDelegateTracer !== "function") return true;
  return provider.getDelegateTracer(scope) !== undefined;
}

function isMeasured({ metrics, createNoopMeter }: TelemetryApi): boolean {
  return metrics.getMeter(scope) !== createNoopMeter();
}

/** How an attempt ended: whoever tells is heard after the span's own end, and its attributes have to be there before. */
const ends = [
  "succeeded",
  "failed",
  "cancelled",
  "retrying",
  "snoozed",
  "handedBack",
  "parked",
  "refused",
] as const;

function tracing(api: TelemetryApi, { attempts = "link" }: TelemetryOptions) {
  const { trace, context, propagation, SpanKind, SpanStatusCode, ROOT_CONTEXT } = api;
  const tracer = trace.getTracer(scope);
  /** Attempts whose handler has ended and whose end is not recorded yet, by run. */
  const open = new Map<string, { readonly span: Span; readonly at: Date }>();
  /** How many clients tell how attempts end; in an isolate it is none. */
  let listening = 0;

  /** The active span; where the application has none, the one that the context of the request names. */
  function parentIn(carrier: Meta): Api.Context {
    const active = context.active();
    return trace.getSpanContext(active) === undefined ? propagation.extract(active, carrier) : active;
  }

  function traceOf(span: Span, below: Api.Context): Record<string, string> {
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(below, span), carrier);
    return Object.fromEntries(Object.entries(carrier).filter(([, text]) => text.length <= longest));
  }

  /** What an error says may quote what a job has to redact: that is taken from the events, which are redacted. */
  function failed(span: Span, error: unknown): void {
    span.setAttribute("error.type", error instanceof Error ? error.name : "error");
    span.setStatus({ code: SpanStatusCode.ERROR });
  }

  async function inside(span: Span, below: Api.Context, next: () => Promise<void>): Promise<void> {
    try {
      await context.with(trace.setSpan(below, span), next);
    } catch (error) {
      failed(span, error);
      throw error;
    }
  }

  async function enqueue(request: EnqueueRequest, next: () => Promise<void>): Promise<void> {
    const { id, job, queue, meta } = request;
    const parent = parentIn(meta);
    const attributes = { ...messaging("send", "send", queue, id), "duckdive.job": job };
    const span = tracer.startSpan(`send ${queue}`, { kind: SpanKind.PRODUCER, attributes }, parent);
    Object.assign(meta, traceOf(span, parent));
    try {
      await inside(span, parent, next);
    } finally {
      span.end();
    }
  }

  async function execute(run: RunRecord, next: () => Promise<void>): Promise<void> {
    const { id, job, queue, attempt, meta, runAt, startedAt = runAt } = run;
    const sender = propagation.extract(ROOT_CONTEXT, meta);
    const sent = trace.getSpanContext(sender);
    const attributes: Attributes = {
      ...messaging("process", "process", queue, id),
      "duckdive.job": job,
      "duckdive.attempt": attempt,
    };
    const about = { kind: SpanKind.INTERNAL, attributes, startTime: runAt };
    tracer.startSpan(`wait ${queue}`, about, sender).end(latest(startedAt, runAt));
    const isJoined = attempts === "continue";
    const links = sent === undefined || isJoined ? [] : [{ context: sent }];
    const parent = isJoined ? sender : ROOT_CONTEXT;
    const kind = SpanKind.CONSUMER;
    const span = tracer.startSpan(`process ${queue}`, { kind, attributes, links }, parent);
    try {
      // What the handler asks for is asked for by this attempt, and not by whoever asked for its run.
      await inside(span, sender, () => withContext(traceOf(span, sender), next));
    } finally {
      if (listening > 0) open.set(id, { span, at: new Date() });
      else span.end();
    }
  }

  async function step({ run, job, step: name, attempt }: StepCall, next: () => Promise<void>): Promise<void> {
    const parent = parentIn(currentContext() as Meta);
    const attributes = { "duckdive.run": run, "duckdive.job": job, "duckdive.step": name };
    const span = tracer.startSpan(
      `step ${name}`,
      { kind: SpanKind.INTERNAL, attributes: { ...attributes, "duckdive.attempt": attempt } },
      parent,
    );
    try {
      await inside(span, parent, next);
    } finally {
      span.end();
    }
  }

  /** Hears how attempts ended: a handler that returns `ctx.fail(…)` has thrown nothing. */
  function ended(client: Observed): () => void {
    listening += 1;
    const deaf = ends.map((name) =>
      client.on(name, (about) => {
        const found = open.get(about.run);
        if (found === undefined) return;
        open.delete(about.run);
        const { span, at } = found;
        span.setAttribute("duckdive.outcome", name);
        if ("error" in about) {
          const { name: type, message, stack } = about.error;
          span.recordException({ name: type, message, ...(stack === undefined ? {} : { stack }) }, at);
          span.setAttribute(
            "error.type",
            "reason" in about && about.reason !== "error" ? about.reason : type,
          );
          span.setStatus({ code: SpanStatusCode.ERROR, message });
        }
        span.end(at);
      }),
    );
    return () => {
      listening -= 1;
      for (const end of deaf) end();
      if (listening > 0) return;
      for (const { span, at } of open.values()) span.end(at);
      open.clear();
    };
  }

  return { enqueue, execute, step, ended };
}

/** What a propagator adds beside the trace, such as baggage, is carried up to here. */
const longest = 1_000;

/** As the semantic conventions for messaging have it. */
function messaging(name: string, type: string, queue: string, id: string): Attributes {
  return {
    "messaging.system": "duckdive",
    "messaging.operation.name": name,
    "messaging.operation.type": type,
    "messaging.destination.name": queue,
    "messaging.message.id": id,
  };
}

/** A run that is rescued may be due at a time after its start. */
function latest(one: Date, other: Date): Date {
  return new Date(Math.max(one.getTime(), other.getTime()));
}
