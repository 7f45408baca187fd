-- Upkeep: what has to happen to runs although nobody asks for it.

-- How far runs_due has been looked at. Not at all where that cannot be relied on: the clock was set back, or there are
-- transactions of another cluster, which is a restored dump; and with p_walk every ten minutes, for what nobody thought of.
create function duckdive.due_floor(p_now bigint, p_walk boolean) returns duckdive.due_state
language plpgsql stable as $$
declare
  floor duckdive.due_state;
begin
  select * into floor from duckdive.due_state order by n desc limit 1;
  if not found then
    floor := (-1, -1, '00000000-0000-0000-0000-000000000000', '{}', p_now);
  elsif p_now < floor.due or p_now < floor.walked_at or (p_walk and p_now - floor.walked_at > 600000)
    or exists (select from unnest(floor.pend) as p (x) where x >= pg_snapshot_xmax(pg_current_snapshot())) then
    floor.due := -1;
    floor.walked_at := p_now;
  end if;
  return floor;
end $$;

-- When somebody has to look next: the start of a scheduled run or the end of a run's patience, which may be over.
create function duckdive.next_due(p_now bigint) returns bigint
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  floor constant duckdive.due_state := duckdive.due_floor(duckdive.now_or(p_now), false);
begin
  return least(
    (
      select min(run.due) from unnest(floor.pend) as p (x) cross join lateral (
        select due from duckdive.runs
        where due is not null and xid = p.x and (due, id) <= (floor.due, floor.id) limit 1
      ) as run
      where pg_visible_in_snapshot(p.x, pg_current_snapshot())
    ),
    (
      select due from duckdive.runs
      where due is not null and (due, id) > (floor.due, floor.id) order by due, id limit 1
    )
  );
end $$;

-- Makes ready what is due, and fails what should have started or ended by now and is not running: at most p_limit in all.
--
-- One at a time does this. It reads on from where the last one stopped, and remembers the transactions under way as it
-- passes them, as a claim does: all with a lower number than its own that its snapshot does not see. Those with a higher
-- one read the clock later than this did (see `moment`), and the present millisecond is not passed. Rows that others have
-- locked are not waited for: their transactions are remembered.
create function duckdive.promote(p_limit integer, p_now bigint, out moved integer, out ended uuid[])
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  own constant xid8 := pg_current_xact_id();
  floor duckdive.due_state;
  reached record;
  lanes integer[];
  locked uuid[];
  running uuid[] := '{}';
begin
  perform pg_advisory_xact_lock('duckdive.due_state'::regclass::oid::integer, 0);
  floor := duckdive.due_floor(at, true);
  reached := duckdive.reach(floor, p_limit, at);
  moved := 0;
  ended := '{}';
  -- Many workers wake for the same start, and the first has done it.
  if floor.due >= 0 and cardinality(reached.ids) = 0 then return; end if;
  lanes := duckdive.lock_lanes_of(reached.ids);
  locked := array(select id from duckdive.runs where id = any(reached.ids) order by id for update skip locked);
  if exists (select from duckdive.runs where id = any(locked) and state = 'ready') then
    running := array(select id from duckdive.held where id = any(locked));
    -- Their worker keeps the time; when they are given back they become due again.
    update duckdive.runs set due = null where id = any(running);
  end if;
  ended := duckdive.expire(array(select id from unnest(locked) as id where id <> all(running)), at);
  moved := duckdive.start_due(locked, at) + cardinality(ended);
  -- After the others have started: the cursor of a lane may pass this transaction's own number, and must see what has it.
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  perform duckdive.keep_floor(floor, reached.due, reached.id, array(
    select pg_snapshot_xip(reached.snapshot)
    -- The highest number in a snapshot is of what has ended: there are higher ones that have not.
    union select x::text::xid8
      from generate_series(pg_snapshot_xmax(reached.snapshot)::text::bigint, own::text::bigint - 1) as above (x)
    union select xid from duckdive.runs where id = any(reached.ids) and id <> all(locked) and due <= at
    union select unnest(reached.unread)
  ));
end $$;

create function duckdive.keep_floor(p_floor duckdive.due_state, p_due bigint, p_id uuid, p_pend xid8[]) returns void
language plpgsql volatile as $$
begin
  update duckdive.due_state set n = n + 1, due = p_due, id = p_id, pend = p_pend, walked_at = p_floor.walked_at
  where n = p_floor.n;
  if not found then
    insert into duckdive.due_state (n, due, id, pend, walked_at) values (0, p_due, p_id, p_pend, p_floor.walked_at);
  end if;
end $$;

