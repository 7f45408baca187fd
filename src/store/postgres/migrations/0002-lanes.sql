-- Lanes and claims: how runs are handed out. docs/decisions/0004-postgres-storage.md has the proof of it.
--
-- A position is (xid, seq), and xid is the transaction that gave it. A claim reads a lane forward from its cursor and
-- remembers the transactions that were in progress when the cursor passed them: what they commit later is found by an
-- exact probe. Whoever changes a lane's state holds the lane's advisory lock, and reads the state in a statement that
-- begins after the lock was taken: only that has a snapshot in which the last holder is seen.

-- The time that decides: the database's, unless a test brings its own.
create function duckdive.now_or(p_now bigint) returns bigint
language sql volatile as $$ select coalesce(p_now, floor(extract(epoch from clock_timestamp()) * 1000)::bigint) $$;

-- The time for a transaction that makes something due. Its number comes first, then the clock is read: so whatever a
-- transaction with a number above somebody's snapshot makes due, is due after the time that somebody had read before.
create function duckdive.moment(p_now bigint) returns bigint
language plpgsql volatile as $$
begin
  perform pg_current_xact_id();
  return duckdive.now_or(p_now);
end $$;

-- When a run has to be looked at. Never before p_now: what is before that has been looked at already.
create function duckdive.due_of(
  p_state text, p_run_at bigint, p_start_by bigint, p_started_at bigint, p_finish_by bigint, p_now bigint
) returns bigint
language sql immutable as $$
  select case when p_state = 'scheduled' or (p_start_by is not null and p_started_at is null) or p_finish_by is not null
    then greatest(
      p_now,
      least(
        case when p_state = 'scheduled' then p_run_at end, case when p_started_at is null then p_start_by end, p_finish_by
      )
    ) end
$$;

-- The lane of a kind, made when it is new. Never called in a transaction of the application: it takes a lock.
create function duckdive.lane_for(p_queue text, p_priority smallint, p_route text, p_front boolean) returns integer
language plpgsql volatile as $$
declare
  found_lane integer;
begin
  select id into found_lane from duckdive.lane
  where queue = p_queue and priority = p_priority and route = p_route and front = p_front;
  if found then return found_lane; end if;
  perform pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, 0);
  select id into found_lane from duckdive.lane
  where queue = p_queue and priority = p_priority and route = p_route and front = p_front;
  if found then return found_lane; end if;
  insert into duckdive.lane (queue, priority, route, front, route_job, route_version)
  values (
    p_queue, p_priority, p_route, p_front,
    nullif(regexp_replace(p_route, '@[0-9]+$', ''), ''), substring(p_route from '@([0-9]+)$')::integer
  )
  returning id into found_lane;
  insert into duckdive.lane_state (lane, n) values (found_lane, 0);
  return found_lane;
end $$;

-- Takes up to p_limit runs from a lane whose lock is held. With p_jump the cursor goes on even when nothing was found,
-- so that dead entries in front of it (many runs cancelled at once) are walked a last time.
create function duckdive.take(p_lane integer, p_limit integer, p_jump boolean, out ids uuid[], out seqs bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
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
      select r.id, r.xid, r.seq from duckdive.runs as r
      where r.lane = p_lane and r.xid = finished.x and r.seq > finished.a
      order by r.xid, r.seq limit p_limit
    ) as run
    order by run.xid, run.seq limit p_limit
  ), main as materialized (
    select run.* from state cross join present cross join lateral (
      select r.id, r.xid, r.seq from duckdive.runs as r
      where r.lane = p_lane and (r.xid, r.seq) > (state.cx, state.cs)
        and r.xid < pg_snapshot_xmax(present.snapshot) -- but for what is from another cluster that is always so
      order by r.xid, r.seq limit p_limit - (select count(*) from late)
    ) as run
  ), amount as materialized (
    select (select count(*) from late) as late, (select count(*) from main) as main
  ), last_late as (
    select xid, seq from late order by xid desc, seq desc limit 1
  ), last_main as (
    select xid, seq from main order by xid desc, seq desc limit 1
  ), cursor as materialized (
    -- Fewer than asked for: nothing visible is left before the newest transaction, so the cursor may go there.
    select
      case when is_end then pg_snapshot_xmax(snapshot) when amount.main > 0 then (select xid from last_main) else cx end as cx,
      case when is_end then -1 when amount.main > 0 then (select seq from last_main) else cs end as cs
    from state, present, amount, lateral (
      select amount.late + amount.main < p_limit and (amount.main > 0 or p_jump)
        and pg_snapshot_xmax(snapshot) > state.cx as is_end
    ) as at_end
  ), pending as (
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where not pg_visible_in_snapshot(p.x, present.snapshot)
    union all
    -- The limit was reached inside of what came late: the rest of it is for the next claim.
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
  )
  select array_agg(taken.id), array_agg(taken.seq) into ids, seqs
  from (select id, seq from late union all select id, seq from main) as taken;
