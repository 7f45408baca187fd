// Acting on many runs while somebody looks on: how far it is, and what to type when it was interrupted.
//
// The first Ctrl-C lets the chunk under way come to its end, so that its cursor is true; the second one ends the process,
// and then the chunk under way is done or not.
//
// Before this file come the commands that act. After it comes the client.
import type { BulkOptions } from "../queue/index.js";
import type { Cli } from "./session.js";
import { many, count as number } from "./words.js";

/** One Ctrl-C may come twice within this, from the terminal and from what started the command; in milliseconds. */
const sameSignal = 300;

/** Acts, and answers on how many runs; undefined: it was interrupted, and that was said. */
export async function interruptible(
  { output }: Cli,
  { verb, done }: { readonly verb: string; readonly done: string },
  { count, from }: { readonly count: number; readonly from: string | undefined },
  act: (bulk: BulkOptions) => Promise<number>,
): Promise<number | undefined> {
  const enough = new AbortController();
  let stoppedAt: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    stoppedAt ??= performance.now();
    enough.abort();
    if (performance.now() - stoppedAt < sameSignal) return;
    process.off("SIGINT", stop).off("SIGTERM", stop);
    process.kill(process.pid, signal);
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  let last = { done: 0, cursor: from };
  const onProgress: BulkOptions["onProgress"] = ({ done: acted, cursor }) => {
    last = { done: acted, cursor };
    // What was done before it was gone on with is not among those that are counted now.
    const of = from === undefined ? `${number(acted)} of ${many(count, "run")}` : many(acted, "run");
    if (cursor !== undefined) output.progress(`${of} ${done} …`);
  };
  try {
    return await act({ from, signal: enough.signal, onProgress });
  } catch (error) {
    if (!enough.signal.aborted || error !== enough.signal.reason) throw error;
    if (output.isJson) output.json({ action: verb, count: last.done, interrupted: true, from: last.cursor });
    const again =
      last.cursor === undefined ? "the same command" : `the same command with --from ${last.cursor}`;
    output.note(`Interrupted: ${many(last.done, "run")} ${done}. Go on: ${again}`);
    return undefined;
  } finally {
    output.progress("");
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}
