// The doctor's look at a SQLite store: what it runs on, whether it is sound, and what a person may want to change.
import { statSync } from "node:fs";
import type { Doctor } from "../contract.js";
import { inMemory } from "./connection.js";
import type { Connection } from "./driver.js";
import { lastMigration } from "./migrate.js";

type Note = Doctor["notes"][number];

/** A write-ahead log over this size is not being folded back: somebody reads for long. */
const largeLog = 256 * 1024 * 1024;
const synchronousNames = ["off", "normal", "full", "extra"];

export function examine(connection: Connection, file: string): Doctor {
  const notes: Note[] = [];
  const say = (level: Note["level"], text: string): void => void notes.push({ level, text });
  const pragma = (name: string): string => String(connection.get(`pragma ${name}`)?.[0]);
  const version = sqliteVersion(connection);
  say("ok", `SQLite ${version} through ${connection.driver}`);
  if (file === inMemory) say("warn", "In memory: everything is gone when the process ends.");
  else say("ok", `${file}: ${readable(sizeOf(file))}, write-ahead log ${readable(sizeOf(`${file}-wal`))}`);
  const journal = pragma("journal_mode");
  if (file !== inMemory) {
    if (journal === "wal") say("ok", "journal mode wal");
    else
      say(
        "error",
        `The journal mode is ${journal}, not wal. Network file systems do that: use a local disk.`,
      );
  }
  const synchronous = synchronousNames[Number(pragma("synchronous"))] ?? "unknown";
  if (synchronous === "full") say("ok", "synchronous full: a commit survives a power cut");
  else say("warn", `synchronous ${synchronous}: the last commits may be lost in a power cut`);
  if (sizeOf(`${file}-wal`) > largeLog) {
    say("warn", "The write-ahead log is large: some connection holds a read transaction open for long.");
  }
  const check = pragma("quick_check(1)");
  if (check === "ok") say("ok", "quick_check found no damage");
  else say("error", `The file is damaged: ${check}. Restore a backup, or use \`sqlite3 FILE .recover\`.`);
  return { store: "sqlite", version, migration: lastMigration(connection), notes };
}

function sqliteVersion(connection: Connection): string {
  return String(connection.get("select sqlite_version()")?.[0]);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readable(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
