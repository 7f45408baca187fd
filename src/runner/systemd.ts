// What systemd wants to be told by a service of `Type=notify`: that it is ready, that it stops, and that it still lives.
//
// Node.js cannot write to a datagram socket of a path, so systemd's own tool is called, which is there wherever systemd is:
// `systemd-notify`, a process of a few milliseconds. The watchdog is told twice in its time, by the event loop of the process
// that keeps the workers alive: so what it finds out is that this hangs, which nobody else would. Trouble of workers or
// of the store is in the status text and in the health; to be killed for it by systemd would mend nothing and lose runs.
//
// Before this file comes the environment of the process. After it come the runner, and a worker without one.
import { spawn } from "node:child_process";
import type { Clock, Timer } from "../kernel/index.js";
import type { Say } from "./settings.js";

/** systemd, as a service of `Type=notify` speaks to it. */
export interface ServiceManager {
  /** The service has started. From then on the watchdog is fed. */
  ready(status: string): void;
  /** It has been told to stop, and goes on until what runs is done. */
  stopping(): void;
  /** A line that `systemctl status` shows; told when it changes. */
  status(text: string): void;
  /** Tells nothing any more; resolves when what was begun has been told. */
  end(): Promise<void>;
}

interface Parts {
  readonly clock: Clock;
  readonly say: Say;
  /** Tells it; resolves whether that worked. The tool, unless a test gives another way. */
  readonly tell?: (lines: readonly string[]) => Promise<string | undefined>;
}

/** Undefined: nobody waits to be told, as on a terminal, in a container, or under `Type=simple`. */
export function serviceManager(env: NodeJS.ProcessEnv, parts: Parts): ServiceManager | undefined {
  const { clock, say, tell = byTool } = parts;
  if ((env.NOTIFY_SOCKET ?? "") === "") return undefined;
  const interval = watchdogInterval(env);
  let shown = "";
  let isOver = false;
  let isWarned = false;
  let timer: Timer | undefined;
  let telling: Promise<void> = Promise.resolve();

  /** One after the other, so that what is told later is heard later. */
  function notify(...lines: readonly string[]): void {
    if (isOver) return;
    telling = telling.then(async () => {
      const trouble = await tell(lines);
      if (trouble === undefined || isWarned) return;
      isWarned = true;
      const text = `systemd cannot be told how the service is: ${trouble}. It needs systemd-notify, and NotifyAccess=all in the unit`;
      say("systemd", text, { trouble }, "warn");
    });
  }

  function feed(): void {
    if (interval === undefined || isOver) return;
    notify("WATCHDOG=1");
    timer = clock.after(interval, feed);
  }

  return {
    ready(status) {
      shown = status;
      notify("READY=1", `STATUS=${status}`);
      feed();
    },
    stopping: () => notify("STOPPING=1", "STATUS=stopping: waiting for what runs"),
    status(text) {
      if (text === shown) return;
      shown = text;
      notify(`STATUS=${text}`);
    },
    async end() {
      isOver = true;
      timer?.cancel();
      await telling;
    },
  };
}

/** Half of what systemd waits, in milliseconds; undefined: it does not, or waits for another process. */
function watchdogInterval({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const microseconds = Number(WATCHDOG_USEC ?? 0);
  const isOurs = (WATCHDOG_PID ?? "") === "" || Number(WATCHDOG_PID) === process.pid;
  return isOurs && microseconds > 0 ? microseconds / 2_000 : undefined;
}

/** Longer than this the tool does not take, unless systemd itself hangs. */
const patience = 10_000;

function byTool(lines: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn("systemd-notify", lines, { stdio: "ignore", timeout: patience });
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => {
      resolve(code === 0 ? undefined : `systemd-notify ended with ${signal ?? code ?? "nothing"}`);
    });
  });
}
