// Gathers the runs that a handler is given together: by job and key, until there are enough of them or the first has
// waited for long enough.
//
// A group takes one slot of its queue, from its first run to the end of the call, however many runs join it. So a claim may
// bring more runs than there are free slots, as many as groups have room for. What it brings is not known beforehand:
// whoever finds neither a group nor a slot goes back at once. So that this happens seldom, a claim asks for at most twice
// as many on top as joined by the one before it, and for none once something had to go back, until a slot is free again.
//
// What gathers is claimed, and holds its claim like anything that runs: it is given back when the worker stops or rests, and
// counts as lost when the worker dies.
//
// Before this file come claimed runs. After it comes the call (together.ts).
import { AsyncLocalStorage } from "node:async_hooks";
import { batchKeyOf, parseStored } from "../job/index.js";
import type { Timer } from "../kernel/index.js";
import type { Ended } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import type { Execution } from "./conclusion.js";
import { endOfError, endOfInput } from "./ending.js";
import type { Environment, KnownJob } from "./environment.js";
import { type Admitted, type Gather, giveBack } from "./execution.js";
import { createMember, endMembers, type Member } from "./member.js";
import type { Notes } from "./notes.js";
import type { Slots } from "./slots.js";
import { endedBy } from "./stop.js";
import { callTogether } from "./together.js";

export interface Batches {
  /** Takes in a claimed run, which holds a slot; undefined: it is executed by itself. */
  readonly take: Gather;
  /** How many runs on top of the free slots of this name a claim may bring. */
  more(name: string): number;
  /** Everything that a claim brought was taken in. */
  answered(): void;
  /** No claim follows at once: groups that wait for nobody are complete. */
  rests(): void;
  /** How many runs gather. */
  gathering(): number;
  /** Calls all that gathers. */
  hurry(): void;
  /** Gives all back that gathers. */
  release(): void;
  /** An execution has ended that held a slot of this queue. */
  freed(queue: string): void;
}

/** Runs that gather. */
interface Group {
  readonly id: string;
  readonly queue: string;
  readonly size: number;
  /** Undefined: it waits for nobody. */
  readonly timer: Timer | undefined;
  readonly members: Set<Member>;
  /** Somebody has joined since the last claim but one. */
  isGrowing: boolean;
}

