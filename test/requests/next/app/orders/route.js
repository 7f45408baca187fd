// A route that has something recorded after its response, and worked where it runs.
import { duckdive, jobs, welcome } from "../../shop.js";

export const POST = jobs(async (request) => {
  const { id } = await jobs.of(request).afterResponse(welcome);
  return Response.json({ id, recorded: (await duckdive.get(id)) !== undefined });
});
