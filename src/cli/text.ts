// Text on a terminal: how wide it is, how it is cut, and what must not be in it.
//
// What jobs log and throw is shown to people, and a terminal obeys control characters: a message with an escape
// sequence could repaint the screen, and one with a newline would break a table. So everything from outside goes
// through `clean` first. Width counts columns and not characters, because a wide one takes two.
//
// Before this file comes nothing. After it come tables, and everything that is printed.

const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Surrogate}]/gu;
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
const mark = /\p{Mark}/u;
const plain = /^[\x20-\x7e]*$/;

/** The text in one line, without anything a terminal would obey: a line break becomes a space. */
export function clean(text: string): string {
  if (plain.test(text)) return text;
  return text
    .replace(/\s*[\r\n]+\s*/g, " ")
    .replace(/\t/g, " ")
    .replace(controls, escaped);
}

/** Several lines, each of them clean. */
export function cleanLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => clean(line.replaceAll("\t", "  ")));
}

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

/** How many columns a terminal needs for it. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

function columnsOf(character: string): number {
  if (mark.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** The text in at most so many columns: what is too long ends in an ellipsis. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns < 1) return "";
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += columnsOf(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
