import { job } from "duckdive";
import { z } from "zod";

const resize = job({ name: "resize", input: z.object({ image: z.string() }), handle() {} });
job({ name: "x", onFailed: resize, handle() {} });
