// The drivers, made one: a `pg.Pool`, or a `postgres.js` client.
//
// Everything travels as text, both ways: then it does not matter what parsers and serializers the application has set
// on its own pool, and both drivers mean the same. Drivers are met by their shape and none is needed to compile.
//
// Before this file come the drivers. After it comes database.ts, which tells what it was given from what it has to make.

export type Text = string | null;
/** The columns of a row, as text. */
export type Row = readonly Text[];

export interface Query {
  readonly text: string;
  readonly values: readonly Text[];
  /** Prepared under this name and kept; undefined: prepared for this once, as a pooler in transaction mode needs it. */
  readonly name: string | undefined;
}

/** One connection that stays the same: for listening, for session locks, and for transactions. */
export interface Line {
  /** Whether its end is heard of at once, so that a lock it holds speaks for its process. */
  readonly hearsItsEnd: boolean;
  query(query: Query): Promise<Row[]>;
  /** Whether a pooler stands between, which gives each transaction another connection. Undefined: cannot be told. */
  isPooled(): Promise<boolean | undefined>;
  /** Hears what is told on a channel, for as long as the connection is there. */
  listen(channel: string, listener: (payload: string) => void): Promise<void>;
  onEnd(listener: () => void): void;
  /** Gives it back, or with `broken` throws it away. */
  release(broken?: boolean): void;
}

export interface Database {
  readonly driver: string;
  query(query: Query): Promise<Row[]>;
  line(): Promise<Line>;
  /** As `line`, for the lookout, which keeps it for as long as it can. */
  lastingLine(): Promise<Line>;
  /** Closes what is ours; an application's own pool stays open. */
  close(): Promise<void>;
}

/** How long a statement may take to be answered, in milliseconds. */
const answerPatience = 20_000;

// ── pg ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface PgQuery {
  text: string;
  values: Text[];
  name?: string | undefined;
  rowMode: "array";
  types: { getTypeParser: () => (value: string) => string };
  query_timeout: number;
}

interface PgClient {
  query(query: PgQuery): Promise<{ rows: Text[][] } | { rows: Text[][] }[]>;
  on(event: string, listener: (argument: never) => void): unknown;
  removeListener(event: string, listener: (argument: never) => void): PgClient;
  release(error?: boolean): void;
  readonly processID?: number | null;
}

export interface PgPool {
  query(query: PgQuery): Promise<{ rows: Text[][] } | { rows: Text[][] }[]>;
  connect(taken: (error: Error | undefined, client: PgClient | undefined) => void): void;
  end(): Promise<void>;
  on?(event: string, listener: (error: Error) => void): unknown;
  removeListener?(event: string, listener: (error: Error) => void): unknown;
}

const asText = { getTypeParser: () => (value: string) => value };

function pgQuery({ text, values, name }: Query): PgQuery {
  return { text, values: [...values], name, rowMode: "array", types: asText, query_timeout: answerPatience };
}

/** Several statements in one text answer with a list; the rows of the last are meant. */
function rowsOf(result: { rows: Text[][] } | { rows: Text[][] }[]): Row[] {
  return (Array.isArray(result) ? result.at(-1)?.rows : result.rows) ?? [];
}

export function overPg(pool: PgPool, isOurs: boolean, onError: (error: unknown) => void): Database {
  // An idle connection that breaks: the next statement makes another one. Where nobody hears of it the process ends, and
  // of an application's own pool it is our statements, too, that made the connection.
  pool.on?.("error", onError);
  return {
    driver: "pg",
    query: async (query) => rowsOf(await pool.query(pgQuery(query))),
    line: () => pgLineOf(pool),
    lastingLine: () => pgLineOf(pool),
    async close() {
      if (isOurs) await pool.end();
      else pool.removeListener?.("error", onError);
    },
  };
}

/** Not by a promise: the end of the connection may come in the same packet as its beginning, and must find a listener. */
function pgLineOf(pool: PgPool): Promise<Line> {
  return new Promise((resolve, reject) =>
    pool.connect((error, client) => {
      if (client === undefined) reject(error);
      else resolve(pgLine(client));
    }),
  );
}

