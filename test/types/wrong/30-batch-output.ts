import { job } from "duckdive";
import { z } from "zod";

const twice = job({ name: "twice", input: z.number(), output: z.number(), batch: { size: 10 } });
twice.handle((items) => items.map(({ input }) => `${input * 2}`));
