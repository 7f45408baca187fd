// Making a replica of a database: snapshot the master, wait for it, provision a volume, boot a server, let it follow.
//
// In 2013 this was a job that enqueued itself again until the snapshot was there. Here it is read from top to bottom.
import { type Context, job } from "duckdive";
import { z } from "zod";
import type { Cloud, Thing } from "./cloud.js";

const patient = { attempts: 5, backoff: { kind: "fixed", base: "10s" } } as const;
const boots = 3;

export const createReplica = (cloud: Cloud) =>
  job({
    name: "create-replica",
    input: z.object({ master: z.string() }),
    lock: ({ master }) => `server:${master}`,
    retry: patient,
    async handle({ master }, ctx) {
      const snapshot = await ctx.step("snapshot", ({ key, signal }) => cloud.snapshot(master, key, signal), {
        timeout: "1m",
      });
      await untilReady("snapshot is ready", snapshot, cloud, ctx);
      const volume = await ctx.step("volume", ({ key, signal }) => cloud.provision(snapshot, key, signal));
      try {
        const server = await bootOn(volume, cloud, ctx);
        await ctx.step("follow", () => cloud.follow(server, master));
        return { server: server.what };
      } catch (error) {
        await ctx.step("give the volume back", () => cloud.drop(volume));
        throw error;
      } finally {
        await ctx.step("drop the snapshot", () => cloud.drop(snapshot));
      }
    },
  });

/** A server that comes up. One that does not is dropped, and another one is booted. */
async function bootOn(volume: Thing, cloud: Cloud, ctx: Context): Promise<Thing> {
  for (let boot = 1; boot < boots; boot += 1) {
    const at = ctx.scope(`boot ${boot}`);
    const server = await at.step("boot", ({ key, signal }) => cloud.boot(volume, key, signal));
    try {
      await untilReady("up", server, cloud, at);
      return server;
    } catch {
      await at.step("drop", () => cloud.drop(server));
    }
  }
  const last = ctx.scope(`boot ${boots}`);
  const server = await last.step("boot", ({ key, signal }) => cloud.boot(volume, key, signal));
  await untilReady("up", server, cloud, last);
  return server;
}

async function untilReady(name: string, thing: Thing, cloud: Cloud, ctx: Context): Promise<void> {
  const ask = async () => ((await cloud.state(thing)) === "ready" ? true : undefined);
  await ctx.poll(name, { every: "10s", timeout: "5m" }, ask);
}
