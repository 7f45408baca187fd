// Consumes a queue, and kills itself when its first runs are recorded: before a message of them is acknowledged.
import { connect } from "amqplib";
import { job, open } from "duckdive";
import { amqp } from "duckdive/with/amqp";
import { z } from "zod";

const [broker = "", queue = "", store = ""] = process.argv.slice(2);
const order = job({ name: "order", input: z.object({ n: z.number() }), handle() {} });
const duckdive = open(store, { jobs: [order] });
amqp(() => connect(broker)).consume(
  {
    async enqueueMany(requests) {
      const runs = await duckdive.enqueueMany(requests);
      process.kill(process.pid, "SIGKILL");
      return runs;
    },
  },
  { queue, jobs: [order], deadLetters: { exchange: "refused" } },
);
