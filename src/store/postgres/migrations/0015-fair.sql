-- Fair shares: of runs that name on whose account they run, those whose turn it is come first. They stand in lanes of
-- their own. docs/decisions/0009-policies.md has the rules.
--
-- Such a lane is read twice, and each run once in both. The lane's cursor discovers: it reads on over many positions at
-- once and learns which shares have something there. Each of those has a turn with a cursor of its own, behind which it
-- has been handed out. Whose turn has had least is next; who comes into the lane begins where the others are, so that
-- nobody is paid back for a time in which it had nothing there.

-- What a claim reads of one share. Nothing else stands in it.
create index runs_fair on duckdive.runs (lane, fair, xid, seq) where lane is not null and fair is not null;

alter table duckdive.lane_state add column floor bigint not null default 0; -- the least that a share has had, of a fair lane

-- The shares of a lane that have something in it, with how much each has had. Every change is another entry of the index,
-- and what is below the lane's floor is never walked again.
create table duckdive.turn (
  lane integer not null,
  vt bigint not null,
  fair text not null,
  cx xid8 not null,
  cs bigint not null,
  primary key (lane, vt, fair)
);

alter table duckdive.turn set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);

-- Finds one's turn, which has no other entry.
create index turn_fair on duckdive.turn (lane, fair, vt);

