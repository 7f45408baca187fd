// A run of a job that handles many at once, from its claim to its settlement.
//
// To the loop it is an execution like any other, with its own fence, its own attempt and its own end. Who has it changes:
// first its input is read, then it waits in a group that gathers, then its handler is called, with others. Whoever has it
// hears when it is told to stop, and says how it ended.
//
// Before this file come claimed runs. After it come the groups (batch.ts) and the call (together.ts).
import type { Timer } from "../kernel/index.js";
import type { Ended } from "../run/index.js";
import type { Claimed, Settling } from "../store/contract.js";
import type { Conclusion, Execution } from "./conclusion.js";
import { decide, followed } from "./ending.js";
import type { Environment, KnownJob } from "./environment.js";
import type { Stop } from "./stop.js";

export interface Member {
  readonly claimed: Claimed;
  readonly known: KnownJob;
  readonly execution: Execution;
  /** As its schema gave it out. */
  input: unknown;
  /** When its handler was called, on the clock of `performance`. */
  calledAt: number | undefined;
  /** False: its slot is that of its group. */
  holdsSlot: boolean;
  /** It is told to stop: what whoever has it does then. */
  onStop: (stop: Stop, grace: number) => void;
  /** Its `finishWithin`. */
  limit: Timer | undefined;
  conclude(conclusion: Conclusion): void;
}

export function createMember(claimed: Claimed, known: KnownJob, { clock, grace }: Environment): Member {
  let conclude: (conclusion: Conclusion) => void = () => {};
  const conclusion = new Promise<Conclusion>((resolve) => {
    conclude = resolve;
  });
  const execution: Execution = {
    claimed,
    conclusion,
    stop: (stop, time) => member.onStop(stop, time),
    get calledAt() {
      return member.calledAt;
    },
    get holdsSlot() {
      return member.holdsSlot;
    },
  };
  const member: Member = {
    claimed,
    known,
    execution,
    input: undefined,
    calledAt: undefined,
    holdsSlot: true,
    onStop() {},
    limit: undefined,
    conclude,
  };
  if (claimed.finishBy !== undefined)
    member.limit = clock.after(claimed.finishBy - clock.now(), () =>
      member.onStop({ why: "expired" }, grace),
    );
  return member;
}

/** How a member ended; `leaked`: it was given up, and the call goes on until then. */
export interface MemberEnd {
  readonly member: Member;
  readonly ended: Ended;
  readonly leaked?: Promise<unknown>;
}

/** Ends members, all in one turn, so that their settlements go to the store together. Never rejects. */
export async function endMembers(
  ends: readonly MemberEnd[],
  environment: Environment,
  before: () => void = () => {},
): Promise<void> {
  for (const { member } of ends) {
    member.limit?.cancel();
    member.onStop = () => {};
  }
  const settlements: Settling[] = await Promise.all(
    ends.map(({ member: { claimed, known }, ended }) =>
      followed(claimed, decide(claimed, ended, known, environment), environment),
    ),
  );
  before();
  for (const [place, { member, leaked }] of ends.entries()) {
    const settlement = settlements[place];
    if (settlement === undefined) continue;
    if (member.calledAt !== undefined) environment.frames?.leave(member.claimed);
    member.conclude({ settlement, isCommitted: false, ...(leaked === undefined ? {} : { leaked }) });
  }
}
