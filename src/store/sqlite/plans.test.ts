// The statements that run all the time find their rows by an index, and read nothing else: a claim, a promotion or a
// removal costs the same with ten runs as with ten million. Asked of SQLite itself, on the tables as they are.
import { describe, expect, test } from "vitest";
import { connect } from "./driver.js";
import { migrations, statements } from "./statements.js";

const connection = connect(":memory:");
for (const { sql } of migrations) connection.exec(sql);

function planOf(sql: string): string[] {
  const values = Object.fromEntries([...sql.matchAll(/:([A-Za-z]\w*)/g)].map(([, name]) => [name, null]));
  return connection
    .all<[number, number, number, string]>(`explain query plan ${sql}`, values)
    .map((row) => row[3]);
}

/** The tables that may be read from one end to the other: they have a row a process, a pause, a job, or are bounded. */
const small =
  /^SCAN (duckdive_(worker|departed|pause|held|definition|ability|schedule|reroute|slots)|json_each|asked VIRTUAL TABLE|schedule|lane|share|wait|wanted|had|CONSTANT ROW|\(subquery-\d+\))/;

const served: Record<string, string> = {
  lanes: "duckdive_run_ready",
  gatesInLine: "duckdive_run_parked",
  gatesTaken: "PRIMARY KEY (gate=?)",
  placesAtHand: "PRIMARY KEY (gate=? AND run=?)",
  letGoPlaces: "PRIMARY KEY (gate=? AND run=?)",
  letGoUnkept: "PRIMARY KEY (gate=? AND run=?)",
  firstInLines: "duckdive_run_parked",
  nextInLine: "duckdive_run_parked",
  gateLine: "duckdive_run_parked",
  gatesOfRuns: "INTEGER PRIMARY KEY",
  parkRuns: "INTEGER PRIMARY KEY",
  openedRates: "duckdive_rate_opens",
  nextOpening: "duckdive_rate_opens",
  forgettableRate: "duckdive_rate_over",
  forgetRates: "duckdive_rate_over",
  forgetTurns: "duckdive_turn_turn",
  lanesFair: "duckdive_run_fair",
  shares: "duckdive_run_fair",
  sharePage: "duckdive_run_fair",
  lanePage: "duckdive_run_ready",
  claimableLane: "duckdive_run_ready",
  claimableRuns: "INTEGER PRIMARY KEY",
  claimRuns: "INTEGER PRIMARY KEY",
  settlePlain: "INTEGER PRIMARY KEY",
  settleEach: "INTEGER PRIMARY KEY",
  settleOutput: "INTEGER PRIMARY KEY",
  running: "sqlite_autoindex_duckdive_run_1",
  promoteDue: "duckdive_run_scheduled",
  nextScheduled: "duckdive_run_scheduled",
  nextStartBy: "duckdive_run_start_by",
  nextFinishBy: "duckdive_run_finish_by",
  expiredStart: "duckdive_run_start_by",
  expiredFinish: "duckdive_run_finish_by",
  runsOfWorker: "duckdive_run_running",
  cancelledOfWorker: "duckdive_run_cancel",
  unparkRuns: "duckdive_run_waiting",
  appendUnparked: "duckdive_run_waiting",
  waitsForWorker: "duckdive_run_waiting",
  prunable: "duckdive_run_expiry",
  listRunsOfJob: "duckdive_run_job",
  listEndedRuns: "duckdive_run_ended",
  listUnpreparedRuns: "duckdive_run_waiting",
  messages: "sqlite_autoindex_duckdive_message_1",
  deleteMessages: "sqlite_autoindex_duckdive_message_1",
  deleteMessagesOf: "sqlite_autoindex_duckdive_message_1",
  listRunsById: "sqlite_autoindex_duckdive_run_1",
  listChildren: "duckdive_run_parent",
  countChildren: "duckdive_run_parent",
  keyOfRun: "INTEGER PRIMARY KEY",
  giveKey: "sqlite_autoindex_duckdive_run_1",
  replaceInput: "INTEGER PRIMARY KEY",
  changeRun: "INTEGER PRIMARY KEY",
  insertRun: "SEARCH duckdive_reroute USING PRIMARY KEY",
  someNeed: "duckdive_dependency_open",
  failedNeed: "duckdive_dependency_open",
  closeGone: "duckdive_dependency_open",
  markNeeded: "duckdive_dependency_open",
  needsOfRun: "duckdive_dependency_open",
  followers: "duckdive_dependency_needs",
  isNeeded: "duckdive_dependency_needs",
  closeDependency: "PRIMARY KEY (run=? AND needs=?)",
  insertDependencies: "sqlite_autoindex_duckdive_run_1",
  missingRun: "sqlite_autoindex_duckdive_run_1",
  letGoRun: "INTEGER PRIMARY KEY",
  isAtRest: "INTEGER PRIMARY KEY",
  countBatch: "PRIMARY KEY (id=?)",
  batchAtHand: "PRIMARY KEY (id=?)",
  finishBatch: "PRIMARY KEY (id=?)",
  forgettableBatch: "duckdive_batch_finished",
  releaseBatch: "duckdive_run_batch",
  prepareRun: "SEARCH duckdive_reroute USING PRIMARY KEY",
  endReroute: "USING PRIMARY KEY",
  endSlots: "USING PRIMARY KEY",
  tallies: "SEARCH duckdive_tally USING PRIMARY KEY",
  oldTallies: "SEARCH duckdive_tally_hour USING PRIMARY KEY",
  oldestTally: "SEARCH duckdive_tally",
  rollUpTallies: "SEARCH duckdive_tally USING PRIMARY KEY",
  rollUpWaits: "SEARCH duckdive_wait USING PRIMARY KEY",
  waits: "SEARCH duckdive_wait USING PRIMARY KEY",
  listBatches: "SEARCH duckdive_batch USING PRIMARY KEY",
  listRunsOfSeqs: "INTEGER PRIMARY KEY",
  deleteTallies: "SEARCH duckdive_tally USING PRIMARY KEY",
};

