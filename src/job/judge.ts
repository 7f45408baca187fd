// Asking a schema: is this value what it should be, and what does it make of it?
//
// A schema may answer at once or with a promise; most answer at once, and then nothing here waits. What it complains
// about becomes issues with a path. A schema that throws has a bug or a transform that cannot take the value: that is
// an answer too.
//
// Before this file come schemas. After it come inputs, outputs and the data of failures.

import { formatPath } from "../kernel/index.js";
import type { Issue } from "./errors.js";
import type { Schema } from "./schema.js";

/** A schema's answer. */
export type Verdict =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly FoundIssue[]; readonly cause?: unknown };

/** An issue and, for whoever wants to look the place up, its path as steps. */
export interface FoundIssue extends Issue {
  readonly steps: readonly PropertyKey[];
}

/** The schema's answer; a promise only if the schema gave one. Never throws, never rejects. */
export function judge(schema: Schema, value: unknown): Verdict | Promise<Verdict> {
  try {
    const answer = schema["~standard"].validate(value);
    if (isPromise(answer)) return Promise.resolve(answer).then(read, threw);
    return read(answer);
  } catch (error) {
    return threw(error);
  }
}

export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function threw(error: unknown): Verdict {
  const message = `the schema threw: ${error instanceof Error ? error.message : String(error)}`;
  return { issues: [{ path: "$", message, steps: [] }], cause: error };
}

function read(answer: unknown): Verdict {
  if (typeof answer !== "object" || answer === null) return threw(new TypeError("it gave no result"));
  const found = "issues" in answer ? answer.issues : undefined;
  if (Array.isArray(found)) return { issues: found.map(readIssue) };
  return { value: "value" in answer ? answer.value : undefined };
}

function readIssue(issue: { readonly message?: unknown; readonly path?: unknown }): FoundIssue {
  const path: readonly unknown[] = Array.isArray(issue.path) ? issue.path : [];
  const steps = path.map((step) => {
    const key: unknown = typeof step === "object" && step !== null && "key" in step ? step.key : step;
    return typeof key === "number" || typeof key === "symbol" ? key : String(key);
  });
  return { path: formatPath(steps), message: String(issue.message ?? "not accepted"), steps };
}
