import { job } from "duckdive";

job({
  name: "x",
  async handle(_nothing, ctx) {
    const harvest = await ctx.step("harvest", async () => ({ at: new Date() }));
    harvest.at.getTime(); // a step gives back what was stored: text
  },
});