end $$;

-- Transaction numbers do not survive a dump: in another cluster a cursor may stand where no number comes for years, or
-- runs after it may have numbers that are still to come. Then all of the lane gets new positions, in its order, before
-- everything else. What claims hold there has no place any more: it is settled or rescued, as ever.
create function duckdive.renumber(p_lane integer) returns void
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
  update duckdive.lane_state set n = n + 1, cx = '0', cs = -1, pend = '{}', after = '{}'
  where lane = p_lane and n = (select max(n) from duckdive.lane_state where lane = p_lane);
end $$;

-- Whether positions of a lane are from another cluster. Whoever asks under the lane's lock is told for certain.
create function duckdive.is_foreign(p_lane integer) returns boolean
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
begin
  return (
    select state.cx > pg_snapshot_xmax(pg_current_snapshot()) or exists (
      select from duckdive.runs where lane = p_lane and xid >= pg_snapshot_xmax(pg_current_snapshot())
    )
    from duckdive.lane_state as state where state.lane = p_lane order by n desc limit 1
  );
end $$;

-- Renumbers everything when this is not the cluster and not the tables that it was written in. Called when a store is
-- opened; that a claim sees it too is for workers that were there before.
create function duckdive.come_home() returns void
language plpgsql volatile as $$
declare
  here constant text := md5(concat_ws(' ',
    case when has_function_privilege('pg_control_system()', 'execute')
      then (select system_identifier from pg_control_system()) end,
    (select oid from pg_database where datname = current_database()), 'duckdive.runs'::regclass::oid,
    'duckdive.claims'::regclass::oid, 'duckdive.lane_state'::regclass::oid, 'duckdive.history'::regclass::oid
  ));
begin
  if (select home from duckdive.meta) = here then return; end if;
  perform pg_advisory_xact_lock('duckdive.due_state'::regclass::oid::integer, 0);
  perform pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, one.id)
  from (select id from duckdive.lane order by priority desc, id) as one;
  if (select home from duckdive.meta) = here then return; end if;
  perform duckdive.renumber(id) from duckdive.lane;
  delete from duckdive.due_state;
  update duckdive.meta set home = here;
end $$;

