// What waits in Resque's queues, and in those of resque-scheduler for later.
//
// Jobs have no ids there, so one is given to each as it is put aside, in the same step, in the place where `duckdive/with/resque`
// puts them as well: whoever comes first after a crash records it, under that id.
//
// Before this file comes Redis. After it comes the bringing.
import { newId } from "../../kernel/index.js";
import { jobOf, type Keys, keysOf } from "../../with/resque-format.js";
import { type Evaluate, evaluator, settleScript, takenScript, takeScript } from "../../with/resque-redis.js";
import { connectRedis } from "./redis.js";
import { dueAt, pageSize, pagesOf, type Source, type SourceOptions, type Waiting } from "./source.js";

/** As takeScript, of what is for later: what is put aside has its time in front. */
const takeLaterScript = `
local answer = {}
for place = 3, #ARGV do
  local payload = redis.call('lpop', KEYS[1])
  if not payload then break end
  redis.call('srem', ARGV[2] .. ':timestamps:' .. payload, 'delayed:' .. ARGV[1])
  redis.call('hset', KEYS[3], ARGV[place], ARGV[1] .. ' ' .. payload)
  answer[#answer + 1] = ARGV[place]
  answer[#answer + 1] = ARGV[1] .. ' ' .. payload
end
if redis.call('llen', KEYS[1]) == 0 then redis.call('zrem', KEYS[2], ARGV[1]) end
return answer`;

const giveBackScript = `
if redis.call('hdel', KEYS[1], ARGV[1]) == 1 then redis.call('rpush', KEYS[2], ARGV[2]) end
return {}`;

const giveBackLaterScript = `
if redis.call('hdel', KEYS[1], ARGV[1]) == 1 then
  redis.call('rpush', KEYS[2], ARGV[2])
  redis.call('zadd', KEYS[3], ARGV[3], ARGV[3])
  redis.call('sadd', KEYS[4], 'delayed:' .. ARGV[3])
end
return {}`;

const listScript = "return redis.call('lrange', KEYS[1], ARGV[1], ARGV[2])";
const timesScript = "return redis.call('zrange', KEYS[1], 0, -1)";
const queuesScript = "return redis.call('smembers', KEYS[1])";

/** What was put aside: under which id, where, and what it was. */
interface Aside {
  readonly id: string;
  /** Of a queue; undefined: for later. */
  readonly queue: string | undefined;
  /** In seconds since 1970, of what is for later. */
  readonly time: string | undefined;
  readonly payload: string;
}

export async function resque(options: SourceOptions): Promise<Source> {
  const namespace = options.schema ?? "resque";
  const connection = await connectRedis(options.url);
  const evaluate = evaluator(connection);
  const line = new Line(evaluate, namespace, options.queues);
  return {
    name: "Resque",
    mustRemove: true,
    look: () => line.look(),
    take: () => line.take(),
    remove: (waiting) => line.remove(waiting),
    restore: () => line.restore(),
    close: async () => connection.disconnect(),
  };
}

class Line {
  readonly #evaluate: Evaluate;
  readonly #namespace: string;
  readonly #asked: readonly string[];
  readonly #keys: Keys;
  readonly #times: string;
  readonly #later: string;
  readonly #aside = new Map<string, Aside>();

  constructor(evaluate: Evaluate, namespace: string, asked: readonly string[]) {
    this.#evaluate = evaluate;
    this.#namespace = namespace;
    this.#asked = asked;
    this.#keys = keysOf(namespace);
    this.#times = `${namespace}:delayed_queue_schedule`;
    this.#later = `${namespace}:duckdive:delayed`;
  }

