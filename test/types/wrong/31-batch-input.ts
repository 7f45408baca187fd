import { job } from "duckdive";
import { z } from "zod";

job({
  name: "mail",
  input: z.object({ to: z.string() }),
  batch: { size: 10 },
  handle(items) {
    items.map((item) => item.to);
  },
});
