// Gives the runs of dead workers back.
//
// Every worker looks after all others: once a second it asks the store who is dead, which on one machine is a look at
// a process table and not at the database. Two that find the same corpse do no harm: `rescue` is one transaction.
import { type Clock, type Events, type Service, service, type Timer } from "../kernel/index.js";
import type { RunEvents } from "../run/index.js";
import type { Death, Store } from "../store/contract.js";
import { rounds } from "./rounds.js";

/** Rescue must begin within two seconds of a death; looking twice in that time leaves room for the transaction. */
const every = 1_000;

export interface Rescuer extends Service {
  /** Gives back at once what these workers held, of whom somebody knows that they are dead. Answers how many runs. */
  bury(deaths: readonly Death[]): Promise<number>;
  /** Looks now; resolves when what was found dead is rescued. */
  run(): Promise<void>;
}

export function createRescuer(store: Store, clock: Clock, events: Events<RunEvents>): Rescuer {
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let open = false;

  async function bury(deaths: readonly Death[]): Promise<number> {
    const rescued = await store.rescue(deaths);
    for (const run of rescued) events.emit("lost", run);
    return rescued.length;
  }

  async function rescueAll(): Promise<void> {
    timer?.cancel();
    try {
      const lost = await store.findLost();
      if (lost.length > 0) await bury(lost);
    } catch (error) {
      events.emit("error", { error, where: "rescue" });
    }
    if (open) timer = clock.after(every, () => void run());
  }

  const rescueInRounds = rounds(rescueAll);

  function run(): Promise<void> {
    running = rescueInRounds();
    return running;
  }

  return {
    ...service({
      async start() {
        open = true;
        await run();
      },
      async stop() {
        open = false;
        timer?.cancel();
        await running;
      },
    }),
    run,
    bury,
  };
}