-- Moves the cursor of a lane, whose lock is held, over what was just taken out in front of it: those entries stay in the
-- index for as long as somebody may see them, and are walked here and never again. Called last: what its own transaction
-- puts into the lane after it might be behind the cursor, since no snapshot shows a transaction itself as under way.
create function duckdive.pass_dead(p_lane integer) returns void
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  with state as materialized (
    select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
  ), present as materialized (
    select pg_current_snapshot() as snapshot
  ), head as materialized (
    select run.* from state cross join present cross join lateral (
      select r.xid, r.seq from duckdive.runs as r
      where r.lane = p_lane and (r.xid, r.seq) > (state.cx, state.cs) and r.xid < pg_snapshot_xmax(present.snapshot)
      order by r.xid, r.seq limit 1
    ) as run
  ), cursor as materialized (
    select coalesce(head.xid, pg_snapshot_xmax(snapshot)) as cx, coalesce(head.seq - 1, -1) as cs
    from present left join head on true
  ), pending as (
    -- What has finished stays here as long as it has something that a claim must find.
    select p.x, p.a from state, present, lateral unnest(state.pend, state.after) as p (x, a)
    where not pg_visible_in_snapshot(p.x, present.snapshot) or exists (
      select from duckdive.runs as r where r.lane = p_lane and r.xid = p.x and r.seq > p.a
    )
    union all
    select x, -1 from state, present, cursor, lateral pg_snapshot_xip(present.snapshot) as x
    where x >= state.cx and x < cursor.cx
  )
  update duckdive.lane_state as own
  set n = own.n + 1, cx = cursor.cx, cs = cursor.cs,
    pend = coalesce((select array_agg(x) from pending), '{}'),
    after = coalesce((select array_agg(a) from pending), '{}')
  from state, cursor
  where own.lane = p_lane and own.n = state.n and (cursor.cx, cursor.cs) > (state.cx, state.cs);
end $$;

