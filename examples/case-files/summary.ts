// The manifest of a case, and the words made of it. Pure: the same case always gives the same text, so writing it twice
// is writing it once.
//
// Before this file comes `summarise-case`. After it come case.json, summary.txt, the mail and the table of the demo.

/** One file of a case. */
export interface FileLine {
  readonly path: string;
  readonly size: number;
  readonly sha256?: string;
  readonly attempts: number;
  readonly state: string;
  readonly error?: string;
}

/** What case.json holds. */
export interface Manifest {
  readonly case: string;
  readonly folder: string;
  readonly files: readonly FileLine[];
  readonly skipped: readonly { readonly path: string; readonly why: string }[];
}

/** A name for people: characters that would move the cursor, or change its colour, are spelled out. */
export function nameFor(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, (character) => {
    const digits = (character.codePointAt(0) ?? 0).toString(16).padStart(4, "0");
    return `\\u${digits}`;
  });
}

/** The summary, for people. */
export function summaryOf({ case: name, folder, files, skipped }: Manifest): string {
  const copied = files.filter(({ state }) => state === "succeeded");
  const rest = files.filter(({ state }) => state !== "succeeded");
  const bytes = copied.reduce((sum, { size }) => sum + size, 0);
  return [
    `Case ${name}`,
    `Folder: ${nameFor(folder)}`,
    `${copied.length} of ${files.length} files are in the case store, ${sizeOf(bytes)} in all, each with its SHA-256.`,
    ...rest.map(
      ({ path, state, attempts, error }) => `${state} at attempt ${attempts}: ${nameFor(error ?? path)}`,
    ),
    ...skipped.map(({ path, why }) => `not copied: ${nameFor(path)}: ${why}`),
    "",
  ].join("\n");
}

/** The table at the end of the demo, at most `rows` files, those that failed always among them. */
export function tableOf({ files, skipped }: Manifest, rows: number): string {
  const failed = files.filter(({ state }) => state !== "succeeded");
  const shown = new Set([...failed, ...files].slice(0, Math.max(rows, failed.length)));
  const lines = files
    .filter((file) => shown.has(file))
    .map(({ path, size, sha256, attempts, state }) => [
      nameFor(path),
      sizeOf(size),
      sha256?.slice(0, 12) ?? "-",
      String(attempts),
      state,
    ]);
  const head = ["file", "size", "sha256", "attempts", "state"];
  const widths = head.map((_, column) =>
    Math.max(...[head, ...lines].map((line) => widthOf(line[column] ?? ""))),
  );
  const text = [head, widths.map((width) => "─".repeat(width)), ...lines].map((line) =>
    line
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd(),
  );
  if (shown.size < files.length) text.push(`… and ${files.length - shown.size} more: case.json has them all`);
  for (const { path, why } of skipped) text.push(`not copied: ${nameFor(path)} (${why})`);
  return text.join("\n");
}

/** Characters as a terminal shows them, near enough: pictures take two places. */
function widthOf(text: string): number {
  return [...text.normalize("NFC").replaceAll(/\p{Emoji_Presentation}/gu, "xx")].length;
}

/** A size for people. */
export function sizeOf(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}