-- What is due after p_floor, and what came late behind it; how far that reaches, and the snapshot it was read in. `unread`
-- are the transactions of which more may be left than p_limit.
create function duckdive.reach(
  p_floor duckdive.due_state, p_limit integer, p_at bigint,
  out ids uuid[], out due bigint, out id uuid, out snapshot pg_snapshot, out unread xid8[]
)
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  with finished as materialized (
    select x from unnest(p_floor.pend) as p (x) where pg_visible_in_snapshot(x, pg_current_snapshot())
  ), behind as materialized (
    select run.id from finished cross join lateral (
      select runs.id from duckdive.runs
      where runs.due is not null and runs.xid = finished.x and (runs.due, runs.id) <= (p_floor.due, p_floor.id)
      limit p_limit
    ) as run
    limit p_limit
  ), ahead as materialized (
    select runs.id, runs.due from duckdive.runs
    where runs.due is not null and (runs.due, runs.id) > (p_floor.due, p_floor.id) and runs.due <= p_at
    order by runs.due, runs.id limit p_limit
  ), reached as (
    select count(*) < p_limit or coalesce(max(ahead.due) >= p_at, true) as is_all, max(ahead.due) as due,
      (array_agg(ahead.id order by ahead.due desc, ahead.id desc))[1] as id
    from ahead
  )
  select array(select behind.id from behind union all select ahead.id from ahead),
    case when is_all then p_at - 1 else reached.due end,
    case when is_all then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else reached.id end,
    pg_current_snapshot(),
    array(select x from finished where (select count(*) from behind) = p_limit)
  into ids, due, id, snapshot, unread
  from reached;
end $$;

-- Makes ready those of p_ids that are scheduled and due, in the order in which they are. They are locked.
create function duckdive.start_due(p_ids uuid[], p_at bigint) returns integer
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  starting constant uuid[] := array(
    select id from duckdive.runs where id = any(p_ids) and state = 'scheduled' and run_at <= p_at order by run_at, id
  );
  seqs bigint[];
begin
  seqs := array(select nextval('duckdive.seq') from generate_series(1, cardinality(starting)));
  perform duckdive.lane_for(kind.queue, kind.priority, kind.route, true)
  from (select distinct queue, priority, route from duckdive.runs where id = any(starting)) as kind;
  update duckdive.runs as run set
    state = 'ready', xid = pg_current_xact_id(), seq = seqs[array_position(starting, run.id)],
    due = duckdive.due_of('ready', null, start_by, started_at, finish_by, p_at),
    lane = (
      select lane.id from duckdive.lane
      where lane.queue = run.queue and lane.priority = run.priority and lane.route = run.route and lane.front
    )
  where run.id = any(starting);
  return cardinality(starting);
end $$;

-- Fails those of p_ids whose patience is over. They are locked, and nobody has them.
create function duckdive.expire(p_ids uuid[], p_at bigint) returns uuid[]
language plpgsql volatile as $$
declare
  run duckdive.runs;
  ended uuid[] := '{}';
  error json;
begin
  for run in
    select * from duckdive.runs as live
    where live.id = any(p_ids)
      and ((live.start_by <= p_at and live.started_at is null) or live.finish_by <= p_at)
    order by live.id
  loop
    error := json_build_object('name', 'ExpiredError', 'code', 'EXPIRED', 'message',
      case when run.start_by <= p_at and run.started_at is null
        then 'it had not started within its `startWithin`' else 'it had not ended within its `finishWithin`' end);
    perform duckdive.append_event(run.id, 'expired', error, run.attempt, run.seq, null, p_at);
    perform duckdive.end_run(run.id, 'failed', 'expired', null, error::text, null, 0, 0, null, null, p_at);
    ended := ended || run.id;
  end loop;
  return ended;
end $$;

-- Gives the runs of dead workers back, before those that came after them, and takes the workers out. A run whose
-- settlement is being written is skipped and its claim stays: whoever comes next sees how that ended.
create function duckdive.rescue(p_workers text[], p_now bigint)
returns table (run uuid, job text, attempt integer, worker text, state text)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  claim duckdive.claims;
  one record;
begin
  perform pg_advisory_xact_lock('duckdive.worker'::regclass::oid::integer, key)
  from (select distinct hashtext(dead) as key from unnest(p_workers) as dead order by key) as keys;
  delete from duckdive.worker as dead where dead.id = any(p_workers);
  delete from duckdive.ability as dead where dead.worker = any(p_workers);
  for claim in
    select * from duckdive.claims as own where own.worker = any(p_workers) order by own.id for update skip locked
  loop
    for one in
      select live.* from duckdive.runs as live
      where live.id = any(claim.runs) and live.seq = any(claim.seqs) order by live.id for update skip locked
    loop
      perform duckdive.append_event(one.id, 'lost', json_build_object('worker', claim.worker), one.attempt + 1, one.seq, claim.worker, at);
      if one.cancel_asked is not null then
        perform duckdive.append_event(
          one.id, 'cancelled', json_build_object('reason', one.cancel_asked), one.attempt + 1, one.seq, claim.worker, at
        );
        perform duckdive.end_run(
          one.id, 'cancelled', one.cancel_asked, null, null, null, 1, 1, claim.at, claim.worker, at
        );
        state := 'cancelled';
      else
        perform duckdive.rest_run(one.id, 'ready', one.run_at, one.route, null, null, null, 1, 1, claim.at, true, at);
        state := 'ready';
      end if;
      run := one.id;
      job := one.job;
      attempt := one.attempt + 1;
      worker := claim.worker;
      return next;
    end loop;
    if not exists (
      select from duckdive.runs as live where live.id = any(claim.runs) and live.seq = any(claim.seqs)
    ) then
      delete from duckdive.claims as own where own.id = claim.id;
    end if;
  end loop;
