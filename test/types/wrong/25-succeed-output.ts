import { job } from "duckdive";
import { z } from "zod";

job({
  name: "x",
  output: z.object({ bottles: z.number() }),
  handle: (_input, ctx) => ctx.succeed(() => ({ bottles: "six" })), // a number
});
