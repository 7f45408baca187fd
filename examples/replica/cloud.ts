// A cloud that behaves as clouds do: requests break after they were obeyed, some are never answered, and now and then it
// forgets what it promised. It knows idempotency keys, which is what makes all of that bearable.
//
// Before this file comes nothing. After it comes the job, which works with it as with a real one.

/** What goes wrong the first time that something is asked for. */
export interface Moods {
  /** Obeyed, and the answer lost. */
  readonly breaks?: readonly Verb[];
  /** Never answered. */
  readonly hangs?: readonly Verb[];
  /** Answered, and then forgotten. */
  readonly forgets?: readonly Verb[];
}

type Verb = "snapshot" | "provision" | "boot";

export interface Thing {
  readonly id: string;
  readonly what: string;
}

export class Cloud {
  /** What there is, and is paid for, by id. */
  readonly things = new Map<string, string>();
  readonly replicas = new Map<string, string>();
  readonly #made = new Map<string, Thing>();
  readonly #asked = new Map<string, number>();
  readonly #moods: Moods;
  readonly #met = new Set<string>();

  constructor(moods: Moods = {}) {
    this.#moods = moods;
  }

  snapshot(master: string, key: string, signal: AbortSignal): Promise<Thing> {
    return this.#make("snapshot", `snapshot of ${master}`, key, signal);
  }

  provision(snapshot: Thing, key: string, signal: AbortSignal): Promise<Thing> {
    return this.#make("provision", `volume with the ${snapshot.what}`, key, signal);
  }

  boot(volume: Thing, key: string, signal: AbortSignal): Promise<Thing> {
    return this.#make("boot", `server on the ${volume.what}`, key, signal);
  }

  /** Ready from the third time on that somebody asks. @throws Error when there is no such thing */
  async state(thing: Thing): Promise<"pending" | "ready"> {
    if (!this.things.has(thing.id)) throw new Error(`404: there is no ${thing.what}`);
    const asked = (this.#asked.get(thing.id) ?? 0) + 1;
    this.#asked.set(thing.id, asked);
    return asked < 3 ? "pending" : "ready";
  }

  async follow(server: Thing, master: string): Promise<void> {
    this.replicas.set(master, server.what);
  }

  /** Idempotent: what is gone is gone. */
  async drop(thing: Thing): Promise<void> {
    this.things.delete(thing.id);
  }

  async #make(verb: Verb, what: string, key: string, signal: AbortSignal): Promise<Thing> {
    const thing = this.#made.get(key) ?? { id: `${verb} ${this.#made.size + 1}`, what };
    const isNew = !this.#made.has(key);
    const { breaks = [], hangs = [], forgets = [] } = this.#moods;
    if (hangs.includes(verb) && this.#isFirst(`${verb} hangs`)) return never(signal);
    this.#made.set(key, thing);
    if (forgets.includes(verb) && this.#isFirst(`${verb} is forgotten`)) return thing;
    if (isNew) this.things.set(thing.id, what);
    if (breaks.includes(verb) && this.#isFirst(`${verb} breaks`)) throw new Error("ECONNRESET");
    return thing;
  }

  #isFirst(mood: string): boolean {
    if (this.#met.has(mood)) return false;
    this.#met.add(mood);
    return true;
  }
}

function never(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}
