// A worker process that says when a handler starts, and ends when the channel closes. Arguments: store, `hang` for a
// handler that never returns.
import { openWorker } from "../duckdive.mjs";
import { nothing } from "../measure.mjs";

const [store = "", how = ""] = process.argv.slice(2);
const { duckdive, work } = openWorker(store, {
  jobs: [nothing],
  middleware: [
    async (run, next) => {
      process.send?.({
        started: Date.now(),
        exactly: performance.timeOrigin + performance.now(),
        run: run.id,
      });
      if (how === "hang") await new Promise(() => {});
      await next();
    },
  ],
});
process.on("disconnect", () => void duckdive.close().then(() => process.exit(0)));
process.on("message", (message) => {
  if (message !== "usage") return;
  const { user, system } = process.cpuUsage();
  const { voluntaryContextSwitches } = process.resourceUsage();
  process.send?.({ cpu: user + system, switches: voluntaryContextSwitches });
});
await work().ready;
process.send?.({ ready: true });
