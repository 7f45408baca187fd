// Nothing a test starts outlives it. Each server has a small shell beside it that reads from a pipe whose other end
// only the test process holds. When that process ends, in whatever way, the pipe closes: the shell ends the processes
// it was told of and removes their folder. It is in a session of its own, so that Ctrl-C in a terminal does not take it
// along. Ending a server on purpose takes the same way, so there is one way, and it is always tried.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";

export interface Watchdog {
  /** Says which processes live now. They are ended, and the folder is removed, when this process is gone. */
  watch(processes: readonly number[]): void;
  /** Removes the folder, and ends what still lives. Resolves when all of it is gone. */
  end(): Promise<void>;
}

// SIGQUIT is the immediate shutdown of PostgreSQL. A postmaster that was stopped or hangs is killed after six seconds;
// it kills hanging processes of its own after five. Removing is tried again, because the last ones may still be writing.
const script = `
while read -r line; do processes=$line; done
if [ -n "$processes" ]; then
  kill -QUIT $processes
  for tick in $(seq 60); do kill -0 $processes || break; sleep 0.1; done
  kill -KILL $processes
fi
eval "$2"
for tick in $(seq 50); do rm -rf "$1" && exit; sleep 0.1; done
`;

/** @param last a command for what is neither a process nor in the folder */
export function startWatchdog(folder: string, last = ""): Watchdog {
  const shell = spawn("sh", ["-c", script, "watchdog", folder, last], {
    detached: true,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = once(shell, "exit");
  shell.stdin.on("error", () => {});
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return {
    watch: (processes) => void shell.stdin.write(`${processes.join(" ")}\n`),
    async end() {
      shell.ref();
      shell.stdin.end();
      await gone;
    },
  };
}
