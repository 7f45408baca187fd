// The jobs of this application. A worker runs those that duckdive.config.ts lists.
import { job } from "duckdive";
import { z } from "zod";

export const greet = job({
  name: "greet",
  input: z.object({ name: z.string().min(1) }),
  retry: { attempts: 5, backoff: { kind: "exponential", base: "1s" } },
  timeout: "30s",
  async handle({ name }, ctx) {
    // A worker can die after the work and before its end is recorded. Then this runs again, with the same ctx.runId.
    ctx.log.info(`attempt ${ctx.attempt}`);
    return { greeting: `Hello, ${name}!` };
  },
});
