// How many runs of which queue this worker may take now. Pure counting.
//
// A queue that is named has slots of its own; all others share those of `*`. A queue that is neither named nor covered
// by `*` is not this worker's business.
export interface Slots {
  /** Free slots by name, as a claim asks for them; `*` among them. Undefined when nothing is free. */
  free(most: number): Record<string, number> | undefined;
  take(queue: string): void;
  release(queue: string): void;
  readonly taken: number;
}

export function createSlots(queues: Readonly<Record<string, number>>): Slots {
  const taken = new Map<string, number>();
  let total = 0;
  const nameOf = (queue: string): string => (Object.hasOwn(queues, queue) ? queue : "*");

  function change(queue: string, by: 1 | -1): void {
    const name = nameOf(queue);
    taken.set(name, (taken.get(name) ?? 0) + by);
    total += by;
  }

  return {
    free(most) {
      const free: Record<string, number> = {};
      let any = false;
      for (const [name, limit] of Object.entries(queues)) {
        const left = Math.max(0, Math.min(most, limit - (taken.get(name) ?? 0)));
        free[name] = left;
        any ||= left > 0;
      }
      return any ? free : undefined;
    },
    take: (queue) => change(queue, 1),
    release: (queue) => change(queue, -1),
    get taken() {
      return total;
    },
  };
}