function pgLine(client: PgClient): Line {
  const query = async (asked: Query): Promise<Row[]> => rowsOf(await client.query(pgQuery(asked)));
  let isReleased = false;
  const endListeners: (() => void)[] = [];
  const end = (): void => {
    for (const listener of endListeners.splice(0)) listener();
  };
  client.on("error", end);
  client.on("end", end);
  const noticeListeners: ((payload: string) => void)[] = [];
  const onNotification = (message: { payload?: string }): void => {
    for (const listener of noticeListeners) listener(message.payload ?? "");
  };
  client.on("notification", onNotification);
  return {
    hearsItsEnd: true,
    query,
    async isPooled() {
      const [row] = await query({ text: "select pg_backend_pid()", values: [], name: undefined });
      // The number that the connection was greeted with is the server's own, unless somebody in between made it up.
      return typeof client.processID === "number" ? String(client.processID) !== row?.[0] : undefined;
    },
    async listen(channel, listener) {
      noticeListeners.push(listener);
      await query({ text: `listen "${channel}"`, values: [], name: undefined });
    },
    onEnd: (listener) => void endListeners.push(listener),
    release(broken = false) {
      if (isReleased) return;
      isReleased = true;
      noticeListeners.length = 0;
      endListeners.length = 0;
      client.removeListener("notification", onNotification);
      // What is thrown away may still fail, and nobody else listens to it.
      if (!broken) client.removeListener("error", end).removeListener("end", end);
      client.release(broken);
    },
  };
}

// ── postgres.js ─────────────────────────────────────────────────────────────────────────────────────────────────

interface PostgresQuery extends Promise<unknown> {
  raw(): Promise<(Buffer | null)[][]>;
}

interface ReservedPostgres {
  unsafe(text: string, values: unknown[], options: { prepare: boolean }): PostgresQuery;
  typed(value: Text, type: number): unknown;
  release(): void;
}

export interface PostgresClient extends Omit<ReservedPostgres, "release"> {
  reserve(): Promise<ReservedPostgres>;
  listen(
    channel: string,
    onNotify: (payload: string) => void,
    onListen?: () => void,
  ): Promise<{ unlisten(): Promise<void> }>;
  end(options?: { timeout?: number }): Promise<void>;
}

const textType = 25;

export function overPostgresJs(sql: PostgresClient): Database {
  return {
    driver: "postgres.js",
    query: (query) => postgresRows(sql, sql, query),
    line: async () => postgresLine(sql, await sql.reserve()),
    // Not a reserved one: when that breaks, the next write on it ends the process (porsager/postgres#1208).
    lastingLine: async () => postgresLine(sql, { ...unreserved(sql), release: () => {} }),
    close: async () => {},
  };
}

/** What postgres.js asks over whichever connection is well. */
function unreserved(sql: PostgresClient): Omit<ReservedPostgres, "release"> {
  return {
    unsafe: (text, values, options) => sql.unsafe(text, values, options),
    typed: (value, type) => sql.typed(value, type),
  };
}

async function postgresRows(
  sql: PostgresClient,
  on: Pick<ReservedPostgres, "unsafe">,
  { text, values, name }: Query,
): Promise<Row[]> {
  const typed = values.map((value) => sql.typed(value, textType));
  const rows = await answered(on.unsafe(text, typed, { prepare: name !== undefined }).raw());
  return rows.map((row) => row.map((column) => (column === null ? null : column.toString("utf8"))));
}

/** This driver waits for ever: what is not answered in time is given up, though it keeps its connection. */
function answered<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("query read timeout")), answerPatience);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * Listening is postgres.js's own: it keeps a connection for it, and makes that anew when it breaks. Of the end of another
 * one nothing is heard before it is asked something, too late for a lock of the session to speak for its process.
 */
function postgresLine(sql: PostgresClient, reserved: ReservedPostgres): Line {
  let isReleased = false;
  const listening: Promise<{ unlisten(): Promise<void> }>[] = [];
  return {
    hearsItsEnd: false,
    query: (query) => postgresRows(sql, reserved, query),
    isPooled: async () => undefined,
    async listen(channel, listener) {
      const one = sql.listen(channel, listener);
      listening.push(one);
      await one;
    },
    onEnd: () => {},
    release() {
      if (isReleased) return;
      isReleased = true;
      // Whether it could be told does not matter: nobody hears it any more.
      for (const one of listening) one.then(({ unlisten }) => unlisten()).catch(() => {});
      reserved.release();
    },
  };
}

// ── Which it is ─────────────────────────────────────────────────────────────────────────────────────────────────

/** @internal */
export function isPgPool(given: unknown): given is PgPool {
  return (
    typeof given === "object" &&
    given !== null &&
    "query" in given &&
    typeof given.query === "function" &&
    "connect" in given &&
    typeof given.connect === "function" &&
    "totalCount" in given
  );
}

/** @internal */
export function isPostgresClient(given: unknown): given is PostgresClient {
  return typeof given === "function" && "unsafe" in given && "reserve" in given && "listen" in given;
}
