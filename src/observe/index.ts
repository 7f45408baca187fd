// The door of `observe/`: what is told to those who watch over an application, in their own words.
//
//   opentelemetry  spans and metrics, through the application's OpenTelemetry
//   pino           the log, through the application's pino
//   prometheus     counts in the text that Prometheus scrapes
//
// Nothing here is called by the parts that do the work: it stands around them as middleware does, or listens.
export { opentelemetry, type TelemetryApi, type TelemetryOptions } from "./opentelemetry.js";
export { type PinoShape, pino } from "./pino.js";
export { type Family, prometheusText, type Sample } from "./prometheus.js";