-- The lanes that a worker may draw from and that have something for it (with p_all: all of them): by priority, then by
-- the age of what stands first in them. No more than it can use: each has one run at least, unless somebody is faster,
-- and each is locked.
create function duckdive.lanes_with_work(p_queues jsonb, p_abilities jsonb, p_all boolean)
returns table (lane integer, priority smallint, pool text, is_restored boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
begin
  return query
  select found.lane, found.priority, found.pool, found.is_restored
  from (
    select line.id as lane, line.priority, slots.pool, head.run_at, head.xid, head.seq,
      state.cx > pg_snapshot_xmax(pg_current_snapshot())
        or coalesce(head.xid >= pg_snapshot_xmax(pg_current_snapshot()), false) as is_restored,
      row_number() over (
        partition by slots.pool order by line.priority desc, head.run_at nulls first, head.xid, head.seq
      ) as place
    from duckdive.lane as line
    cross join lateral (
      select case when p_queues ? line.queue then line.queue else '*' end as pool
    ) as slots
    cross join lateral (
      select * from duckdive.lane_state as own where own.lane = line.id order by own.n desc limit 1
    ) as state
    left join lateral (
      select run.xid, run.seq, run.run_at from duckdive.runs as run
      where run.lane = line.id and (run.xid, run.seq) > (state.cx, state.cs)
      order by run.xid, run.seq limit 1
    ) as head on true
    where (p_queues ->> slots.pool)::integer > 0
      and not exists (select from duckdive.pause where kind = 'queue' and name = line.queue)
      and (line.route = '' or exists (
        select from jsonb_to_recordset(p_abilities) as ability (job text, version integer)
        where ability.job = line.route_job and ability.version >= line.route_version
      ))
      and (
        p_all
        or head.xid is not null
        or state.cx > pg_snapshot_xmax(pg_current_snapshot())
        or exists (select from unnest(state.pend) as p (x) where pg_visible_in_snapshot(p.x, pg_current_snapshot()))
      )
  ) as found
  where p_all or found.place <= greatest((p_queues ->> found.pool)::integer, 8)
  order by found.priority desc, found.run_at nulls first, found.xid, found.seq;
end $$;

-- Takes runs for a worker, at most as many as each of its pools (a queue, or '*' for the others) has free slots, and
-- writes one row for all of them under p_claim, a random id that the worker made. Answers how many; who and what they
-- are is asked for by `claimed`: a worker that stops while it reads an answer must hold no lane. -1: no such worker. -2:
-- others took all that it looked at, and there may be more.
--
-- Not synced: whatever is committed upon this claim is behind it in the log. A claim that is lost in a crash is a run
-- that is handed out again, and its settlement is refused for the want of the claim.
create function duckdive.claim(p_worker text, p_claim uuid, p_queues jsonb, p_abilities jsonb, p_now bigint)
returns integer
language plpgsql volatile as $$
declare
  lock_class constant integer := 'duckdive.lane'::regclass::oid::integer;
  free jsonb := p_queues;
  began timestamptz := clock_timestamp();
  lanes integer[];
  pools text[];
  priorities smallint[];
  restored boolean[];
  is_jump boolean := false;
  locked smallint;
  amount integer;
  took record;
  all_ids uuid[] := '{}';
  all_seqs bigint[] := '{}';
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'duckdive claims in READ COMMITTED only, and this connection has %',
      current_setting('transaction_isolation');
  end if;
  -- Whoever rescues this worker waits for the claim, or the claim sees that the worker is out.
  perform pg_advisory_xact_lock_shared('duckdive.worker'::regclass::oid::integer, hashtext(p_worker));
  if not exists (select from duckdive.worker where id = p_worker) then return -1; end if;
  select array_agg(lane), array_agg(pool), array_agg(priority), array_agg(is_restored)
  into lanes, pools, priorities, restored
  from duckdive.lanes_with_work(p_queues, p_abilities, false);
  if lanes is null then
    -- Looking took long for nothing: what is dead in front of the cursors is walked once more, and then left behind.
    is_jump := clock_timestamp() - began > interval '5 milliseconds';
    if not is_jump then return 0; end if;
    select array_agg(lane), array_agg(pool), array_agg(priority), array_agg(is_restored)
    into lanes, pools, priorities, restored
    from duckdive.lanes_with_work(p_queues, p_abilities, true);
    if lanes is null then return 0; end if;
  end if;
  perform set_config('synchronous_commit', 'off', true);
  for i in 1 .. cardinality(lanes) loop
    amount := (free ->> pools[i])::integer;
    continue when amount < 1;
    if locked is distinct from priorities[i] then
      locked := priorities[i];
      -- Everybody locks the lanes of a priority in the order of their numbers.
      perform pg_advisory_xact_lock(lock_class, one.lane)
      from (
        select l.lane from unnest(lanes, priorities) as l (lane, priority) where l.priority = locked order by l.lane
      ) as one;
    end if;
    if restored[i] and duckdive.is_foreign(lanes[i]) then perform duckdive.renumber(lanes[i]); end if;
    took := duckdive.take(lanes[i], amount, is_jump);
    if took.ids is not null then
      all_ids := all_ids || took.ids;
      all_seqs := all_seqs || took.seqs;
      free := jsonb_set(free, array[pools[i]], to_jsonb(amount - cardinality(took.ids)));
    end if;
  end loop;
  if cardinality(all_ids) > 0 then
    insert into duckdive.claims (id, worker, at, runs, seqs)
    values (p_claim, p_worker, duckdive.now_or(p_now), all_ids, all_seqs);
  elsif not is_jump and exists (
    select from unnest(pools) as looked (pool) group by pool having count(*) >= (p_queues ->> pool)::integer
  ) then
    return -2;
  end if;
  return cardinality(all_ids);
end $$;

-- What a claim holds, without what was cancelled or replaced since.
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  held duckdive.claims;
  paused text[];
begin
  select * into held from duckdive.claims as claim where claim.id = p_claim;
  paused := array(select name from duckdive.pause where kind = 'job');
  return query
  with part as materialized (
    select part.id, part.seq from unnest(held.runs, held.seqs) as part (id, seq)
  )
  select run.id, run.seq, run.job, run.version, run.queue, run.priority,
    case when run.body & 1 = 1 then (select body.input from duckdive.body where body.run = run.id) else run.input::text end,
    run.attempt + 1, run.crashes, run.requested_at, run.run_at,
    held.at,
    case when run.started_at is null then run.start_by end, run.finish_by,
    run.tags::text, run.meta::text, run.job = any(paused)
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;
