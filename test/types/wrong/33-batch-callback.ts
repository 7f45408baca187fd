import { job, open } from "duckdive";
import { z } from "zod";

const resize = job({ name: "resize", input: z.object({ image: z.string() }), handle() {} });
const duckdive = open("sqlite:./jobs.db", { jobs: [resize] });
await duckdive.batch([resize.with({ image: "a" })], { name: "album", onFinished: resize });
