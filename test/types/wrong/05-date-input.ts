import { job } from "duckdive";
import { z } from "zod";

job({ name: "x", input: z.object({ pickedAt: z.date() }), handle() {} }); // what was stored is text
