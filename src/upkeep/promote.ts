// Makes ready what is due, at the moment it is due.
//
// It knows when the next scheduled run is due and sleeps until then; a run that is scheduled earlier, by anybody, moves
// the alarm. So nothing polls: an idle store with a run due on Friday is read on Friday.
import { type Clock, type Service, service, type Timer } from "../kernel/index.js";
import type { Promotion, Store } from "../store/contract.js";
import { rounds } from "./rounds.js";

/** Moved in one transaction: enough to be quick, few enough that others get in between. */
const batch = 1_000;
/** After trouble with the store. */
const retryAfter = 1_000;
/** What is due and could not be moved is held by somebody else for a moment. */
const breath = 100;
/** The store's clock and ours may differ, and clocks jump: never sleep longer than this without a look at the hands. */
const longestSleep = 60_000;

export interface Promoter extends Service {
  /** Something may be due at this moment, on the store's clock. */
  expect(at: number): void;
  /** Promotes what is due now; resolves when nothing is. */
  run(): Promise<void>;
}

/** Told of runs that the store has failed because their time was over. */
export type OnExpired = (expired: Promotion["expired"]) => void;

export function createPromoter(
  store: Store,
  clock: Clock,
  onError: (error: unknown) => void,
  onExpired: OnExpired = () => {},
): Promoter {
  let timer: Timer | undefined;
  let alarm = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
  let open = false;

  function expect(at: number): void {
    if (!open || at >= alarm) return;
    alarm = at;
    sleep();
  }

  function sleep(): void {
    timer?.cancel();
    timer = clock.after(Math.min(Math.max(0, alarm - store.now()), longestSleep), ring);
  }

  /** Whether it is time is told by the clock; the store is read only when it is. */
  function ring(): void {
    if (store.now() < alarm) sleep();
    else void run();
  }

  async function promote(): Promise<Promotion> {
    const promotion = await store.promote(batch);
    if (promotion.expired.length > 0) onExpired(promotion.expired);
    return promotion;
  }

  const promoteInRounds = rounds(async () => {
    timer?.cancel();
    alarm = Number.POSITIVE_INFINITY;
    try {
      let promotion = await promote();
      while (open && promotion.moved > 0) promotion = await promote();
      if (promotion.next !== undefined)
        expect(promotion.next > store.now() ? promotion.next : store.now() + breath);
    } catch (error) {
      onError(error);
      expect(store.now() + retryAfter);
    }
  });

  function run(): Promise<void> {
    running = promoteInRounds();
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
    expect,
    run,
  };
}
