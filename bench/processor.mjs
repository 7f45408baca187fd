// Who used the processor while something was measured: a process with all that it started, and everybody else. On a busy
// machine a rate says little; the processor time of a run, and the share that others took, say how little.
//
// Before this file come the harness and the server. After it comes /proc, without which there are no answers.
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";

const tick = 10_000;

/**
 * The processor time of a process, of those it started, and of those it has outlived, in microseconds.
 * @param {number | undefined} root
 */
export function timeOf(root) {
  const processes = snapshot();
  const family = new Set(root === undefined ? [] : [root]);
  // Children come after their parents, but for numbers that were used again: look until nobody is new.
  for (let size = 0; size < family.size; ) {
    size = family.size;
    for (const [pid, { parent }] of processes) if (family.has(parent)) family.add(pid);
  }
  let sum = 0;
  for (const pid of family) sum += processes.get(pid)?.time ?? 0;
  return processes.size === 0 ? undefined : sum;
}

/** @returns {Map<number, { parent: number, time: number }>} */
function snapshot() {
  const found = new Map();
  for (const name of namesIn("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = fieldsOf(name);
    const time = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * tick, 0);
    if (fields.length > 0) found.set(Number(name), { parent: Number(fields[1]), time });
  }
  return found;
}

/** @param {string} folder */
function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/**
 * What /proc says of a process, from its state on; nothing when it is gone.
 * @param {string} pid
 */
function fieldsOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}

/**
 * Does something, and tells which share of the machine everybody else had meanwhile, from 0 to 1.
 * @template T
 * @param {() => Promise<T>} act
 * @returns {Promise<{ answer: T, others: number | undefined }>}
 */
export async function besides(act) {
  const before = { ...wholeTime(), own: timeOf(process.pid) };
  const answer = await act();
  const after = { ...wholeTime(), own: timeOf(process.pid) };
  if (before.own === undefined || after.own === undefined) return { answer, others: undefined };
  const others = after.busy - before.busy - (after.own - before.own);
  return { answer, others: Math.max(0, others / (after.all - before.all)) };
}

/** Of all processors since the machine was started, in microseconds. */
function wholeTime() {
  let [busy, idle] = [0, 0];
  for (const { times } of cpus()) {
    busy += (times.user + times.nice + times.sys + times.irq) * 1000;
    idle += times.idle * 1000;
  }
  return { busy, all: busy + idle };
}