end $$;

-- Makes a partition of history unless it is there. Attached, not created in place: that would wait for every reader and
-- stop every settlement behind it. The caller holds the lock of history.
create function duckdive.make_partition(p_kind duckdive.keep_class, p_lower bigint) returns boolean
language plpgsql volatile as $$
declare
  name constant text := 'history_' || p_kind.name || '_' || to_char(to_timestamp(p_lower / 1000) at time zone 'UTC', 'YYYYMMDD');
  is_pending boolean;
begin
  if to_regclass('duckdive.' || name) is null then
    execute format('create table duckdive.%I (like duckdive.%I including all)', name, 'history_' || p_kind.name);
  else
    -- One that a clock which jumped ahead has taken out comes back with what it holds.
    select inhdetachpending into is_pending from pg_inherits where inhrelid = to_regclass('duckdive.' || name);
    if found and not is_pending then return false; end if;
    if found then perform duckdive.finish_detach('history_' || p_kind.name, name); end if;
  end if;
  execute format(
    'alter table duckdive.%I add constraint bounds check (keep_class = %s and finished_at >= %s and finished_at < %s)',
    name, p_kind.class, p_lower, p_lower + p_kind.width
  );
  execute format(
    'alter table duckdive.%I attach partition duckdive.%I for values from (%s) to (%s)',
    'history_' || p_kind.name, name, p_lower, p_lower + p_kind.width
  );
  execute format('alter table duckdive.%I drop constraint bounds', name);
  return true;
end $$;

-- Makes the partitions of history that are missing for the coming days.
create function duckdive.extend_history(p_now bigint) returns integer
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  kind duckdive.keep_class;
  lower bigint;
  made integer := 0;
begin
  perform set_config('lock_timeout', '5s', true);
  perform pg_advisory_xact_lock('duckdive.history'::regclass::oid::integer, 0);
  for kind in select * from duckdive.keep_class order by class loop
    for lower in
      select generate_series(at / kind.width * kind.width, (at + 7 * 86400000::bigint) / kind.width * kind.width, kind.width)
    loop
      if duckdive.make_partition(kind, lower) then made := made + 1; end if;
    end loop;
  end loop;
  return made;
end $$;

-- Removes runs that are kept for hours only and are past it, at most p_limit. Answers how many.
create function duckdive.prune(p_limit integer, p_now bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  expired uuid[];
begin
  expired := array(
    select id from duckdive.history_hours where expires_at <= at order by expires_at limit p_limit for update skip locked
  );
  if cardinality(expired) = 0 then return 0; end if;
  delete from duckdive.history_hours where id = any(expired) and expires_at <= at;
  perform duckdive.forget(array(
    select id from unnest(expired) as id where not exists (select from duckdive.runs where runs.id = id)
  ));
  return cardinality(expired);
end $$;

-- Ends a detaching that was interrupted. Like every lock that stops settlements behind it, it is not waited for.
create function duckdive.finish_detach(p_parent text, p_name text) returns void
language plpgsql volatile as $$
begin
  perform set_config('lock_timeout', '100ms', true);
  execute format('alter table duckdive.%I detach partition duckdive.%I finalize', p_parent, p_name);
end $$;

-- Removes a partition that is detached.
create function duckdive.drop_partition(p_name text) returns void
language plpgsql volatile as $$
begin
  perform set_config('lock_timeout', '100ms', true);
  execute format('drop table if exists duckdive.%I', p_name);
end $$;

-- Partitions that hold nothing but what is past its keeping: 'attached' ones, and those a broken removal left 'loose' or
-- half detached ('pending').
create function duckdive.spent_partitions(p_now bigint)
returns table (parent text, name text, state text)
language sql stable as $$
  with kind as (select class, name, longest, width from duckdive.keep_class),
  part as (
    select 'history_' || kind.name as parent, own.relname::text as name, kind.longest, kind.width,
      to_date(right(own.relname, 8), 'YYYYMMDD') as starts, inherits.inhparent is not null as attached,
      coalesce(inherits.inhdetachpending, false) as pending
    from kind
    join pg_class as own on own.relname ~ ('^history_' || kind.name || '_[0-9]{8}$')
      and own.relnamespace = (select relnamespace from pg_class where oid = 'duckdive.history'::regclass)
    left join pg_inherits as inherits on inherits.inhrelid = own.oid
  )
  select parent, name, case when pending then 'pending' when attached then 'attached' else 'loose' end
  from part
  where extract(epoch from starts)::bigint * 1000 + width + longest <= duckdive.now_or(p_now)
$$;

-- Whether runs wait for their preparation, and whether somebody shall end. Indexes: runs_waiting, runs_cancel.
create function duckdive.calls(out preparation boolean, out cancellation boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  preparation := exists (select from duckdive.runs where state = 'waiting' and wait_reason = 'preparation');
  cancellation := exists (select from duckdive.runs where cancel_asked is not null);
end $$;
