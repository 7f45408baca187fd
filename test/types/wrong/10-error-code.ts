// cspell:ignore korked -- misspelled on purpose
import { job } from "duckdive";
import { z } from "zod";

job({
  name: "x",
  errors: { corked: z.object({ cork: z.string() }) },
  handle: async (_, ctx) => ctx.fail("korked", { cork: "x" }),
});