  async #queues(): Promise<string[]> {
    if (this.#asked.length > 0) return [...this.#asked];
    return (await this.#evaluate(queuesScript, [this.#keys.queues])).sort();
  }

  async *look(): AsyncGenerator<Waiting[]> {
    for (const queue of await this.#queues()) {
      yield* this.#list(this.#keys.queue(queue), queue, undefined);
      const left = asideOf(await this.#evaluate(takenScript, [this.#keys.taken(queue)]), queue);
      yield left.map((one) => this.#waitingOf(one));
    }
    for (const time of await this.#evaluate(timesScript, [this.#times]))
      yield* this.#list(this.#delayed(time), undefined, time);
  }

  async *#list(key: string, queue: string | undefined, time: string | undefined): AsyncGenerator<Waiting[]> {
    for (let start = 0; ; start += pageSize) {
      const range = [String(start), String(start + pageSize - 1)];
      const payloads = await this.#evaluate(listScript, [key], range);
      if (payloads.length === 0) return;
      const all = payloads.map((payload) => this.#waitingOf({ id: newId(), queue, time, payload }));
      yield all.filter((one) => this.#isAsked(one));
    }
  }

  async *take(): AsyncGenerator<Waiting[]> {
    for (const queue of await this.#queues()) {
      const taken = this.#keys.taken(queue);
      const left = asideOf(await this.#evaluate(takenScript, [taken]), queue);
      for (const page of pagesOf(left)) yield this.#putAside(page);
      for (;;) {
        const more = await this.#evaluate(takeScript, [this.#keys.queue(queue), taken], newIds());
        if (more.length === 0) break;
        yield this.#putAside(asideOf(more, queue));
      }
    }
    yield* this.#takeLater();
  }

  async *#takeLater(): AsyncGenerator<Waiting[]> {
    const left = asideOf(await this.#evaluate(takenScript, [this.#later]), undefined);
    for (const page of pagesOf(left)) yield this.#putAside(page).filter((one) => this.#isAsked(one));
    for (const time of await this.#evaluate(timesScript, [this.#times])) {
      for (;;) {
        const keys = [this.#delayed(time), this.#times, this.#later];
        const more = await this.#evaluate(takeLaterScript, keys, [time, this.#namespace, ...newIds()]);
        if (more.length === 0) break;
        yield this.#putAside(asideOf(more, undefined)).filter((one) => this.#isAsked(one));
      }
    }
  }

  #putAside(page: readonly Aside[]): Waiting[] {
    for (const one of page) this.#aside.set(one.id, one);
    return page.map((one) => this.#waitingOf(one));
  }

  async remove(waiting: readonly Waiting[]): Promise<ReadonlySet<string>> {
    for (const { key } of waiting) {
      const aside = this.#aside.get(key);
      if (aside !== undefined) await this.#evaluate(settleScript, [this.#hashOf(aside)], [key]);
      this.#aside.delete(key);
    }
    return new Set();
  }

  /** Whatever is still aside, also what nobody asked for. */
  async restore(): Promise<void> {
    for (const aside of this.#aside.values()) {
      const { id, queue, time, payload } = aside;
      if (queue !== undefined)
        await this.#evaluate(giveBackScript, [this.#hashOf(aside), this.#keys.queue(queue)], [id, payload]);
      else if (time !== undefined) {
        const set = `${this.#namespace}:timestamps:${payload}`;
        const keys = [this.#hashOf(aside), this.#delayed(time), this.#times, set];
        await this.#evaluate(giveBackLaterScript, keys, [id, payload, time]);
      }
    }
    this.#aside.clear();
  }

  #delayed(time: string): string {
    return `${this.#namespace}:delayed:${time}`;
  }

  #hashOf({ queue }: Aside): string {
    return queue === undefined ? this.#later : this.#keys.taken(queue);
  }

  #isAsked({ queue }: Waiting): boolean {
    return this.#asked.length === 0 || this.#asked.includes(queue);
  }

  #waitingOf({ id, queue, time, payload }: Aside): Waiting {
    const job = jobOf(payload);
    const own = { key: id, id, priority: 0, meta: {} };
    const due = time === undefined ? undefined : dueAt(Number(time) * 1_000);
    if (job === undefined)
      return { ...own, name: "", queue: queue ?? "", data: payload, due, obstacle: "it is no job of Resque" };
    return { ...own, name: job.class, queue: queue ?? job.queue ?? "", data: job.args, due };
  }
}

function newIds(): string[] {
  return Array.from({ length: pageSize }, () => newId());
}

/** Ids and what is aside under them, by turns; what is for later has its time in front. */
function asideOf(flat: readonly string[], queue: string | undefined): Aside[] {
  const found: Aside[] = [];
  for (let place = 0; place + 1 < flat.length; place += 2) {
    const [id = "", text = ""] = flat.slice(place, place + 2);
    const space = queue === undefined ? text.indexOf(" ") : -1;
    const time = space < 0 ? undefined : text.slice(0, space);
    found.push({ id, queue, time, payload: text.slice(space + 1) });
  }
  return found;
}
