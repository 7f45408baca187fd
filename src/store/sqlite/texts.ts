// Where the texts of a run stand: short ones in its row, long ones beside it.
//
// Before this file come whoever writes inputs, outputs and errors. After it come the statements.

/** Texts up to this length stand in the run itself. */
const longestInline = 512;

/** The bits of `duckdive_run.body`: which texts of a run stand in `duckdive_body`. */
export const bodyBit = { input: 1, output: 2, error: 4 } as const;

export function isLong(text: string | undefined): boolean {
  return text !== undefined && text.length > longestInline;
}
