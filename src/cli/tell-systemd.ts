// Tells systemd how this process is, where it waits to be told: once it has started, while it works, when it stops.
//
// It looks once a second at what everybody can know of a runner, or of a worker without one; nothing of those knows of it.
//
// Before this file come `supervise` and `serve`. After it comes the runner's part that speaks with systemd.
import { systemClock } from "../kernel/index.js";
import { type Health, serviceManager } from "../runner/index.js";
import type { RunningWorker } from "../worker.js";
import type { Teller } from "./teller.js";
import { many } from "./words.js";

/** How it is: begun, or not yet; in words; and whether it stops. */
interface State {
  readonly phase: "starting" | "working" | "stopping";
  readonly text: string;
}

const lookEvery = 1_000;

/** Until the function that it gives back is called, which waits for what is being told. */
export function tellSystemd(env: NodeJS.ProcessEnv, teller: Teller, look: () => State): () => Promise<void> {
  const manager = serviceManager(env, { clock: systemClock, say: teller.say });
  if (manager === undefined) return async () => {};
  let told: State["phase"] = "starting";
  const tell = (): void => {
    const { phase, text } = look();
    if (phase === "working" && told === "starting") manager.ready(text);
    else if (phase === "stopping" && told !== "stopping") manager.stopping();
    else if (phase === "working") manager.status(text);
    told = phase;
  };
  const timer = setInterval(tell, lookEvery).unref();
  tell();
  return () => {
    clearInterval(timer);
    return manager.end();
  };
}

export function stateOfRunner({ phase, ready, problems, processes }: Health): State {
  if (phase === "stopping" || phase === "over") return { phase: "stopping", text: "" };
  const text = ready ? `${many(processes.length, "worker")} at work` : problems.join(" ");
  return { phase: phase === "running" ? "working" : "starting", text };
}

export function stateOfWorker(worker: Pick<RunningWorker, "status">): State {
  const { state, running } = worker.status();
  if (state === "stopping") return { phase: "stopping", text: "" };
  const text = state === "quiet" ? "quiet" : `${many(running.length, "run")} under way`;
  return { phase: state === "starting" ? "starting" : "working", text };
}
