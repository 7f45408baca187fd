/**
 * Who does what in a handler: which bodies of which calls ran, how often, and how often a handler was called.
 *
 * A handler is given its `ctx` with the functions that take a body exchanged for ones that count. The same place can let
 * a body run twice in a row: what that changes in the world is what the body does when it is repeated, whoever else was
 * repeated in a trial as well.
 *
 * Before this file come the jobs of a world. After it come the processes that work them.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { AnyJob, Context } from "../../job/index.js";
import type { Foreign } from "./foreign.js";

/** A call of a job, or its code outside of any. */
export interface Place {
  readonly job: string;
  /** The name of the call; undefined: outside of every step. */
  readonly step: string | undefined;
  readonly kind: "step" | "poll" | "tx" | "succeed" | "handler";
}

/** Thrown by a body that is to be done again from the beginning of its transaction. */
export class AgainError extends Error {}

export interface Bodies {
  /** A body, or a handler, begins. */
  began(place: Place): void;
  /** Whether this body is to run twice. */
  isDoubled(place: Place): boolean;
  /** Sees what handlers wait for beside their calls; undefined: nobody looks. */
  readonly foreign: Foreign | undefined;
}

/** How often each place ran. */
export class Tally implements Bodies {
  readonly counts = new Map<string, { readonly place: Place; count: number }>();
  readonly foreign: Foreign | undefined;
  readonly #doubled: string | undefined;

  constructor({ doubled, foreign }: { readonly doubled?: Place; readonly foreign?: Foreign } = {}) {
    this.#doubled = doubled === undefined ? undefined : keyOf(doubled);
    this.foreign = foreign;
  }

  began(place: Place): void {
    const key = keyOf(place);
    const known = this.counts.get(key) ?? { place, count: 0 };
    known.count += 1;
    this.counts.set(key, known);
  }

  isDoubled(place: Place): boolean {
    return keyOf(place) === this.#doubled;
  }

  /** What ran more often here than there. */
  moreThan(other: Tally): Place[] {
    return [...this.counts.entries()]
      .filter(([key, { count }]) => count > (other.counts.get(key)?.count ?? 0))
      .map(([, { place }]) => place);
  }
}

/** The same for the same place. */
export function keyOf({ job, step, kind }: Place): string {
  return JSON.stringify([job, kind, step ?? null]);
}

export interface Host {
  readonly isDead: () => boolean;
  readonly inFlight: Set<Promise<unknown>>;
}

/** The call whose transaction is under way: an adapter is not told whose it begins. */
export const transactionOf = new AsyncLocalStorage<{ readonly run: string; readonly name: string }>();

/** The same jobs, whose handlers are watched. */
export function observedJobs(
  jobs: ReadonlyMap<string, AnyJob>,
  bodies: Bodies,
  host: Host,
): ReadonlyMap<string, AnyJob> {
  return new Map([...jobs].map(([name, job]) => [name, observed(job, bodies, host)]));
}

function observed(job: AnyJob, bodies: Bodies, host: Host): AnyJob {
  const handler = (input: unknown, ctx: Context) => {
    bodies.began({ job: job.name, step: undefined, kind: "handler" });
    const call = (): unknown => job.handler(input, observedContext(ctx, "", bodies, host));
    return bodies.foreign === undefined ? call() : bodies.foreign.handler(ctx.runId, job.name, call);
  };
  return Object.freeze({ ...job, handler });
}

type Body = (...given: unknown[]) => unknown;

/** A call of ours: what it makes is none of the handler's. */
function asOurs(bodies: Bodies, call: Body): Body {
  const { foreign } = bodies;
  return foreign === undefined ? call : (...given) => foreign.known(() => call(...given));
}

function observedContext(ctx: Context, prefix: string, bodies: Bodies, host: Host): Context {
  /** The body of a call, counted, and run twice where it is to be. */
  const body = (kind: Place["kind"], name: string, fn: unknown): unknown => {
    if (typeof fn !== "function") return fn;
    const place: Place = { job: ctx.job, step: name, kind };
    const counted: Body = (...given) => {
      if (host.isDead()) return new Promise(() => {});
      bodies.began(place);
      return tracked(host, fn(...given));
    };
    if (!bodies.isDoubled(place)) return counted;
    return kind === "tx" || kind === "succeed" ? rolledBackOnce(counted) : repeated(counted);
  };
  const named =
    (kind: "step" | "poll" | "tx") =>
    (name: string, ...given: unknown[]): unknown => {
      const whole = `${prefix}${name}`;
      const member: unknown = ctx[kind];
      const call = asOurs(bodies, member as Body);
      const observed = given.map((one) => body(kind, whole, one));
      if (kind !== "tx") return call(name, ...observed);
      return transactionOf.run({ run: ctx.runId, name: whole }, () => call(name, ...observed));
    };
  return new Proxy(ctx, {
    get(target, property) {
      if (property === "step" || property === "poll" || property === "tx") return named(property);
      if (property === "succeed")
        return (fn: never) => target.succeed(body("succeed", "ctx.succeed", fn) as never);
      if (property === "scope")
        return (name: string) => observedContext(target.scope(name), `${prefix}${name}/`, bodies, host);
      const member: unknown = Reflect.get(target, property);
      return typeof member === "function" ? asOurs(bodies, member.bind(target)) : member;
    },
  });
}

function tracked(host: Host, given: unknown): unknown {
  if (!(given instanceof Promise)) return given;
  const done = given.then(
    () => {},
    () => {},
  );
  host.inFlight.add(done);
  void done.then(() => host.inFlight.delete(done));
  return given;
}

/** As after a crash between the body and its record: the first result is nobody's. */
function repeated(body: Body): Body {
  return async (...given) => {
    try {
      await body(...given);
    } catch {
      return body(...given);
    }
    return body(...given);
  };
}

/** As after a crash before the commit: what was written with the transaction is undone. */
function rolledBackOnce(body: Body): Body {
  let isDone = false;
  return (...given) => {
    if (isDone) return body(...given);
    isDone = true;
    const first = body(...given);
    if (!(first instanceof Promise)) throw new AgainError();
    return first.then(() => {
      throw new AgainError();
    });
  };
}
