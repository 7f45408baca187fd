// The mutants: the product with one line of it broken, each in a way that breaks a promise, so that the harness can be
// seen to notice. Each names the text that it replaces, and the seed and the faults under which it is caught.
//
// Before this file comes the product. After it comes the
// command `npm run violence:mutants`.

/**
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} breaks what it does wrong
 * @property {string} file
 * @property {string} text that is replaced; it stands there once
 * @property {string} instead
 * @property {"sqlite" | "postgres"} store
 * @property {string} faults
 * @property {number} seconds
 * @property {number} [rest] seconds that runs may take to end; 20 unless given
 * @property {string} seed
 */

const zombies = "zombie,declare-dead";

/** @type {readonly Mutant[]} */
export const mutants = [
  {
    name: "settle-without-token",
    breaks: "a settlement does not look at the token",
    file: "src/store/sqlite/sql/settle-output.sql",
    text: "where seq = :seq and token = :token and state = 'running'",
    instead: "where seq = :seq and state = 'running'",
    store: "sqlite",
    faults: zombies,
    seconds: 20,
    seed: "1",
  },
  {
    name: "tx-without-token",
    breaks: "ctx.tx does not look at the token",
    file: "src/store/sqlite/transactional.ts",
    text: "return recordOne({ sql, found: new Findings() }, write, now);",
    instead:
      'return recordOne({ sql, found: new Findings() }, { ...write, token: sql.get<[number]>("select token from duckdive_run where id = :id", { id: write.run })?.[0] ?? 0 }, now);',
    store: "sqlite",
    faults: zombies,
    seconds: 25,
    seed: "1",
  },
  {
    name: "tx-without-fence",
    breaks: "ctx.tx looks neither at the token nor at the claim",
    file: "src/store/postgres/migrations/0008-transactional.sql",
    text: "where live.id = p_run and live.seq = p_token and claim.id = p_claim\n  for update of live;\n  return found;",
    instead: "where live.id = p_run\n  for update of live;\n  return found;",
    store: "postgres",
    faults: zombies,
    seconds: 25,
    seed: "1",
  },
  {
    name: "succeed-without-token",
    breaks: "ctx.succeed does not look at the token",
    file: "src/store/sqlite/transactional.ts",
    text: "return settleOne({ sql, found: new Findings() }, settlement, now);",
    instead:
      'return settleOne({ sql, found: new Findings() }, { ...settlement, token: sql.get<[number]>("select token from duckdive_run where id = :id", { id: settlement.run })?.[0] ?? 0 }, now);',
    store: "sqlite",
    faults: zombies,
    seconds: 25,
    seed: "1",
  },
  {
    name: "step-without-token",
    breaks: "a step is recorded without a look at the token",
    file: "src/store/sqlite/durable.ts",
    text: "const row = sql.get<[seq: number]>(statements.running, { id: write.run, token: write.token });",
    instead:
      'const row = sql.get<[seq: number]>("select seq from duckdive_run where id = :id", { id: write.run });',
    store: "sqlite",
    faults: zombies,
    seconds: 25,
    seed: "1",
  },
  {
    name: "parent-sleeps-on",
    breaks: "a child that ends does not wake its parent",
    file: "src/store/sqlite/entries.ts",
    text: "sql.run(statements.wakeRun, { seq: run, now });",
    instead: "",
    store: "sqlite",
    faults: "kill-worker",
    seconds: 10,
    seed: "1",
  },
  {
    name: "step-done-again",
    breaks: "a replay does a step again that is on record",
    file: "src/durable/engine.ts",
    text: 'else if (entry !== undefined && entry.state !== "pending") own.settled = entry;',
    instead:
      'else if (entry !== undefined && entry.state !== "pending" && entry.kind !== "step") own.settled = entry;',
    store: "sqlite",
    faults: "kill-worker",
    seconds: 10,
    seed: "1",
  },
  {
    name: "rescue-leaves-the-claim",
    breaks: "a dead worker's runs are given away, and its claim is not taken out",
    file: "src/store/postgres/migrations/0011-workers.sql",
    text: "delete from duckdive.claims as own where own.id = claim.id;",
    instead: "perform 1;",
    store: "postgres",
    faults: "kill-worker,zombie",
    seconds: 10,
    seed: "1",
  },
  {
    name: "rescue-without-a-record",
    breaks: "a lost execution is not recorded",
    file: "src/store/sqlite/upkeep.ts",
    text: 'appendEvent(transaction, seq, { kind: "lost", detail: { worker, ...blame } }, now);',
    instead: "",
    store: "sqlite",
    faults: "kill-worker",
    seconds: 8,
    seed: "1",
  },
  {
    name: "late-commits-are-forgotten",
    breaks: "a run whose transaction commits after the lane's cursor has passed it is never found",
    file: "src/store/postgres/migrations/0002-lanes.sql",
    text: "where x >= state.cx and x < cursor.cx\n  ), moved as (",
    instead: "where false\n  ), moved as (",
    store: "postgres",
    faults: "cut",
    seconds: 10,
    seed: "1",
  },
  {
    name: "dead-goes-on",
    breaks: "a worker that learns that it was taken for dead goes on executing",
    file: "src/worker.ts",
    text: 'async function comeBack(): Promise<void> {\n    loop.stopExecutions({ why: "lost" });',
    instead: "async function comeBack(): Promise<void> {",
    store: "sqlite",
    faults: "declare-dead",
    seconds: 25,
    seed: "1",
  },
  {
    name: "unseen-goes-on",
    breaks: "a worker that cannot show life goes on executing when others may take it for dead",
    file: "src/worker.ts",
    text: 'createLife(clock, limit, () => loop.stopExecutions({ why: "lost" }))',
    instead: "createLife(clock, limit, () => {})",
    store: "postgres",
    faults: "long-silence",
    seconds: 20,
    rest: 40,
    seed: "1",
  },
  {
    name: "hand-back-costs-an-attempt",
    breaks: "a run that is handed back at a stop has lost its attempt",
    file: "src/run/transition.ts",
    text: 'return { ...fence, state: "ready", giveBack: true, events: [{ kind: "handedBack" }] };',
    instead: 'return { ...fence, state: "ready", giveBack: false, events: [{ kind: "handedBack" }] };',
    store: "sqlite",
    faults: "rolling-restart,stop-one-worker",
    seconds: 25,
    seed: "1",
  },
  {
    name: "snooze-costs-an-attempt",
    breaks: "a run that comes back later has lost its attempt",
    file: "src/run/transition.ts",
    text: 'giveBack: true,\n        events: [{ kind: "snoozed"',
    instead: 'giveBack: false,\n        events: [{ kind: "snoozed"',
    store: "postgres",
    faults: "kill-worker",
    seconds: 5,
    seed: "1",
  },
  {
    name: "settle-before-its-commit",
    breaks: "a settlement is answered before it is written",
    file: "src/store/sqlite/settle.ts",
    text: "return session.write((transaction) => settleAll(transaction, settlements, session.clock.now()));",
    instead:
      "void session.write((transaction) => settleAll(transaction, settlements, session.clock.now())).catch(() => {});\n  return settlements.map(({ state }) => ({ taken: true, state }));",
    store: "sqlite",
    faults: "zombie,fill-disk,kill-worker",
    seconds: 20,
    seed: "1",
  },
  {
    name: "enqueue-before-its-commit",
    breaks: "an enqueue is answered before it is written",
    file: "src/store/sqlite/insert.ts",
    text: "const answer = await session.write((transaction) =>\n    insertOrTakeBack(transaction, runs, batches, session.clock.now()),\n  );",
    instead:
      "void session.write((transaction) => insertOrTakeBack(transaction, runs, batches, session.clock.now())).catch(() => {});\n  const answer: Inserted[] | Refusal = runs.map(({ id }) => ({ id, created: true }));",
    store: "sqlite",
    faults: "fill-disk,kill-enqueuer",
    seconds: 15,
    seed: "1",
  },
  {
    name: "insert-again",
    breaks: "an enqueue under an id that is there begins that run anew",
    file: "src/store/sqlite/sql/insert-run.sql",
    text: "on conflict (id) do nothing",
    instead: "on conflict (id) do update set state = excluded.state",
    store: "sqlite",
    faults: "kill-worker",
    seconds: 8,
    seed: "1",
  },
  {
    name: "cancellation-is-forgotten-at-a-rescue",
    breaks: "a run whose end was asked for goes on when its worker is lost",
    file: "src/store/sqlite/upkeep.ts",
    text: "if (cancelAsked === null) {",
    instead: "if (cancelAsked !== undefined) {",
    store: "sqlite",
    faults: "cancel-zombie",
    seconds: 15,
    seed: "1",
  },
  {
    name: "crashes-are-not-counted",
    breaks: "a run that takes its workers down does so for ever",
    file: "src/store/sqlite/upkeep.ts",
    text: "const counted = { crashed: !innocent, giveBack: innocent };",
    instead: "const counted = { crashed: false, giveBack: innocent };",
    store: "sqlite",
    faults: "kill-worker",
    seconds: 10,
    seed: "1",
  },
];
