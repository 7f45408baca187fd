// Times, names and numbers as explanations say them.
import { formatDuration } from "../../kernel/index.js";

export function at(time: number): string {
  return new Date(time).toISOString();
}

export function until(time: number, now: number): string {
  return time > now ? `in ${formatDuration(time - now)}, at ${at(time)}` : `by ${at(time)}`;
}

export function since(time: number, now: number): string {
  return now - time < 1_000 ? "just now" : `${formatDuration(now - time)} ago`;
}

export function ofAll(attempt: number, { attempts }: { readonly attempts: number | undefined }): string {
  return attempts === undefined ? String(attempt) : `${attempt} of ${attempts}`;
}

export function named(error: { readonly name: string; readonly message: string }): string {
  const message = error.message.length > 200 ? `${error.message.slice(0, 200)}…` : error.message;
  return `${error.name}: ${message}`;
}

export function quoted(name: string): string {
  return JSON.stringify(name);
}

/** `1 run`, `3 runs`. */
export function many(number: number, one: string, several = `${one}s`): string {
  return `${number} ${number === 1 ? one : several}`;
}
