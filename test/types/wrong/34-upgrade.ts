import { job } from "duckdive";
import { z } from "zod";

export const greet = job({
  name: "greet",
  version: 2,
  upgrade: { 1: (old) => ({ first: old.name }) },
  input: z.object({ first: z.string() }),
  handle() {},
});
