// Several servers in one address, as a cluster has them: `postgres://one:5432,two:5432/app`.
//
// All statements go to one of them, the one that is what the address asks for: by default the one that takes writes. When
// a connection breaks, a server has become read-only, or an answer does not come, all of them are asked at once what they
// are. If another one is it now, every connection to the old one is cut, also those on which nobody would ever answer:
// whoever waits there asks again, and meets the new one. Neither `pg` nor its pool knows any of this.
//
// Before this file comes the driver, which makes connections to one server. After it comes the session, which repeats.
import { didYouMean, InvalidOptionError } from "../../kernel/index.js";
import { StoreReadOnlyError, StoreUnreachableError } from "../errors.js";
import type { Database, Line, Query, Row } from "./driver.js";
import { isConnectionTrouble, isRefusal, wordsOf } from "./errors.js";
import { rest } from "./session.js";

/** What a server has to be. The words of PostgreSQL's own client library. */
const attributes = ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] as const;
type Attribute = (typeof attributes)[number];

export interface HostList {
  /** An address of each. */
  readonly addresses: readonly string[];
  readonly attribute: Attribute;
}

/** A server with connections of its own. */
export interface Server extends Database {
  /** Cuts every connection, answered or not. */
  cut(): void;
}

/** An answer that takes so long makes one ask who is there, in milliseconds, and again after as long. */
const doubtAfter = 1_000;
/** How long each server may take to say what it is, in milliseconds. */
const answerPatience = 3_000;
/** Asking who is there comes at most so often: refused connections are refused at once. */
const calm = 200;

const wellFormed = /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#]*)([^?#]*)(\?[^#]*)?$/i;
const parameter = /([?&])target_session_attrs=([^&]*)(&|$)/i;

/**
 * The servers of an address that names several, or says what its server has to be; undefined: it is a plain one.
 * @throws InvalidOptionError for what no server can be
 * @internal
 */
export function hostsIn(address: string): HostList | undefined {
  const [, start, hosts = "", path = "", search = ""] = wellFormed.exec(address) ?? [];
  const [, , wanted] = parameter.exec(search) ?? [];
  if (start === undefined || (wanted === undefined && !hosts.includes(","))) return undefined;
  const others = search.replace(parameter, (_all, before: string, _value, after: string) =>
    after === "&" ? before : "",
  );
  return {
    addresses: hosts.split(",").map((host) => `${start}${host}${path}${others}`),
    attribute: attributeOf(wanted ?? "read-write"),
  };
}

function attributeOf(wanted: string): Attribute {
  const found = attributes.find((attribute) => attribute === wanted);
  if (found !== undefined) return found;
  throw new InvalidOptionError(
    `target_session_attrs=${wanted} is nothing that a server can be.${didYouMean(wanted, attributes)} ` +
      `Use one of ${attributes.join(", ")}.`,
  );
}

// ── Who is there ────────────────────────────────────────────────────────────────────────────────────────────────

interface Standing {
  readonly at: number;
  readonly isStandby: boolean;
  readonly isReadOnly: boolean;
}

const standingQuery: Query = {
  text: "select pg_is_in_recovery()::text, current_setting('transaction_read_only')",
  values: [],
  name: undefined,
};

