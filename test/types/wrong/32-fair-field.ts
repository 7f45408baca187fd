// cspell:ignore tenent -- misspelled on purpose
import { job } from "duckdive";
import { z } from "zod";

job({ name: "x", input: z.object({ tenant: z.string() }), fair: { by: "tenent" }, handle() {} });
