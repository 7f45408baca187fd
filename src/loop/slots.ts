// How many runs of which queue this worker may take now. Pure counting.
//
// A queue that is named has slots of its own; all others share those of `*`. A queue that is neither named nor covered
// by `*` is not this worker's business. The numbers may be changed while runs hold slots: where there are fewer than are
// taken, nothing is free until enough of them have ended.
export interface Slots {
  /**
   * Free slots by name, as a claim asks for them; `*` among them. Undefined when nothing is free.
   *
   * @param more how many runs would find a place without a slot of their own
   */
  free(most: number, more?: (name: string) => number): Record<string, number> | undefined;
  /** More are taken than there are. */
  isOver(queue: string): boolean;
  take(queue: string): void;
  release(queue: string): void;
  /** Other numbers from now on. What holds a slot goes on. */
  set(queues: Readonly<Record<string, number>>): void;
  readonly queues: Readonly<Record<string, number>>;
  /** Under which name a queue has its slots. */
  nameOf(queue: string): string;
}

/**
 * A worker's slots, with those in place of its own that somebody has set for all workers. A queue that it does not draw from
 * stays none of its business; one that shares the slots of `*` gets slots of its own.
 */
export function withSlotsSet(
  own: Readonly<Record<string, number>>,
  set: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const drawn = Object.entries(set).filter(
    ([queue]) => ((Object.hasOwn(own, queue) ? own[queue] : own["*"]) ?? 0) > 0,
  );
  return drawn.length === 0 ? own : { ...own, ...Object.fromEntries(drawn) };
}

export function createSlots(given: Readonly<Record<string, number>>): Slots {
  let queues = given;
  /** By queue, not by name: which name a queue counts under may change. */
  const byQueue = new Map<string, number>();
  let taken = new Map<string, number>();
  const nameOf = (queue: string): string => (Object.hasOwn(queues, queue) ? queue : "*");

  function change(queue: string, by: 1 | -1): void {
    const left = (byQueue.get(queue) ?? 0) + by;
    if (left === 0) byQueue.delete(queue);
    else byQueue.set(queue, left);
    const name = nameOf(queue);
    taken.set(name, (taken.get(name) ?? 0) + by);
  }

  return {
    free(most, more = () => 0) {
      const free: Record<string, number> = {};
      let any = false;
      for (const [name, limit] of Object.entries(queues)) {
        const unused = limit - (taken.get(name) ?? 0);
        const left = unused < 0 || limit === 0 ? 0 : Math.min(most, unused + more(name));
        free[name] = left;
        any ||= left > 0;
      }
      return any ? free : undefined;
    },
    isOver(queue) {
      const name = nameOf(queue);
      return (taken.get(name) ?? 0) > (queues[name] ?? 0);
    },
    take: (queue) => change(queue, 1),
    release: (queue) => change(queue, -1),
    set(next) {
      queues = next;
      taken = new Map();
      for (const [queue, number] of byQueue) {
        const name = nameOf(queue);
        taken.set(name, (taken.get(name) ?? 0) + number);
      }
    },
    nameOf,
    get queues() {
      return queues;
    },
  };
}
