// Serving in this process: the API and the dashboard over the store that is meant, until told to stop.
//
// Looked after, it says to its runner that it is well, and listens as soon as the one before it has let go of the port. It
// runs no jobs. Definitions that files or the configuration have are there to judge inputs, whether or not they have a handler.
//
// Before this file comes `serve`. After it comes the web part.
import { randomUUID } from "node:crypto";
import type { AnyContract, Signal } from "../job/index.js";
import { attend, type Spoken } from "../runner/child/index.js";
import { listenToSignals } from "../runner/index.js";
import { serveWeb, type Web, type WebServer, web } from "../web/index.js";
import { contractsOf, signalsOf } from "./collect.js";
import { type ExitCode, exits } from "./exit.js";
import { loadFiles } from "./load.js";
import { portError, servedPart, type Where } from "./serving.js";
import { type Cli, connect, loadConfig, openSession, type Session } from "./session.js";
import { isInMemory, memoryNotShared, shownStore } from "./target.js";
import type { Teller } from "./teller.js";

interface Serving {
  readonly cli: Cli;
  readonly teller: Teller;
  readonly files: readonly string[];
  readonly where: Where;
}

/** How often it is tried to get the port that the process before holds, in milliseconds, and how often at most. */
const again = { pause: 50, most: 200 } as const;

export async function serveHere({ cli, teller, files, where }: Serving): Promise<ExitCode> {
  const attendant = attend();
  delete process.env[servedPart];
  const loaded = await loadFiles(files, cli.folder);
  const config = await loadConfig(cli);
  const known = config === undefined ? loaded : [...loaded, config];
  const session = await openSession(cli, { access: "create", configured: config, log: teller.log });
  try {
    if (attendant !== undefined && isInMemory(session.target.store)) throw memoryNotShared();
    await connect(session);
    const jobs = [...contractsOf(known).values(), ...(config?.config.options.jobs ?? [])];
    const app = appOf(session, { where, teller, jobs, signals: [...signalsOf(known).values()] });
    const stopping = stopSignal(teller, attendant);
    const server = await listen(app, where, attendant === undefined ? 0 : again.most);
    announce(teller, server, session, where);
    await stopping;
    await server.close();
    teller.flush();
    attendant?.leaving("stopped");
    return exits.fine;
  } finally {
    await session.duckdive.close();
  }
}

function appOf(
  { duckdive }: Session,
  parts: {
    readonly where: Where;
    readonly teller: Teller;
    readonly jobs: readonly AnyContract[];
    readonly signals: readonly Signal<string, unknown, unknown>[];
  },
): Web {
  const { token, readToken } = parts.where;
  const loopback = token === undefined && readToken === undefined;
  const { jobs, signals, teller } = parts;
  return web(duckdive, { token, readToken, loopback, jobs, signals, log: teller.log });
}

/** Resolves when somebody wants it to stop: the runner, or a signal to this process. */
function stopSignal(teller: Teller, attendant: ReturnType<typeof attend>): Promise<void> {
  return new Promise((resolve) => {
    if (attendant === undefined) {
      listenToSignals((wish, signal) => {
        if (wish !== "stop") return;
        teller.say("stopping", `${signal}: stopping`, { signal });
        resolve();
      });
      return;
    }
    process.on("SIGTERM", () => resolve());
    const onError = (error: unknown): void =>
      teller.log.error("the runner's wish could not be done", { error });
    attendant.speakFor(spoken(), { stop: () => resolve(), onError });
  });
}

/** What the runner hears of a process that runs no jobs. */
function spoken(): Spoken {
  return {
    id: randomUUID(),
    ready: Promise.resolve(),
    over: new Promise(() => {}),
    quiet() {},
    resume() {},
    kill: () => 0,
    rescue: async () => 0,
    note: async () => {},
    status: () => ({
      state: "working",
      started: 0,
      ended: 0,
      running: [],
      leaked: [],
      retained: undefined,
      lastFetch: undefined,
      lastSettle: undefined,
      lastBeat: undefined,
      fetchingFor: undefined,
      memory: process.memoryUsage.rss(),
      delay: 0,
      queues: {},
    }),
  };
}

/** A process that takes another one's place waits until that has let go. @throws WebPortError */
async function listen(app: Web, where: Where, tries: number): Promise<WebServer> {
  for (let left = tries; ; left -= 1) {
    try {
      return await serveWeb(app, where);
    } catch (error) {
      const isTaken = error instanceof Error && "code" in error && error.code === "EADDRINUSE";
      if (!isTaken || left <= 0) throw portError(where, error);
      await new Promise((resolve) => setTimeout(resolve, again.pause));
    }
  }
}

function announce(teller: Teller, { url }: WebServer, { target }: Session, where: Where): void {
  const isOpen = where.token === undefined && where.readToken === undefined;
  const who = isOpen ? "no token is asked for, and only this machine is answered" : "a token is asked for";
  const store = shownStore(target);
  teller.say("serving", `${url}/ serves ${store}; ${who}`, { url, store, pid: process.pid });
  teller.flush();
}
