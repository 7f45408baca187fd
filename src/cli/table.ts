// Tables as lines of text. Pure: rows in, lines out.
//
// Columns are as wide as what is in them; when the terminal is narrower the last column gives way, then those that
// say so, and a column may ask for a wide terminal to be shown at all. Without a width (a pipe, a file) nothing is
// cut and every column is there. Colour is put on last, so that it never counts as width.
//
// Before this file comes `text`. After it comes the output of every command.
import { clean, cut, widthOf } from "./text.js";

/** What stands in a cell: a text, or a text and what colours it. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

export interface Column<Row> {
  readonly header: string;
  readonly cell: (row: Row) => Cell;
  readonly align?: "left" | "right";
  /** Shown only on a terminal of at least so many columns. */
  readonly from?: number;
  /** May be cut to so many columns, when the last column alone cannot give enough. */
  readonly least?: number;
}

const gap = "  ";
/** What the last column keeps at least, before others are cut. */
const leastLast = 12;

/**
 * The lines of a table, the header first.
 *
 * @param width how many columns there are; undefined: as many as are needed
 * @param paintHeader colours the header
 */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | undefined,
  paintHeader: (text: string) => string = plainly,
): string[] {
  const shown = columns.filter(({ from }) => width === undefined || from === undefined || width >= from);
  const cells = rows.map((row) => shown.map(({ cell }) => cellOf(cell(row))));
  const widths = widthsWithin(shown, cells, width);
  const line = (texts: readonly { text: string; paint: (text: string) => string }[]): string =>
    texts
      .map(({ text, paint }, place) => padded(text, paint, shown, widths, place))
      .join(gap)
      .trimEnd();
  const header = line(
    shown.map(({ header: text }) => ({ text, paint: text === "" ? plainly : paintHeader })),
  );
  return [header, ...cells.map(line)];
}

function plainly(text: string): string {
  return text;
}

function cellOf(cell: Cell): { text: string; paint: (text: string) => string } {
  if (typeof cell === "string") return { text: clean(cell), paint: plainly };
  return { text: clean(cell.text), paint: cell.paint };
}

function padded<Row>(
  text: string,
  paint: (text: string) => string,
  columns: readonly Column<Row>[],
  widths: readonly number[],
  place: number,
): string {
  const room = widths[place] ?? 0;
  const kept = cut(text, room);
  const space = " ".repeat(Math.max(0, room - widthOf(kept)));
  if (columns[place]?.align === "right") return space + paint(kept);
  return paint(kept) + (place === columns.length - 1 ? "" : space);
}

function widthsWithin<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly { text: string }[])[],
  width: number | undefined,
): number[] {
  const widths = columns.map(({ header }, place) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[place]?.text ?? "")), widthOf(header)),
  );
  if (width === undefined) return widths;
  let over = widths.reduce((sum, one) => sum + one, 0) + gap.length * (columns.length - 1) - width;
  const give = (place: number, least: number): void => {
    const now = widths[place] ?? 0;
    const given = Math.min(over, Math.max(0, now - least));
    widths[place] = now - given;
    over -= given;
  };
  const last = columns.length - 1;
  if (over > 0) give(last, Math.min(leastLast, widths[last] ?? 0));
  columns.forEach(({ least }, place) => {
    if (over > 0 && least !== undefined) give(place, least);
  });
  if (over > 0) give(last, 1);
  return widths;
}
