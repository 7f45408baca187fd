// Whether the workers do their work, for whoever asks over HTTP: an orchestrator, a load balancer, a person with curl.
//
//   GET /live    200 while the runner answers. Whatever a worker's trouble is, restarting the runner is no remedy
//   GET /ready   200 when the workers work; 503 with the reasons when one has stopped fetching or showing life
//   GET /        the same answer, with all that is known of every process
//
// The judgement is a function of plain data. It listens on the loopback unless a host was given, since it tells the names
// of jobs to whoever asks.
//
// Before this file comes the view of the processes. After it comes the runner.
import { createServer, type Server, type ServerResponse } from "node:http";
import { formatDuration } from "../kernel/index.js";
import { HealthPortError } from "./errors.js";
import type { ProcessView } from "./view.js";

/** How a runner is, as its health endpoint answers. */
export interface Health {
  readonly phase: RunnerState["phase"];
  /** False once the runner has ended or given up. */
  readonly live: boolean;
  /** Whether nothing is wrong. */
  readonly ready: boolean;
  /** What is wrong, one sentence each. */
  readonly problems: readonly string[];
  readonly processes: readonly ProcessView[];
}

export interface RunnerState {
  readonly phase: "new" | "starting" | "running" | "stopping" | "over";
  readonly processes: readonly ProcessView[];
}

/** Longer than this, and it is a problem. In milliseconds. */
const healthLimits = { fetching: 30_000, beat: 30_000, status: 5_000 };

export function healthOf({ phase, processes }: RunnerState): Health {
  const working = processes.filter(({ state }) => state === "ready");
  const problems = [...phaseProblems(phase), ...working.flatMap(problemsOf)];
  if (phase === "running" && working.length === 0) problems.push("No worker is ready.");
  return { phase, live: phase !== "over", ready: problems.length === 0, problems, processes };
}

function phaseProblems(phase: RunnerState["phase"]): string[] {
  if (phase === "running") return [];
  if (phase === "stopping") return ["The runner is stopping."];
  return [phase === "over" ? "The runner has ended." : "Not every worker has become ready yet."];
}

function problemsOf({ process, pid, age, status }: ProcessView): string[] {
  const problem = (text: string): string => `Worker ${process} (pid ${pid}) ${text}.`;
  if (status === undefined) {
    return age > healthLimits.status ? [problem("has not said how it is since it started")] : [];
  }
  const { saidBefore, fetchingFor, lastBeat = age } = status;
  return [
    ...(saidBefore > healthLimits.status
      ? [problem(`has not said how it is for ${formatDuration(saidBefore)}`)]
      : []),
    ...(fetchingFor !== undefined && fetchingFor > healthLimits.fetching
      ? [problem(`wants to fetch and has not been able to for ${formatDuration(fetchingFor)}`)]
      : []),
    ...(lastBeat > healthLimits.beat
      ? [problem(`has not shown the store a sign of life for ${formatDuration(lastBeat)}`)]
      : []),
  ];
}

export interface HealthServer {
  /** Where it listens: `http://127.0.0.1:8080`. */
  readonly url: string;
  close(): void;
}

/** @throws HealthPortError when it cannot listen there */
export async function serveHealth(
  { port, host }: { port: number; host: string },
  health: () => Health,
): Promise<HealthServer> {
  const server = createServer((request, response) => {
    // Not read as an address: whatever somebody asks for, it must not end the runner.
    const [pathname = "/"] = (request.url ?? "/").split("?");
    if (request.method !== "GET" && request.method !== "HEAD")
      answer(response, 405, { error: "Ask with GET." });
    else answerPath(response, pathname, health());
  });
  await listening(server, port, host);
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answerPath(response: ServerResponse, path: string, health: Health): void {
  const { live, ready, problems } = health;
  if (path === "/live") answer(response, live ? 200 : 503, { live });
  else if (path === "/ready") answer(response, ready ? 200 : 503, { ready, problems });
  else if (path === "/") answer(response, ready ? 200 : 503, health);
  else answer(response, 404, { error: "There is /live, /ready and /." });
}

function answer(response: ServerResponse, code: number, body: object): void {
  const headers = { "content-type": "application/json", "cache-control": "no-store", connection: "close" };
  response.writeHead(code, headers);
  response.end(`${JSON.stringify(body, undefined, 2)}\n`);
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", resolve);
    // For ever: a connection that cannot be accepted later on, for want of descriptors, is no reason to end.
    server.on("error", (cause) =>
      reject(
        new HealthPortError(
          `The health cannot be served on ${host}:${port}: ${cause.message}. Use another port, or stop what listens there.`,
          { cause },
        ),
      ),
    );
    server.listen(port, host);
  });
}