/** @param onRoom an input was read that took its time: its run has found a place */
export function createBatches(parts: {
  readonly environment: Environment;
  readonly notes: Notes;
  readonly slots: Slots;
  readonly onRoom: () => void;
}): Batches {
  const { environment, notes, slots, onRoom } = parts;
  const { clock } = environment;
  /** As the worker was made: in the frame of no run. */
  const outside = AsyncLocalStorage.snapshot();
  const groups = new Map<string, Group>();
  /** Members whose input is still being read. */
  const unread = new Set<Member>();
  /** How many a claim may bring on top, by the name of slots; absent: one, to see what comes. */
  const budget = new Map<string, number>();
  /** Since the last claim: how many have joined, and where somebody had to go back. */
  const joined = new Map<string, number>();
  const crowded = new Set<string>();

  function take(claimed: Claimed, known: KnownJob, { isAlone, isExtra }: Admitted): Execution | undefined {
    const isMisfit = (): boolean => isExtra && slots.isOver(claimed.queue);
    if (known.policy.batch === undefined) {
      if (!isMisfit()) return undefined;
      turnAway(claimed.queue);
      return giveBack(claimed, environment);
    }
    const member = createMember(claimed, known, environment);
    member.onStop = (stop) => end(member, endedBy(stop));
    unread.add(member);
    readInput(member, (key) => {
      unread.delete(member);
      const id = isAlone || key === undefined ? undefined : JSON.stringify([claimed.queue, claimed.job, key]);
      const group = id === undefined ? undefined : groups.get(id);
      if (group !== undefined) join(group, member);
      else if (isMisfit()) {
        turnAway(claimed.queue);
        end(member, { how: "handedBack" });
      } else if (id === undefined) call([member], claimed.queue);
      else open(id, member, known.policy.batch);
    });
    return member.execution;
  }

  /** Reads the input and says with whom it goes, at once unless its schema takes time. */
  function readInput(member: Member, then: (key: string | undefined) => void): void {
    const { claimed, known } = member;
    const isLate = (): boolean => !unread.has(member);
    const read = (input: unknown): void => {
      if (isLate()) return;
      member.input = input;
      let key: string | undefined;
      try {
        key = batchKeyOf(known.policy.batch ?? {}, claimed.job, input);
      } catch (error) {
        end(member, endOfError(error));
        return;
      }
      then(key);
    };
    const refuse = (error: unknown): void => {
      if (!isLate()) end(member, endOfInput(error));
    };
    try {
      const parsed = parseStored(known.job, claimed.input, claimed.version);
      if (parsed instanceof Promise) void parsed.then(read, refuse).then(afterwards);
      else read(parsed);
    } catch (error) {
      refuse(error);
    }
  }

  /** What was read in its own time may come when no claim is under way. */
  function afterwards(): void {
    setImmediate(rests);
    onRoom();
  }

  function open(id: string, member: Member, batch: KnownJob["policy"]["batch"]): void {
    const { size = 1, wait = 0 } = batch ?? {};
    const { queue } = member.claimed;
    const timer = wait === 0 ? undefined : clock.after(wait, () => complete(group));
    const group: Group = { id, queue, size, timer, members: new Set(), isGrowing: true };
    groups.set(id, group);
    add(group, member);
  }

  function join(group: Group, member: Member): void {
    slots.release(group.queue);
    add(group, member);
  }

  function add(group: Group, member: Member): void {
    const name = slots.nameOf(group.queue);
    joined.set(name, (joined.get(name) ?? 0) + 1);
    group.isGrowing = true;
    group.members.add(member);
    member.holdsSlot = false;
    member.onStop = (stop) => {
      group.members.delete(member);
      if (group.members.size === 0) {
        close(group);
        slots.release(group.queue);
      }
      end(member, endedBy(stop));
    };
    if (group.members.size >= group.size) complete(group);
  }

  function close(group: Group): void {
    group.timer?.cancel();
    groups.delete(group.id);
  }

  function complete(group: Group): void {
    close(group);
    call([...group.members], group.queue);
  }

  function call([first, ...others]: readonly Member[], queue: string): void {
    if (first === undefined) return;
    const members = [first, ...others] as const;
    for (const member of members) member.holdsSlot = false;
    const onOver = (): void => {
      slots.release(queue);
      freed(queue);
    };
    outside(() => callTogether({ members, environment, notes, outside, onOver }));
  }

  function end(member: Member, ended: Ended): void {
    unread.delete(member);
    void endMembers([{ member, ended }], environment);
  }

  function turnAway(queue: string): void {
    const name = slots.nameOf(queue);
    crowded.add(name);
    budget.set(name, 0);
  }

  function freed(queue: string): void {
    budget.delete(slots.nameOf(queue));
  }

  function rests(): void {
    for (const group of groups.values()) if (group.timer === undefined) complete(group);
  }

  return {
    take,
    more(name) {
      const most = budget.get(name) ?? 1;
      let room = 0;
      if (most === 0) return room;
      for (const { queue, size, members } of groups.values())
        if (slots.nameOf(queue) === name) room += size - members.size;
      return Math.min(most, room);
    },
    answered() {
      for (const [name, number] of joined) if (!crowded.has(name)) budget.set(name, 2 * number);
      joined.clear();
      crowded.clear();
      for (const group of groups.values()) {
        if (group.timer === undefined && !group.isGrowing) complete(group);
        group.isGrowing = false;
      }
    },
    rests,
    gathering() {
      let gathering = 0;
      for (const { members } of groups.values()) gathering += members.size;
      return gathering;
    },
    hurry() {
      for (const group of groups.values()) complete(group);
    },
    release() {
      const waiting = [...unread, ...[...groups.values()].flatMap((group) => [...group.members])];
      for (const member of waiting) member.onStop({ why: "shutdown" }, 0);
    },
    freed,
  };
}
