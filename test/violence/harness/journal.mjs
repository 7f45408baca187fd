// A store that keeps a journal: the worker's own store, and beside it a line in the ledger for each thing that it was told.
//
// What a worker hears of its store is what it acts upon: which claims it was given, which ends were taken, when it was
// last taken for alive. The auditor holds that against what the database says in the end. Nothing is changed on the way.
//
// Before this file comes a store of the product. After it comes the worker, which is given this one instead.
import { monotonic } from "./ledger.mjs";

/** @typedef {import("../../../src/store/contract.js").Store} Store */

/** @typedef {Store & { claimOf(run: string, token: number): string | undefined }} JournaledStore */

/**
 * @param {Store} store
 * @param {import("./ledger.mjs").Ledger} ledger
 * @param {(worker: string) => void} onRegistered
 * @returns {JournaledStore}
 */
export function journaled(store, ledger, onRegistered) {
  /** The marks of claims whose executions may still be going on. @type {Map<string, string | undefined>} */
  const claims = new Map();
  /** Ends that stand in a transaction of a handler's, by when they were asked for. @type {Map<string, number>} */
  const entrusted = new Map();

  /** @param {string} worker @param {number} asked @param {import("../../../src/store/contract.js").Pulse} pulse */
  function heard(worker, asked, pulse) {
    if (!pulse.alive) ledger.write("dead", { worker });
    for (const fence of pulse.lost) ledger.write("gone", { ...fence, worker, asked });
    return pulse;
  }

  /** @type {Partial<JournaledStore>} */
  const own = {
    claimOf: (run, token) => claims.get(`${run} ${token}`),
    async register(worker) {
      const asked = monotonic();
      await store.register(worker);
      ledger.write("shown", { worker: worker.id, asked, isNew: true });
      onRegistered(worker.id);
    },
    async heartbeat(worker, ...rest) {
      const asked = monotonic();
      const pulse = await store.heartbeat(worker, ...rest);
      if (pulse.alive) ledger.write("shown", { worker, asked });
      return heard(worker, asked, pulse);
    },
    async pulse(worker) {
      const asked = monotonic();
      return heard(worker, asked, await store.pulse(worker));
    },
    async claim(request) {
      const asked = monotonic();
      const { worker } = request;
      try {
        const claimed = await store.claim(request);
        for (const { run, token, claim, attempt, crashes } of claimed) {
          claims.set(`${run} ${token}`, claim);
          ledger.write("claimed", { run, token, claim, attempt, crashes, worker, asked });
        }
        return claimed;
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "WORKER_LOST")
          ledger.write("dead", { worker });
        throw error;
      }
    },
    async settle(settlements) {
      const asked = monotonic();
      for (const { run, token, claim, waiting } of settlements)
        if (waiting?.reason === "entries") ledger.write("suspending", { run, token, claim });
      const answers = await store.settle(settlements);
      settlements.forEach(({ run, token, claim, state, reason, giveBack, waiting }, place) => {
        const answer = answers[place];
        const about = { run, token, claim, wanted: state, waits: waiting?.reason, reason, giveBack, asked };
        if (answer?.taken) ledger.write("settled", { ...about, state: answer.state });
        else ledger.write("refused", about);
        claims.delete(`${run} ${token}`);
      });
      return answers;
    },
    async settleIn(transaction, settlement, notes) {
      entrusted.set(`${settlement.run} ${settlement.token}`, monotonic());
      return store.settleIn(transaction, settlement, notes);
    },
    committed(settlement) {
      const { run, token, claim, state } = settlement;
      const asked = entrusted.get(`${run} ${token}`);
      entrusted.delete(`${run} ${token}`);
      claims.delete(`${run} ${token}`);
      ledger.write("settled", { run, token, claim, wanted: state, state, asked, inTransaction: true });
      store.committed(settlement);
    },
    async rescue(deaths) {
      const asked = monotonic();
      const rescued = await store.rescue(deaths);
      if (rescued.length > 0) ledger.write("rescued", { deaths, runs: rescued.length, asked });
      return rescued;
    },
  };
  return new Proxy(/** @type {JournaledStore} */ (store), {
    get(target, name) {
      const found = Reflect.get(own, name) ?? Reflect.get(target, name);
      return typeof found === "function" ? found.bind(target) : found;
    },
  });
}
