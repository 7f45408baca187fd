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
 */
export function hostsIn(address: string): HostList | undefined {
  const [, start, hosts = "", path = "", search = ""] = wellFormed.exec(address) ?? [];
  const [, , wanted] = parameter.exec(search) ?? [];
  if (start === undefined || (wanted === undefined && !hosts.includes(","))) return undefined;
  const rest = search.replace(parameter, (_all, before: string, _value, after: string) =>
    after === "&" ? before : "",
  );
  return {
    addresses: hosts.split(",").map((host) => `${start}${host}${path}${rest}`),
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

function fits({ isStandby, isReadOnly }: Standing, attribute: Attribute): boolean {
  if (attribute === "read-write") return !isReadOnly;
  if (attribute === "read-only") return isReadOnly;
  if (attribute === "primary") return !isStandby;
  if (attribute === "standby" || attribute === "prefer-standby") return isStandby;
  return true;
}

/** One server at a time of those that an address names. */
export function overHosts(
  { addresses, attribute }: HostList,
  serverAt: (address: string) => Server,
): Database {
  let chosen: Promise<{ readonly at: number; readonly server: Server }> | undefined;
  let settled: { readonly at: number; readonly server: Server } | undefined;
  let doubting: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function standingOf(at: number): Promise<Standing> {
    const server = serverAt(addresses[at] ?? "");
    const timer = setTimeout(() => server.cut(), answerPatience);
    try {
      const [[isStandby, isReadOnly] = []] = await server.query(standingQuery);
      server.close().catch(() => {});
      return { at, isStandby: isStandby === "true", isReadOnly: isReadOnly === "on" };
    } catch (error) {
      server.cut();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The place of a server that will do; the one in use, where several would. */
  async function find(): Promise<number> {
    const standings = addresses.map((_, at) => standingOf(at));
    const fitting = standings.map(async (one) => {
      const standing = await one;
      if (fits(standing, attribute)) return standing.at;
      throw new Error(
        standing.isStandby ? "it is a standby" : standing.isReadOnly ? "it is read-only" : "it is no standby",
      );
    });
    // Those that nobody asks for any more may still fail.
    for (const one of fitting) one.catch(() => {});
    // Where only one can be it there is no need to wait until the one in use does not answer.
    const isOnlyOne = attribute === "read-write" || attribute === "primary";
    try {
      if (settled !== undefined && !isOnlyOne) {
        const own = await fitting[settled.at]?.catch(() => undefined);
        if (own !== undefined) return own;
      }
      return await Promise.any(fitting);
    } catch {
      if (attribute === "prefer-standby") {
        const any = await Promise.any(standings).catch(() => undefined);
        if (any !== undefined) return any.at;
      }
      throw await noneError(fitting, standings);
    }
  }

  async function noneError(
    fitting: readonly Promise<number>[],
    standings: readonly Promise<Standing>[],
  ): Promise<unknown> {
    const [outcomes, answers] = await Promise.all([
      Promise.allSettled(fitting),
      Promise.allSettled(standings),
    ]);
    const failures = answers.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    const hasAnswered = failures.length < answers.length;
    // A wrong password is wrong everywhere, and no server that comes back will take it.
    if (!hasAnswered && failures.every(isRefusal)) return failures[0];
    const reasons = outcomes.map(
      (one, at) =>
        `${hostOf(addresses[at] ?? "")}: ${one.status === "rejected" ? wordsOf(one.reason) : "it would do"}`,
    );
    const message =
      `None of the servers in the address is ${wordsFor[attribute]} (${reasons.join("; ")}). During a failover this passes; ` +
      "if it stays, look at the cluster, and at the address.";
    if (hasAnswered) return new StoreReadOnlyError(message, { cause: { code: "25006" }, passes: true });
    return new StoreUnreachableError(message, { cause: { code: "ECONNREFUSED", failures }, passes: true });
  }

  async function choose(): Promise<{ readonly at: number; readonly server: Server }> {
    const at = await find();
    settled = { at, server: serverAt(addresses[at] ?? "") };
    return settled;
  }

  function current(): Promise<{ readonly at: number; readonly server: Server }> {
    chosen ??= choose().catch((error: unknown) => {
      chosen = undefined;
      throw error;
    });
    return chosen;
  }

  /** Looks who is there, and goes to another one if it has to. */
  function doubt(server: Server): void {
    if (doubting !== undefined || settled?.server !== server || closing !== undefined) return;
    const began = performance.now();
    doubting = find()
      .then(
        (at) => {
          if (at === settled?.at || closing !== undefined) return;
          settled = { at, server: serverAt(addresses[at] ?? "") };
          chosen = Promise.resolve(settled);
          server.cut();
        },
        // Nobody is it now. What breaks next makes us look again.
        () => {},
      )
      .then(
        () => new Promise<void>((resolve) => setTimeout(resolve, calm + began - performance.now()).unref()),
      )
      .finally(() => {
        doubting = undefined;
      });
  }

  /** Asks a server, and doubts it if it does not answer or breaks. */
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
    const { server } = await current();
    const line = await watched(server, () => server[kind]());
    return {
      ...line,
      query: (query) => watched(server, () => line.query(query)),
    };
  }

  async function close(): Promise<void> {
    await doubting;
    const last = await chosen?.catch(() => undefined);
    await last?.server.close();
  }

  return {
    driver: "pg",
    async query(query): Promise<Row[]> {
      const { server } = await current();
      return watched(server, () => server.query(query));
    },
    line: () => lineOf("line"),
    lastingLine: () => lineOf("lastingLine"),
    close: () => (closing ??= close()),
  };
}

const wordsFor = {
  any: "there",
  "read-write": "one that takes writes",
  "read-only": "read-only",
  primary: "a primary",
  standby: "a standby",
  "prefer-standby": "there",
} as const;

/** Host and port, without user and password. */
function hostOf(address: string): string {
  return wellFormed.exec(address)?.[2] ?? "";
}
