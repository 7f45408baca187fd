// Takes Resque's jobs, and kills itself: when the first of them are taken, or when they are recorded and not forgotten yet.
import { job, open } from "duckdive";
import { resque } from "duckdive/with/resque";
import { Redis } from "ioredis";
import { z } from "zod";

const [redis = "", store = "", moment] = process.argv.slice(2);
const welcome = job({ name: "welcome", input: z.object({ user: z.number() }), handle() {} });
const duckdive = open(store, { jobs: [welcome] });
resque(new Redis(redis)).consume(
  {
    async enqueueMany(requests) {
      const runs = moment === "taken" ? [] : await duckdive.enqueueMany(requests);
      process.kill(process.pid, "SIGKILL");
      return runs;
    },
  },
  { queues: ["mail"], classes: { Welcome: ([user]) => welcome.with({ user: Number(user) }) } },
);
