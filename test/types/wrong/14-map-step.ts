import { job } from "duckdive";

job({
  name: "x",
  async handle(_nothing, ctx) {
    const shelves = await ctx.step("shelves", async () => new Map([["left", 6]]));
    shelves.get("left"); // a Map cannot be stored
  },
});
