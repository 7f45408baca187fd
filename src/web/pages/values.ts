// Values as people read them: JSON that folds, and on one line for a table.
//
// What an application keeps secret has been taken out before it comes here. Large values are cut: a page is for reading.
//
// Before this file come inputs, outputs and what steps gave back. After it come the pages.
import { cut, type Html, html, many } from "./markup.js";

/** So many lines of a value are drawn; the rest is said to be there. */
const mostLines = 2_000;
const mostText = 4_000;
const foldedFrom = 20;

export function valueBlock(value: unknown, empty: string): Html {
  if (value === undefined) return html`<p class="empty">${empty}</p>`;
  const budget = { lines: mostLines };
  return html`<div class="json" tabindex="0" role="group" aria-label="JSON">${drawn(value, budget, 0)}</div>`;
}

interface Budget {
  lines: number;
}

function drawn(value: unknown, budget: Budget, depth: number): Html {
  if (value === null || typeof value !== "object") return html`${scalar(value)}`;
  const { open, close } = bracketsOf(value);
  return html`${open}${linesOf(value, budget, depth)}${close}`;
}

/** What stands between the brackets. */
function linesOf(value: object, budget: Budget, depth: number): Html[] {
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  return entries.map(([name, one]: [string, unknown], place) =>
    line(isList ? undefined : name, one, place === entries.length - 1 ? "" : ",", budget, depth),
  );
}

function line(name: string | undefined, value: unknown, comma: string, budget: Budget, depth: number): Html {
  budget.lines -= 1;
  if (budget.lines < 0) return html``;
  if (budget.lines === 0) return html`<div class="k">… and more than is shown here</div>`;
  const key = name === undefined ? "" : html`<span class="k">${name}:</span> `;
  if (value === null || typeof value !== "object") return html`<div>${key}${scalar(value)}${comma}</div>`;
  const size = Object.keys(value).length;
  const { open, close } = bracketsOf(value);
  if (size === 0) return html`<div>${key}${open}${close}${comma}</div>`;
  const what = Array.isArray(value) ? many(size, "item") : many(size, "key");
  const isOpen = depth < 2 && size <= foldedFrom;
  return html`<details${isOpen ? html` open` : ""}><summary data-n="${what} ${close}${comma}">${key}${open}</summary>${linesOf(value, budget, depth + 1)}${close}${comma}</details>`;
}

function bracketsOf(value: object): { readonly open: string; readonly close: string } {
  return Array.isArray(value) ? { open: "[", close: "]" } : { open: "{", close: "}" };
}

function scalar(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > mostText ? `${text.slice(0, mostText)}… (${text.length} characters)` : text;
}

/** On one line, names without quotes: `{ userId: 7, plan: "pro" }`. */
export function valueLine(value: unknown, length = 120): string {
  return cut(inLine(value, length), length);
}

function inLine(value: unknown, length: number): string {
  if (value === undefined) return "";
  if (value === null || typeof value !== "object") return cut(JSON.stringify(value) ?? "", length);
  const isList = Array.isArray(value);
  const parts: string[] = [];
  let left = length;
  for (const [name, one] of Object.entries(value)) {
    const text = isList ? inLine(one, left) : `${name}: ${inLine(one, left)}`;
    parts.push(text);
    left -= text.length + 2;
    if (left <= 0) break;
  }
  if (parts.length === 0) return isList ? "[]" : "{}";
  return isList ? `[${parts.join(", ")}]` : `{ ${parts.join(", ")} }`;
}
