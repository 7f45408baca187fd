// The jobs that are measured in isolates: they do nothing. Loaded by the benchmark, and again by each isolate.
import { job } from "../dist/index.js";

export const inline = job({ name: "inline", handle: () => {} });
export const thread = job({ name: "thread", isolate: "thread", handle: () => {} });
export const inProcess = job({ name: "process", isolate: "process", handle: () => {} });
