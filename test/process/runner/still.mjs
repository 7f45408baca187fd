// A process whose event loop stands still for a while beside the watchdog's thread, which is told who its runner is. It
// leaves with 0 when it may go on.
import { Worker } from "node:worker_threads";
import { watch } from "../../../dist/runner/child/thread.js";

const modules =
  '{ threads: require("node:worker_threads"), fs: require("node:fs"), inspector: require("node:inspector") }';
const thread = new Worker(
  `(${watch})(${modules}); require("node:worker_threads").parentPort.postMessage("on");`,
  {
    eval: true,
    workerData: {
      beat: new SharedArrayBuffer(4),
      only: new SharedArrayBuffer(8),
      question: "1",
      pipe: 2,
      runner: Number(process.argv[2]),
      every: 20,
      patience: 60_000,
      answer: 60_000,
      alone: 200,
    },
  },
);
thread.once("message", () => {
  const until = performance.now() + Number(process.argv[3]);
  while (performance.now() < until);
  process.exit(0);
});
