// An error as a person reads it: what happened, where in their own code, and because of what.
//
// Frames of the application come first and are whole; those of packages and of Node fold away. Causes follow, one by one.
//
// Before this file come stored errors. After it come the page of a run, and pages that tell of their own errors.
import type { StoredError } from "../../job/index.js";
import { type Html, html, many } from "./markup.js";

const mostCauses = 10;
const mostFrames = 50;

export function errorBlock(error: StoredError): Html {
  const chain: StoredError[] = [];
  for (
    let one: StoredError | undefined = error;
    one !== undefined && chain.length < mostCauses;
    one = one.cause
  )
    chain.push(one);
  return html`${chain.map((one, place) => oneError(one, place > 0))}`;
}

function oneError({ name, message, code, stack, data }: StoredError, isCause: boolean): Html {
  const codeText = code === undefined || code === name ? "" : html` <span class="tag">${code}</span>`;
  return html`<div class="err"><p class="what">${isCause ? "because of " : ""}<code>${name}</code> ${message}${codeText}</p>${stack === undefined ? "" : stackList(stack)}${data === undefined ? "" : html`<p class="note">With data: <code>${JSON.stringify(data)}</code></p>`}</div>`;
}

export interface Frame {
  readonly name: string;
  readonly place: string;
  readonly isOwn: boolean;
}

function stackList(stack: string): Html {
  const frames = framesOf(stack);
  if (frames.length === 0) return html``;
  const runs: { isOwn: boolean; frames: Frame[] }[] = [];
  for (const frame of frames) {
    const last = runs.at(-1);
    if (last?.isOwn === frame.isOwn) last.frames.push(frame);
    else runs.push({ isOwn: frame.isOwn, frames: [frame] });
  }
  return html`<ul class="stack" tabindex="0" aria-label="Stack">${runs.map((run) =>
    run.isOwn
      ? run.frames.map((frame) => html`<li class="own"><b>${frame.name}</b> ${frame.place}</li>`)
      : html`<li><details><summary>${many(run.frames.length, "frame")} of ${ownersOf(run.frames)}</summary><ul>${run.frames.map((frame) => html`<li>${frame.name} ${frame.place}</li>`)}</ul></details></li>`,
  )}</ul>`;
}

/** The frames of a stack as V8 writes it; places below the folder that most of it is in. */
export function framesOf(stack: string): Frame[] {
  const lines = stack.split("\n").flatMap((line) => {
    const match = /^\s*at (?:(?:async )?(.*?) \()?((?:file:\/\/|node:|\/|[A-Za-z]:\\|<).*?)\)?$/.exec(line);
    return match === null ? [] : [{ name: match[1] ?? "(nameless)", place: match[2] ?? "" }];
  });
  return lines.slice(0, mostFrames).map(({ name, place }) => {
    const path = place.replace(/^file:\/\//, "");
    const isOwn = !/node_modules|^node:|^<anonymous>|\/duckdive\/(?:dist|src)\//.test(path);
    return { name, place: shortPlace(path), isOwn };
  });
}

/** From the folder on that people know: the package, or the sources. */
function shortPlace(path: string): string {
  const inPackage = /.*\/node_modules\/(.+)$/.exec(path)?.[1];
  if (inPackage !== undefined) return inPackage;
  return /(?:^|.*\/)((?:src|lib|app|dist|test|jobs|examples)\/.+)$/.exec(path)?.[1] ?? path;
}

function ownersOf(frames: readonly Frame[]): string {
  const owners = new Set(
    frames.map(({ place }) =>
      place.startsWith("node:") ? "Node" : (/^(@[^/]+\/[^/]+|[^/]+)\//.exec(place)?.[1] ?? "others"),
    ),
  );
  const [first, second, ...more] = [...owners].map((owner) =>
    owner === "dist" || owner === "src" ? "duckdive" : owner,
  );
  if (more.length > 0) return `${first}, ${second} and others`;
  return second === undefined ? (first ?? "others") : `${first} and ${second}`;
}
