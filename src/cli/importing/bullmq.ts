// What waits in BullMQ, read and removed by BullMQ itself, so that its keys are its own business: waiting, paused, prioritized and
// delayed jobs of its Redis queues. What belongs to a flow or to a job scheduler there is left, and said.
//
// Before this file comes Redis. After it comes the bringing.
import { UsageError } from "../errors.js";
import { connectRedis } from "./redis.js";
import {
  dueAt,
  nearestPriority,
  pageSize,
  pagesOf,
  runIdOf,
  type Source,
  type SourceOptions,
  type Waiting,
} from "./source.js";

/** Paused ones are waiting ones, in every version. */
const types = ["waiting", "prioritized", "delayed"] as const;

/** What is read of a job of BullMQ, under its names. */ // cspell:ignore opts
interface BullJob {
  readonly id?: string | undefined;
  readonly name: string;
  readonly data: unknown;
  readonly timestamp: number;
  readonly delay: number;
  readonly priority: number;
  readonly attemptsMade: number;
  readonly opts: { readonly attempts?: number | undefined };
  readonly parentKey?: string | undefined;
  readonly repeatJobKey?: string | undefined;
}

export async function bullmq(options: SourceOptions): Promise<Source> {
  const prefix = options.schema ?? "bull";
  const { Queue } = await loadBull();
  const connection = await connectRedis(options.url);
  const names = options.queues.length > 0 ? options.queues : await queuesOf(connection, prefix);
  const queues = new Map(
    names.map((name) => [name, new Queue(name, { connection, prefix, skipMetasUpdate: true })]),
  );

  async function* take(): AsyncGenerator<Waiting[]> {
    for (const [name, queue] of queues) {
      const ids = await idsOf(queue);
      for (const page of pagesOf(ids)) {
        const jobs = await Promise.all(page.map((id) => queue.getJob(id)));
        const states = await Promise.all(page.map((id) => queue.getJobState(id)));
        // One that has begun or ended since the list was read waits no more.
        const waiting = jobs.flatMap((job, place) =>
          job === undefined || !isWaiting(states[place]) ? [] : [waitingOf(job, name, options, prefix)],
        );
        yield waiting;
      }
    }
  }

  return {
    name: "BullMQ",
    mustRemove: false,
    look: take,
    take,
    async remove(waiting) {
      const busy = new Set<string>();
      const removing = waiting.map(async ({ key, queue: name }) => {
        const id = key.slice(name.length + 1);
        const queue = queues.get(name);
        if (queue === undefined || (await queue.remove(id)) === 1) return;
        if ((await queue.getJobState(id)) === "active") busy.add(key);
      });
      await Promise.all(removing);
      return busy;
    },
    restore: async () => {},
    async close() {
      for (const queue of queues.values()) await queue.close();
      connection.disconnect();
    },
  };
}

/** All at once, since what is removed moves what comes after it. */
async function idsOf(queue: {
  getJobs(type: (typeof types)[number], start: number, end: number, ascending: boolean): Promise<BullJob[]>;
}): Promise<string[]> {
  const ids = new Set<string>();
  for (const type of types) {
    for (let start = 0; ; start += pageSize) {
      const jobs = await queue.getJobs(type, start, start + pageSize - 1, true);
      // One that has gone meanwhile is a hole in the list.
      for (const job of jobs) if (job?.id !== undefined) ids.add(job.id);
      if (jobs.length === 0) break;
    }
  }
  return [...ids];
}

function isWaiting(state: string | undefined): boolean {
  return state === "waiting" || state === "prioritized" || state === "delayed";
}

function waitingOf(job: BullJob, queue: string, options: SourceOptions, prefix: string): Waiting {
  const id = job.id ?? "";
  // Names of queues have no colon there.
  const key = `${queue}:${id}`;
  const obstacle = obstacleOf(job);
  return {
    key,
    id: runIdOf("bullmq", options, prefix, key),
    name: job.name,
    queue,
    data: job.data,
    due: dueAt(job.delay > 0 ? job.timestamp + job.delay : undefined),
    // There 0 is none and comes first, and bigger is later.
    priority: nearestPriority(-job.priority),
    meta: { "moved.attempts": `${job.attemptsMade} of ${job.opts.attempts ?? 1}` },
    ...(obstacle === undefined ? {} : { obstacle }),
  };
}

function obstacleOf({ parentKey, repeatJobKey }: BullJob): string | undefined {
  if (parentKey !== undefined) return "it is part of a flow, whose parent waits for it";
  if (repeatJobKey !== undefined) return "a job scheduler makes it: use schedule() for that";
  return undefined;
}

/** The queues that are there, by the key that each has. */
async function queuesOf(
  connection: Awaited<ReturnType<typeof connectRedis>>,
  prefix: string,
): Promise<string[]> {
  const [before, after] = [`${prefix}:`, ":meta"];
  const found: string[] = [];
  let cursor = "0";
  do {
    const [next, keys] = await connection.scan(
      cursor,
      "MATCH",
      `${escaped(before)}*${after}`,
      "COUNT",
      1_000,
    );
    found.push(...keys.map((key) => key.slice(before.length, -after.length)));
    cursor = next;
  } while (cursor !== "0");
  return [...new Set(found)].sort();
}

/** For a pattern of Redis. */
function escaped(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, "\\$&");
}

async function loadBull() {
  try {
    return await import("bullmq");
  } catch (cause) {
    throw new UsageError("To move from BullMQ the package bullmq is needed: npm install bullmq", { cause });
  }
}
