// What must hold of the tables at every moment, whatever happened: asked in one statement, so in one snapshot. Any test
// that has been rough with a database can end with it.
//
// A ready run must be reachable: after its lane's cursor, or by a transaction that the lane remembers, or held by a
// claim. And it must be so in one way only, or it would be handed out twice. What a claim holds whose worker is gone is
// found by `findLost` and given back by `rescue`; that needs a store, so it is not asked here.
import { ask } from "./ask.js";

/** A rule that is broken, and by what. */
export interface Broken {
  readonly rule: string;
  readonly what: string;
}

const query = `
with newest as (
  select distinct on (lane) * from duckdive.lane_state order by lane, n desc
), part as (
  select claim.id as claim, held.run, held.seq
  from duckdive.claims as claim, lateral unnest(claim.runs, claim.seqs) as held (run, seq)
), live as (
  select runs.*, newest.lane is not null as has_lane,
    (runs.xid, runs.seq) > (newest.cx, newest.cs) or exists (
      select from duckdive.turn
      where turn.lane = runs.lane and turn.fair = runs.fair and turn.vt >= newest.floor
        and (runs.xid, runs.seq) > (turn.cx, turn.cs)
    ) as is_ahead,
    exists (
      select from unnest(newest.pend, newest.after) as late (x, seq) where late.x = runs.xid and runs.seq > late.seq
    ) as is_late,
    exists (select from part where part.run = runs.id and part.seq = runs.seq) as is_held
  from duckdive.runs left join newest on newest.lane = runs.lane
)
select 'a run is live and ended at once' as rule, live.id::text as what
from live join duckdive.history on history.id = live.id
union all
select 'a run has ended twice', id::text from duckdive.history group by id having count(*) > 1
union all
select 'a ready run is behind the cursor, and no claim has it', id::text
from live where lane is not null and not is_ahead and not is_late and not is_held
union all
select 'a ready run has no lane, and no claim has it', id::text
from live where state = 'ready' and lane is null and not is_held
union all
select 'a run that a claim has would be handed out again', id::text
from live where lane is not null and is_held and (is_ahead or is_late)
union all
select 'a run that is not ready has a lane', id::text from live where state <> 'ready' and lane is not null
union all
select 'a lane has no state', id::text from duckdive.lane where not exists (select from newest where newest.lane = lane.id)
union all
select 'a lane has two states', lane::text from duckdive.lane_state group by lane having count(*) > 1
union all
select 'a cursor is where no transaction has been', lane::text from newest where cx > pg_snapshot_xmax(pg_current_snapshot())
union all
select 'two claims have one execution', run::text from part group by run, seq having count(*) > 1
`;

/** The rules that are broken in a database; none, one hopes. */
export async function brokenRules(url: string, schema = "duckdive"): Promise<Broken[]> {
  const rows = await ask(url, query.replaceAll("duckdive.", `"${schema}".`));
  return rows.map(({ rule, what }) => ({ rule: String(rule), what: String(what) }));
}
