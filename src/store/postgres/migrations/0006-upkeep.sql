-- Upkeep: what has to happen to runs although nobody asks for it.

-- Makes ready what is due, and fails what should have started or ended by now and is not running: at most p_limit of each.
create function duckdive.promote(p_limit integer, p_now bigint, out moved integer, out ended uuid[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  due uuid[];
  seqs bigint[];
begin
  ended := duckdive.expire(p_limit, at);
  due := array(
    select id from duckdive.runs where state = 'scheduled' and run_at <= at
    order by run_at, id limit p_limit for update skip locked
  );
  seqs := array(select nextval('duckdive.seq') from generate_series(1, cardinality(due)));
  perform duckdive.lane_for(kind.queue, kind.priority, kind.route, true)
  from (select distinct queue, priority, route from duckdive.runs where id = any(due)) as kind;
  update duckdive.runs as run set
    state = 'ready', xid = pg_current_xact_id(), seq = seqs[array_position(due, run.id)],
    lane = (
      select lane.id from duckdive.lane
      where lane.queue = run.queue and lane.priority = run.priority and lane.route = run.route and lane.front
    )
  where run.id = any(due);
  moved := cardinality(due) + cardinality(ended);
end $$;

-- Fails what has expired. A run that is running is left alone: its worker keeps the time.
create function duckdive.expire(p_limit integer, p_at bigint) returns uuid[]
language plpgsql volatile as $$
declare
  candidates uuid[];
  running uuid[];
  run duckdive.runs;
  ended uuid[] := '{}';
  error json;
begin
  candidates := array(
    select id from duckdive.overdue where until <= p_at order by until limit p_limit
  );
  if cardinality(candidates) = 0 then return ended; end if;
  perform duckdive.lock_lanes_of(candidates);
  running := array(select id from duckdive.held where id = any(candidates));
  for run in
    select * from duckdive.runs as live
    where live.id = any(candidates) and live.id <> all(running)
    order by live.id for update skip locked
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

-- Runs with a limit that are not running, and when it is over.
create view duckdive.overdue as
with held as materialized (select id from duckdive.held)
select run.id, run.start_by as until from duckdive.runs as run
where run.start_by is not null and run.started_at is null and not exists (select from held where held.id = run.id)
union all
select run.id, run.finish_by from duckdive.runs as run
where run.finish_by is not null and not exists (select from held where held.id = run.id);

-- Gives the runs of dead workers back, before those that came after them, and takes the workers out. A run whose
-- settlement is being written is skipped and its claim stays: whoever comes next sees how that ended.
create function duckdive.rescue(p_workers text[], p_now bigint)
returns table (run uuid, job text, attempt integer, worker text, state text)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
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
        perform duckdive.rest_run(one.id, 'ready', one.run_at, one.route, null, null, null, 1, 1, claim.at, true);
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

-- Makes the partitions of history that are missing for the coming days. Attached, not created in place: that would wait
-- for every reader and stop every settlement behind it.
create function duckdive.extend_history(p_now bigint) returns integer
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  kind duckdive.keep_class;
  lower bigint;
  name text;
  made integer := 0;
begin
  perform set_config('lock_timeout', '5s', true);
  perform pg_advisory_xact_lock('duckdive.history'::regclass::oid::integer, 0);
  for kind in select * from duckdive.keep_class order by class loop
    for lower in
      select generate_series(at / kind.width * kind.width, (at + 7 * 86400000::bigint) / kind.width * kind.width, kind.width)
    loop
      name := 'history_' || kind.name || '_' || to_char(to_timestamp(lower / 1000) at time zone 'UTC', 'YYYYMMDD');
      continue when to_regclass('duckdive.' || name) is not null;
      execute format(
        'create table duckdive.%I (like duckdive.%I including all, '
        || 'constraint bounds check (keep_class = %s and finished_at >= %s and finished_at < %s))',
        name, 'history_' || kind.name, kind.class, lower, lower + kind.width
      );
      execute format(
        'alter table duckdive.%I attach partition duckdive.%I for values from (%s) to (%s)',
        'history_' || kind.name, name, lower, lower + kind.width
      );
      execute format('alter table duckdive.%I drop constraint bounds', name);
      made := made + 1;
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
