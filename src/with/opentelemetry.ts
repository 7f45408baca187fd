// OpenTelemetry, as the application uses it: `open({ middleware: [opentelemetry(api)] })`.
//
// Before this file comes `@opentelemetry/api`, with an SDK started. After it comes `observe/`.
export { opentelemetry, type TelemetryApi, type TelemetryOptions } from "../observe/index.js";
