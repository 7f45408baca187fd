// Removes runs past their keeping, a few at a time.
//
// It reads one index once in ten minutes; when something is to be removed it goes on in small transactions with a
// breath between them, so that neither an enqueue nor a claim waits long behind a million deletions.
import { type Clock, type Service, service, type Timer } from "../kernel/index.js";
import type { Store } from "../store/contract.js";

const every = 10 * 60_000;
const breath = 20;
const batch = 500;

export function createPruner(store: Store, clock: Clock, onError: (error: unknown) => void): Service {
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;
  let open = false;

  async function pruneSome(): Promise<void> {
    let next = every;
    try {
      if ((await store.prune(batch)) === batch) next = breath;
    } catch (error) {
      onError(error);
    }
    if (open) arm(next);
  }

  function arm(milliseconds: number): void {
    timer = clock.after(milliseconds, () => {
      running = pruneSome();
    });
  }

  return service({
    start() {
      open = true;
      arm(breath);
    },
    async stop() {
      open = false;
      timer?.cancel();
      await running;
    },
  });
}