-- Takes up to p_limit runs from a fair lane whose lock is held: as many of each share as there are places for it.
create function duckdive.take_fair(p_lane integer, p_limit integer, p_jump boolean, out ids uuid[], out seqs bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  found record;
  served record;
begin
  found := duckdive.discover(p_lane, p_limit, p_jump);
  ids := found.ids;
  seqs := found.seqs;
  loop
    exit when cardinality(ids) >= p_limit;
    served := duckdive.serve(p_lane, p_limit - cardinality(ids), found.snapshot);
    exit when served.shares = 0;
    ids := ids || served.ids;
    seqs := seqs || served.seqs;
  end loop;
  if cardinality(ids) = 0 then ids := null; end if;
end $$;

-- Reads on in a fair lane, and gives every share that is new there its turn. What came late is handed out at once if its
-- share's own cursor has passed it, as with the cursor of any lane; otherwise that share will come to it.
create function duckdive.discover(
  p_lane integer, p_limit integer, p_jump boolean, out ids uuid[], out seqs bigint[], out snapshot pg_snapshot
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  most constant integer := 20000;
  shares text[];
  transactions xid8[];
  places bigint[];
begin
  with state as materialized (
    select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
  ), present as materialized (
    select pg_current_snapshot() as snapshot
  ), finished as materialized (
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where pg_visible_in_snapshot(p.x, present.snapshot)
  ), late as materialized (
    select run.* from finished cross join lateral (
      select r.id, r.xid, r.seq, r.fair from duckdive.runs as r
      where r.lane = p_lane and r.xid = finished.x and r.seq > finished.a
      order by r.xid, r.seq limit p_limit
    ) as run
    order by run.xid, run.seq limit p_limit
  ), passed as materialized (
    select late.id, late.seq from late
    left join lateral (
      select turn.cx, turn.cs from duckdive.turn where turn.lane = p_lane and turn.fair = late.fair limit 1
    ) as own on true
    where own.cx is null or (own.cx, own.cs) >= (late.xid, late.seq)
  ), main as materialized (
    select run.* from state cross join present cross join lateral (
      select r.xid, r.seq, r.fair from duckdive.runs as r
      where r.lane = p_lane and (r.xid, r.seq) > (state.cx, state.cs) and r.xid < pg_snapshot_xmax(present.snapshot)
      order by r.xid, r.seq limit most
    ) as run
  ), amount as materialized (
    select (select count(*) from late) as late, (select count(*) from main) as main
  ), last_late as (
    select xid, seq from late order by xid desc, seq desc limit 1
  ), last_main as (
    select xid, seq from main order by xid desc, seq desc limit 1
  ), cursor as materialized (
    select
      case when is_end then pg_snapshot_xmax(present.snapshot) when amount.main > 0 then (select xid from last_main)
        else cx end as cx,
      case when is_end then -1 when amount.main > 0 then (select seq from last_main) else cs end as cs
    from state, present, amount, lateral (
      select amount.main < most and (amount.main > 0 or p_jump) and pg_snapshot_xmax(present.snapshot) > state.cx as is_end
    ) as at_end
  ), pending as (
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where not pg_visible_in_snapshot(p.x, present.snapshot)
    union all
    select finished.x, case when finished.x = last_late.xid then last_late.seq else finished.a end
    from finished, last_late, amount
    where amount.late = p_limit and finished.x >= last_late.xid
    union all
    select x, -1 from state, present, cursor, lateral pg_snapshot_xip(present.snapshot) as x
    where x >= state.cx and x < cursor.cx
  ), moved as (
    update duckdive.lane_state as own
    set n = own.n + 1, cx = cursor.cx, cs = cursor.cs,
      pend = coalesce((select array_agg(x) from pending), '{}'),
      after = coalesce((select array_agg(a) from pending), '{}')
    from state, cursor, amount
    where own.lane = p_lane and own.n = state.n
      and (amount.late + amount.main > 0 or exists (select from finished) or cursor.cx > state.cx)
  ), first as (
    select distinct on (main.fair) main.fair, main.xid, main.seq from main order by main.fair, main.xid, main.seq
  )
  select coalesce((select array_agg(id) from passed), '{}'), coalesce((select array_agg(seq) from passed), '{}'),
    (select present.snapshot from present), array_agg(first.fair), array_agg(first.xid), array_agg(first.seq)
  into ids, seqs, snapshot, shares, transactions, places
  from first;
  insert into duckdive.turn (lane, vt, fair, cx, cs)
  select p_lane, state.floor, one.fair, one.xid, one.seq - 1
  from unnest(shares, transactions, places) as one (fair, xid, seq)
  cross join (select floor from duckdive.lane_state where lane = p_lane order by n desc limit 1) as state
  where not exists (select from duckdive.turn where turn.lane = p_lane and turn.fair = one.fair);
end $$;

-- Hands out of those whose turn it is, up to where was discovered and what that snapshot shows: what the lane remembers as
-- under way is not taken here as well. A share that has nothing left there gives up its turn.
create function duckdive.serve(
  p_lane integer, p_limit integer, p_snapshot pg_snapshot, out ids uuid[], out seqs bigint[], out shares integer
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  with state as materialized (
    select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
  ), picked as materialized (
    select turn.* from state cross join lateral (
      select * from duckdive.turn where turn.lane = p_lane and turn.vt >= state.floor
      order by turn.lane, turn.vt, turn.fair limit p_limit
    ) as turn
  ), part as materialized (
    select p_limit / count(*) as size, min(picked.vt) as floor, count(*) as shares from picked having count(*) > 0
  ), got as materialized (
    select picked.fair, picked.vt, run.* from picked cross join state cross join part cross join lateral (
      select r.id, r.xid, r.seq from duckdive.runs as r
      where r.lane = p_lane and r.fair = picked.fair
        and (r.xid, r.seq) > (picked.cx, picked.cs) and (r.xid, r.seq) <= (state.cx, state.cs)
        and pg_visible_in_snapshot(r.xid, p_snapshot) and r.xid <> all(state.pend)
      order by r.lane, r.fair, r.xid, r.seq limit part.size
    ) as run
  ), taken as materialized (
    select got.fair, count(*) as amount, (array_agg(got.xid order by got.xid desc, got.seq desc))[1] as xid,
      (array_agg(got.seq order by got.xid desc, got.seq desc))[1] as seq
    from got group by got.fair
  ), gone as (
    delete from duckdive.turn using picked, part
    where turn.lane = p_lane and turn.vt = picked.vt and turn.fair = picked.fair
      and not exists (select from taken where taken.fair = picked.fair and taken.amount = part.size)
  ), moved as (
    update duckdive.turn set vt = turn.vt + taken.amount, cx = taken.xid, cs = taken.seq
    from picked, taken, part
    where turn.lane = p_lane and turn.vt = picked.vt and turn.fair = picked.fair
      and taken.fair = picked.fair and taken.amount = part.size
  ), lowest as (
    update duckdive.lane_state as own set floor = part.floor from state, part
    where own.lane = p_lane and own.n = state.n and own.floor < part.floor
  )
  select coalesce((select array_agg(id) from got), '{}'), coalesce((select array_agg(seq) from got), '{}'),
    coalesce((select part.shares from part), 0)
  into ids, seqs, shares;
end $$;

-- As before; of a fair lane all turns begin anew, with all that it has before them.
create or replace function duckdive.renumber(p_lane integer) returns void
language plpgsql volatile
set jit = off set enable_nestloop = off set enable_mergejoin = off
as $$
begin
  -- By the seq as well: one that is given back meanwhile is nobody's, and keeps the place that it was given.
  update duckdive.runs as run set lane = null from duckdive.held
  where run.lane = p_lane and run.id = held.id and run.seq = held.seq;
  with ordered as materialized (
    select id, nextval('duckdive.seq') as seq
    from (select id from duckdive.runs where lane = p_lane order by xid, seq) as run
  )
  update duckdive.runs as run set xid = '0', seq = ordered.seq from ordered where run.id = ordered.id;
  delete from duckdive.turn where lane = p_lane;
  update duckdive.lane_state set n = n + 1, cx = '0', cs = -1, pend = '{}', after = '{}'
  where lane = p_lane and n = (select max(n) from duckdive.lane_state where lane = p_lane);
end $$;
