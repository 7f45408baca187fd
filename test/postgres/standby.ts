// Two servers for failover tests: a primary that answers a commit only when its standby has it, and that standby, which
// can be promoted. Both begin as copies of one empty cluster, so no backup has to be taken; after that the standby is fed
// over a connection like any other. What a client was told is committed is on the standby when the primary is killed.
import { appendFileSync, chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask } from "./ask.js";
import { createStoppedServer, type Server, type ServerOptions } from "./server.js";

export interface Pair {
  readonly primary: Server;
  readonly standby: Server;
  /** Makes the standby a primary. Resolves when it takes writes. */
  promote(): Promise<void>;
  /** Removes both. */
  end(): Promise<void>;
}

/** Resolves when the primary's commits wait for the standby. */
export async function startPrimaryWithStandby(options: Omit<ServerOptions, "copyOf"> = {}): Promise<Pair> {
  const { settings, ...rest } = options;
  const names = { synchronous_standby_names: "standby" };
  const primary = await createStoppedServer({ ...rest, settings: { ...settings, ...names } });
  const standby = await createStoppedServer({
    ...rest,
    copyOf: primary,
    settings: { ...settings, synchronous_standby_names: "" },
  }).catch(async (error: unknown) => {
    await primary.end();
    throw error;
  });
  const end = async (): Promise<void> => {
    await Promise.all([primary.end(), standby.end()]);
  };
  try {
    await primary.start();
    follow(standby, primary);
    await standby.start();
    await isFed(primary);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    primary,
    standby,
    async promote() {
      await ask(standby.url(), "select pg_promote(true)");
    },
    end,
  };
}

/** Tells a server that was never started to live on what another one does. */
function follow(standby: Server, primary: Server): void {
  const { uid, gid } = statSync(standby.data);
  const signal = join(standby.data, "standby.signal");
  writeFileSync(signal, "");
  chownSync(signal, uid, gid);
  const address = `host=127.0.0.1 port=${primary.port} user=postgres application_name=standby`;
  appendFileSync(join(standby.data, "postgresql.conf"), `primary_conninfo = '${address}'\n`);
}

/** Resolves when commits on the primary wait for the standby. */
async function isFed(primary: Server): Promise<void> {
  const end = performance.now() + 30_000;
  for (;;) {
    const fed = await ask(primary.url(), "select pid from pg_stat_replication where sync_state = 'sync'");
    if (fed.length === 1) return;
    if (performance.now() > end) throw new Error(`The standby does not follow. The log:\n${primary.log()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