describe("the plan of", () => {
  test.each(Object.entries(served))("%s uses %s", (name, index) => {
    const sql = new Map<string, string>(Object.entries(statements)).get(name) ?? "";
    expect(planOf(sql).join("\n")).toContain(index);
  });

  test("holderOfKey finds who holds a key by its state, and who holds it for a time, by an index each", () => {
    const plan = planOf(statements.holderOfKey).filter((step) => step.startsWith("SEARCH"));
    expect(plan).toEqual([
      "SEARCH duckdive_run USING INDEX duckdive_run_unique (unique_key=?)",
      "SEARCH duckdive_run USING INDEX duckdive_run_unique_until (unique_key=? AND unique_until>?)",
    ]);
  });

  /** These count: they read an index from end to end, when a person asks. */
  const counting = new Set(["countAll", "countStates", "queueCounts", "oldestFair", "openVersions"]);
  const others = Object.entries(statements).filter(([name]) => !counting.has(name));

  test.each(others)("%s reads no table of runs from end to end", (name, sql) => {
    for (const step of planOf(sql)) {
      // The first lane is found by the first entry of the index: "SCAN" with a limit of one.
      if (name === "lanes" && step.includes("COVERING INDEX duckdive_run_ready")) continue;
      // A page's worth of runs that are live, each state by its own index, and no more than so many of them.
      if (name === "liveSeqs" && step.includes("COVERING INDEX duckdive_run_")) continue;
      if (name === "lanesFair" && step.includes("COVERING INDEX duckdive_run_fair")) continue;
      if (step.startsWith("SCAN ")) expect(step).toMatch(small);
    }
  });

  test("claimableLane, promoteDue and prunable take what they need in the order of their index", () => {
    for (const sql of [
      statements.claimableLane,
      statements.lanePage,
      statements.sharePage,
      statements.firstInLines,
      statements.nextInLine,
      statements.openedRates,
      statements.promoteDue,
      statements.prunable,
    ]) {
      expect(planOf(sql).join("\n")).not.toContain("TEMP B-TREE");
    }
  });
});
