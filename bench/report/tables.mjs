// A workload as a table: who did it, beside ours, and how; or ours alone, with all that was seen of it.
//
// Before this file come results. After it comes the page.
import { isPlace } from "./catalogue.mjs";
import { amount, number, percent, spread, times } from "./numbers.mjs";
import { isMoreBetter, timesAsGood } from "./results.mjs";

/**
 * @typedef {import("./results.mjs").Work} Work
 * @typedef {import("./results.mjs").Line} Line
 */

/**
 * Who did it, beside ours.
 * @param {Work} work
 */
export function tableOf(work) {
  const ours = work.lines.find(({ kind }) => kind === "ours");
  const columns = columnsOf(work);
  const head = [
    "Who",
    `\`${work.name}\``,
    ...(ours === undefined ? [] : ["duckdive is"]),
    ...columns.map((part) => `\`.${part}\``),
    "Others had",
    "How",
  ];
  const rows = work.lines.map((line) => {
    const cells = columns.map((part) => {
      const figure = line.parts.get(part);
      return figure === undefined ? "" : amount(figure.median, figure.unit);
    });
    const main = line.main === undefined ? "" : spread(line.main);
    const ratio = ours === undefined ? [] : [ratioText(ours, line)];
    const noise = line.others === undefined ? "" : percent(line.others);
    return [nameOfLine(line), main, ...ratio, ...cells, noise, line.note.replaceAll("|", "\\|")];
  });
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/**
 * What else was seen of all of them: not curves, and no more than a page is wide.
 * @param {Work} work
 */
function columnsOf(work) {
  const parts = new Set(work.lines.flatMap((line) => [...line.parts.keys()]));
  return [...parts].filter((part) => !isPlace(work.name, part)).slice(0, 9);
}

/** @param {Line} line */
function nameOfLine({ who, kind }) {
  if (kind === "ours") return "**duckdive**";
  return kind === "floor" ? "floor" : who;
}

/**
 * @param {Line} ours
 * @param {Line} other
 */
function ratioText(ours, other) {
  if (other === ours || other.kind === "kin" || ours.main === undefined || other.main === undefined)
    return "";
  const ratio = timesAsGood(ours.main, other.main);
  if (other.kind !== "floor") return `${times(ratio)} as good`;
  return isMoreBetter(ours.main.unit) ? `${number(ratio)} of it` : `${times(1 / ratio)} its figure`;
}

/**
 * Ours alone: its parts below each other, as its note explains them.
 * @param {Work} work
 * @param {Line} ours
 */
export function partTable(work, ours) {
  const main = ours.main === undefined ? [] : [[`\`${work.name}\``, spread(ours.main)]];
  const parts = [...ours.parts]
    .filter(([part]) => !isPlace(work.name, part))
    .map(([part, figure]) => [`\`.${part}\``, spread(figure)]);
  const noise = ours.others === undefined ? "" : ` Others had ${percent(ours.others)} of the machine.`;
  const rows = [...main, ...parts].map((cells) => `| ${cells.join(" | ")} |`);
  const note =
    ours.note === "" ? noise.trim() : `${ours.note.charAt(0).toUpperCase()}${ours.note.slice(1)}.${noise}`;
  return `${note}\n\n| Figure | Value |\n|---|---|\n${rows.join("\n")}`;
}
