// The end of the process, when what was said has been written.
//
// What an application loads may keep a process alive for ever: a pool of connections, a timer. A command that has
// answered is over all the same, so the process is ended and not left to end by itself.
//
// Before this file comes an exit code. After it comes the shell.
import { systemClock } from "../kernel/index.js";

/** What was said last gets so long to be written. */
const grace = 1_000;

/** Ends the process with a code. */
export function leave(code: number): void {
  const { stdout, stderr } = process;
  systemClock.after(grace, () => process.exit(code));
  const written = [stdout, stderr].map(
    (stream) =>
      new Promise<void>((resolve) => {
        if (stream.writable) stream.write("", () => resolve());
        else resolve();
      }),
  );
  void Promise.all(written).then(() => process.exit(code));
}
