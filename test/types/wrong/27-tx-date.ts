import { job } from "duckdive";

job({
  name: "x",
  async handle(_input, ctx) {
    const { at } = await ctx.tx("now", () => ({ at: new Date() }));
    at.getTime(); // what is remembered is text
  },
});
