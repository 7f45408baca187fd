// Everything that a command prints goes through here, so that all commands print alike.
//
// What was asked for goes to standard output, what is said about it to standard error; so a pipe gets only answers.
// Colour, signs and cutting to the width are for terminals. A reader that went away (`duckdive runs | head`) is no
// error: a command that only answers ends, and a worker goes on without being heard.
//
// Before this file come tables and words. After it comes every command.
import { type Colors, colorsFor } from "./colors.js";
import { type Column, tableLines } from "./table.js";
import { clean, cut } from "./text.js";

export interface Output {
  /** Answers are JSON. */
  readonly isJson: boolean;
  /** Somebody looks: standard output is a terminal. */
  readonly isTerminal: boolean;
  readonly colors: Colors;
  /** Columns of the terminal; undefined on a pipe. */
  readonly width: () => number | undefined;
  readonly height: () => number;
  /** A line of the answer. */
  line(text?: string): void;
  /** A line about the answer, on standard error. */
  note(text: string): void;
  /** A line that the next one of its kind replaces; on a terminal only. */
  progress(text: string): void;
  /** One document. */
  json(value: unknown): void;
  /** One line of a stream. */
  jsonLine(value: unknown): void;
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void;
  /** Names and what they are; those without are left out. */
  facts(facts: readonly (readonly [name: string, value: string | undefined])[]): void;
  section(title: string): void;
  /** Shows lines in place of those shown before, on a terminal. */
  repaint(draw: () => void): void;
}

export interface OutputStreams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

export function createOutput({ stdout, stderr, env }: OutputStreams, isJson: boolean): Output {
  const isTerminal = stdout.isTTY === true;
  const colors = colorsFor(stdout, env);
  const width = (): number | undefined => (isTerminal ? Math.max(20, stdout.columns || 80) : undefined);
  let captured: string[] | undefined;
  let hasProgress = false;

  function line(text = ""): void {
    if (captured !== undefined) captured.push(text);
    else stdout.write(`${text}\n`);
  }

  function eraseProgress(): void {
    if (hasProgress) stderr.write("\r\x1b[K");
    hasProgress = false;
  }

  return {
    isJson,
    isTerminal,
    colors,
    width,
    height: () => stdout.rows || 24,
    line,
    note(text) {
      eraseProgress();
      stderr.write(`${text}\n`);
    },
    progress(text) {
      if (stderr.isTTY !== true || isJson) return;
      stderr.write(`\r\x1b[K${cut(text, Math.max(20, stderr.columns || 80) - 1)}`);
      hasProgress = true;
    },
    json: (value) => line(JSON.stringify(value, undefined, 2)),
    jsonLine: (value) => line(JSON.stringify(value)),
    table(columns, rows) {
      for (const text of tableLines(columns, rows, width(), colors.dim)) line(text);
    },
    facts(facts) {
      const known = facts.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== "");
      const room = Math.max(0, ...known.map(([name]) => name.length));
      for (const [name, value] of known) line(`${colors.dim(name.padEnd(room))}  ${clean(value)}`);
    },
    section(title) {
      line();
      line(colors.bold(title));
    },
    repaint(draw) {
      captured = [];
      draw();
      const lines = captured.slice(0, (stdout.rows || 24) - 1);
      captured = undefined;
      stdout.write(`\x1b[H${lines.map((text) => `${text}\x1b[K\n`).join("")}\x1b[J`);
    },
  };
}
