// A network between the product and a server that a test can spoil: cut off, or silent, which is worse, because nobody
// is told. A silent network takes connections and bytes and delivers nothing until it is resumed; then everything that
// was held back arrives, as it would from a network that repairs itself. Silent for answers alone, it lets a request be
// done whose answer is never seen. Redirected, it is the address that moves to another server at a failover.
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  /** The same address, by way of this proxy. */
  through(url: string): string;
  /** How many connections there are now. */
  connections(): number;
  /** Resets every connection there is. New ones are taken. */
  cut(): void;
  /** Delivers nothing any more, in both directions or only what the server answers. */
  silence(what?: "everything" | "answers"): void;
  /** Delivers again, first what was held back. */
  resume(): void;
  /** Leads new connections to another port. */
  redirect(port: number): void;
  /** Resets every connection, and takes none any more. */
  stop(): Promise<void>;
}

/** Forwards to a port of this machine. */
export async function startProxy(target: number): Promise<Proxy> {
  const links = new Set<Link>();
  let silent: Silence = { requests: false, answers: false };
  const silenceAll = (next: Silence): void => {
    silent = next;
    for (const link of links) link.obey(next);
  };
  const cut = (): void => {
    for (const link of [...links]) link.reset();
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const link = connect(
      client,
      () => target,
      () => links.delete(link),
    );
    links.add(link);
    link.obey(silent);
  });
  server.listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  // A TCP server has no address of any other form.
  const { port } = server.address() as AddressInfo;
  return {
    port,
    through(url) {
      const changed = new URL(url);
      changed.port = String(port);
      return changed.href;
    },
    connections: () => links.size,
    cut,
    silence: (what = "everything") => silenceAll({ requests: what === "everything", answers: true }),
    resume: () => silenceAll({ requests: false, answers: false }),
    redirect(next) {
      target = next;
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    },
  };
}

interface Silence {
  readonly requests: boolean;
  readonly answers: boolean;
}

/** One connection of a client, and the one to the server that belongs to it. */
interface Link {
  obey(silent: Silence): void;
  reset(): void;
}

function connect(client: Socket, target: () => number, gone: () => void): Link {
  let upstream: Socket | undefined;
  let silent: Silence = { requests: true, answers: true };
  function reset(): void {
    gone();
    client.resetAndDestroy();
    upstream?.resetAndDestroy();
  }
  client.on("error", reset);
  client.on("close", () => {
    gone();
    upstream?.end();
  });
  /** A client that comes while the network is silent reaches the server only afterwards. */
  function reach(): Socket {
    const server = createConnection({ port: target(), host: "127.0.0.1", allowHalfOpen: true });
    server.on("error", reset);
    server.on("close", () => client.end());
    forward(client, server, () => silent.requests);
    forward(server, client, () => silent.answers);
    return server;
  }
  return {
    obey(next) {
      silent = next;
      if (!next.requests) upstream ??= reach();
      if (next.requests) client.pause();
      else client.resume();
      if (next.answers) upstream?.pause();
      else upstream?.resume();
    },
    reset,
  };
}

/** Not `pipe`, which would start a paused socket again on its own account. */
function forward(from: Socket, to: Socket, isSilent: () => boolean): void {
  from.on("data", (data) => {
    if (to.write(data)) return;
    from.pause();
    to.once("drain", () => {
      if (!isSilent()) from.resume();
    });
  });
  from.on("end", () => to.end());
}
