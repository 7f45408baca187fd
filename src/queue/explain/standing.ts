// How a run stands that another one waits for, in a clause behind its name.
//
// Before this file come dependencies and the calls of a handler. After it come words.
import type { StoredRun, WaitReason } from "../../store/contract.js";
import { at, quoted, since } from "./words.js";

/** Reasons that are no word of an application. */
const forWhat: Partial<Record<WaitReason, string>> = { entries: "for calls of its own" };

export function standing(id: string, run: StoredRun | undefined, now: number): string {
  if (run === undefined) return `${id}, which is not in this store`;
  const { state, finishedAt, startedAt, waiting, requestedAt, runAt } = run;
  const name = `${quoted(run.job)} (${id})`;
  switch (state) {
    case "running":
      return `${name}, which has been running since ${at(startedAt ?? runAt)}`;
    case "scheduled":
      return `${name}, which is scheduled for ${at(runAt)}`;
    case "ready":
      return `${name}, which is ready since ${at(runAt)}`;
    case "waiting":
      return `${name}, which waits itself (${waiting === undefined ? "nobody knows for what" : (forWhat[waiting.reason] ?? waiting.reason)}), asked for at ${at(requestedAt)}`;
    default:
      return `${name}, which ${state === "failed" ? "failed" : "was cancelled"} ${since(finishedAt ?? now, now)} and has to be tried again: \`duckdive retry ${id}\``;
  }
}
