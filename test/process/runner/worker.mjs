// A stand-in for a worker's process: it speaks the protocol of the runner, and does what the test tells it over a socket.
// It imports nothing, so that a test of the runner is one of nothing else.
import { writeSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";

const given = JSON.parse(process.argv[2] ?? "{}");
const { port, exits, isReady = true, onStop = "leave" } = given;
for (const signal of ["SIGINT", "SIGHUP", "SIGTSTP", "SIGUSR1", "SIGUSR2", "SIGTTIN"])
  process.on(signal, () => {});
process.on("SIGTERM", () => leave("stopped"));
process.on("disconnect", () => {
  if (given.staysWhenLeftAlone !== true) process.exit(9);
});

const worker = `worker-${process.pid}`;
const status = {
  state: "working",
  running: [],
  leaked: [],
  ended: 0,
  lastFetch: 10,
  lastSettle: 10,
  lastBeat: 10,
  memory: 50_000_000,
  delay: 1,
};

/** @param {object} line */
const pipe = (line) => writeSync(4, `${JSON.stringify(line)}\n`);
/** @param {string} why */
function leave(why) {
  pipe({ type: "leaving", why });
  process.exit(0);
}
/** @param {object} message */
const say = (message) => process.connected && process.send?.(message, undefined, undefined, () => {});
const sayStatus = () => say({ type: "status", status });

if (exits !== undefined) process.exit(exits);

const test = connect(port, "127.0.0.1");
/** @param {object} line */
const tell = (line) => test.write(`${JSON.stringify(line)}\n`);
tell({ what: "started", pid: process.pid, given, attendedBy: process.env.DUCKDIVE_ATTENDED_BY });

process.on("message", (/** @type {any} */ message) => {
  tell({ what: "heard", message });
  if (message.type === "report") sayStatus();
  if (message.type === "died" && given.rescues !== false)
    say({ type: "rescued", worker: message.death.worker, runs: 3 });
  if (message.type === "stop" && onStop === "leave") leave("stopped");
  if (message.type === "stop" && onStop === "hurry" && message.drain === 0) leave("stopped");
});

/** @type {Record<string, (command: any) => void>} */
const commands = {
  ready: () => say({ type: "ready", worker }),
  status(command) {
    Object.assign(status, command.status);
    sayStatus();
  },
  send: (command) => say(command.message),
  pipe: (command) => pipe(command.line),
  raw: (command) => void writeSync(command.to, command.text),
  leave: (command) => leave(command.why),
  exit: (command) => process.exit(command.code),
  abort: () => process.abort(),
};
createInterface({ input: test }).on("line", (line) => {
  const command = JSON.parse(line);
  commands[command.do]?.(command);
});
// A test that is over has no use for its processes.
test.on("error", () => {});
test.on("close", () => process.exit(8));

setInterval(sayStatus, 100);
sayStatus();
if (isReady) say({ type: "ready", worker });