async function standingOf(server: Server, at: number): Promise<Standing> {
  const timer = setTimeout(() => server.cut(), answerPatience);
  try {
    const [[isStandby, isReadOnly] = []] = await server.query(standingQuery);
    leave(server).catch(() => {});
    return { at, isStandby: isStandby === "true", isReadOnly: isReadOnly === "on" };
  } catch (error) {
    server.cut();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Closes it, and cuts what does not end: a server that is gone says no goodbye. */
async function leave(server: Server): Promise<void> {
  const timer = setTimeout(() => server.cut(), answerPatience);
  await server.close().finally(() => clearTimeout(timer));
}

/** Throws unless the server is what it has to be. */
function fitting({ at, isStandby, isReadOnly }: Standing, attribute: Attribute): number {
  if (attribute === "read-write" && isReadOnly) throw new Error(isStandby ? "a standby" : "read-only");
  if (attribute === "read-only" && !isReadOnly) throw new Error("it takes writes");
  if (attribute === "primary" && isStandby) throw new Error("a standby");
  if (/standby/.test(attribute) && !isStandby) throw new Error("a primary");
  return at;
}

function wantsLeader(attribute: Attribute): boolean {
  return attribute === "read-write" || attribute === "primary";
}

/** The place of a server that will do; the one in use, where several would. */
async function find(
  list: HostList,
  serverAt: (address: string) => Server,
  inUse: number | undefined,
): Promise<number> {
  const { addresses, attribute } = list;
  const standings = addresses.map((address, at) => standingOf(serverAt(address), at));
  const places = standings.map(async (standing) => fitting(await standing, attribute));
  // Those that nobody waits for any more may still fail.
  for (const place of places) place.catch(() => {});
  // Of leaders there is one: no need to wait until the one in use does not answer.
  if (inUse !== undefined && !wantsLeader(attribute)) {
    const own = await places[inUse]?.catch(() => undefined);
    if (own !== undefined) return own;
  }
  try {
    return await Promise.any(places);
  } catch (error) {
    const [first] = (await Promise.allSettled(standings)).flatMap((one) =>
      one.status === "fulfilled" ? [one.value.at] : [],
    );
    if (attribute === "prefer-standby" && first !== undefined) return first;
    const reasons: unknown[] = error instanceof AggregateError ? error.errors : [error];
    throw noneError(list, reasons, first !== undefined);
  }
}

const wordsFor = {
  any: "there",
  "read-write": "one that takes writes",
  "read-only": "read-only",
  primary: "a primary",
  standby: "a standby",
  "prefer-standby": "there",
} as const;

function noneError(
  { addresses, attribute }: HostList,
  reasons: readonly unknown[],
  hasAnswered: boolean,
): unknown {
  // A wrong password is wrong everywhere, and no server that comes back will take it.
  if (reasons.every(isRefusal)) return reasons[0];
  const each = reasons.map((reason, at) => `${hostOf(addresses[at])}: ${wordsOf(reason)}`);
  const message =
    `None of the servers in the address is ${wordsFor[attribute]} (${each.join("; ")}). During a failover this passes; ` +
    "if it stays, look at the cluster, and at the address.";
  if (hasAnswered && wantsLeader(attribute))
    return new StoreReadOnlyError(message, { cause: { code: "25006" }, passes: true });
  return new StoreUnreachableError(message, { cause: { code: "ECONNREFUSED", reasons }, passes: true });
}

/** Host and port, without user and password. */
function hostOf(address = ""): string {
  return wellFormed.exec(address)?.[2] ?? "";
}

// ── One at a time ───────────────────────────────────────────────────────────────────────────────────────────────

interface InUse {
  readonly at: number;
  readonly server: Server;
}

/** All that is asked goes to one server of the list, for as long as that is what it has to be. */
export function overHosts(list: HostList, serverAt: (address: string) => Server): Database {
  let inUse: InUse | undefined;
  let choosing: Promise<InUse> | undefined;
  let doubting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function choose(): Promise<InUse> {
    const before = inUse;
    const at = await find(list, serverAt, before?.at);
    // An answer that comes late, when it has been decided meanwhile, decides nothing.
    if (inUse !== undefined && (inUse !== before || inUse.at === at)) return inUse;
    inUse = { at, server: serverAt(list.addresses[at] ?? "") };
    return inUse;
  }

  async function current(): Promise<Server> {
    if (inUse !== undefined) return inUse.server;
    choosing ??= choose().finally(() => {
      choosing = undefined;
    });
    return (await choosing).server;
  }

  /** Looks who is there, and cuts this one off if another one is it. When nobody is, what breaks next makes us look again. */
  async function look(server: Server): Promise<void> {
    const found = choose().then(
      (now) => {
        if (now.server !== server) server.cut();
      },
      () => {},
    );
    // A server that does not answer must not keep us from asking the others again: one of them may be it by then.
    await Promise.race([found, rest(doubtAfter)]);
  }

  function doubt(server: Server): void {
    if (server !== inUse?.server || closing !== undefined) return;
    doubting ??= Promise.all([look(server), rest(calm)]).then(() => {
      doubting = undefined;
    });
  }

  /** Asks a server, and doubts it if it breaks or does not answer. */
  async function watched<T>(server: Server, ask: () => Promise<T>): Promise<T> {
    const watch = setInterval(() => doubt(server), doubtAfter).unref();
    try {
      return await ask();
    } catch (error) {
      if (isConnectionTrouble(error)) doubt(server);
      throw error;
    } finally {
      clearInterval(watch);
    }
  }

  async function lineOf(kind: "line" | "lastingLine"): Promise<Line> {
    const server = await current();
    const line = await watched(server, () => server[kind]());
    return { ...line, query: (query) => watched(server, () => line.query(query)) };
  }

  async function close(): Promise<void> {
    await doubting;
    await choosing?.catch(() => undefined);
    if (inUse !== undefined) await leave(inUse.server);
  }

  return {
    driver: "pg",
    async query(query): Promise<Row[]> {
      const server = await current();
      return watched(server, () => server.query(query));
    },
    line: () => lineOf("line"),
    lastingLine: () => lineOf("lastingLine"),
    close: () => (closing ??= close()),
  };
}
