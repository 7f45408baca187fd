import { job } from "duckdive";

job({
  name: "x",
  async handle(_nothing, ctx) {
    await ctx.sleep("3d"); // every durable call has a name
  },
});
