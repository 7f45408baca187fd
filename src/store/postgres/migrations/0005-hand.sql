-- The hand: what people and applications do to runs that are not executing for them.
--
-- A ready run is changed under the lock of its lane, and looked at again after that: then no claim can be under way that
-- has it. Lanes are locked before runs, in the order of their numbers, as everywhere.

create function duckdive.lock_lanes_of(p_ids uuid[]) returns integer[]
language plpgsql volatile as $$
declare
  lanes constant integer[] := array(
    select lane.id from duckdive.lane
    where lane.id in (select run.lane from duckdive.runs as run where run.id = any(p_ids))
    order by lane.priority desc, lane.id
  );
begin
  perform pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, lane) from unnest(lanes) as lane;
  return lanes;
end $$;

-- Every run that a claim holds under its present seq, with who has it since when: the runs that are running. With the
-- offset each is looked up by its id, whatever the statistics say of `runs`.
create view duckdive.held as
select part.run as id, part.seq, claim.id as claim, claim.worker, claim.at
from duckdive.claims as claim
cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
cross join lateral (select from duckdive.runs where runs.id = part.run and runs.seq = part.seq offset 0) as run;

-- Ends runs that are not running, asks for the end of those that are. Answers for each: 'ended', 'asked', or null.
create function duckdive.cancel(p_ids uuid[], p_reason text, p_now bigint) returns text[]
language plpgsql volatile as $$
declare
  lanes integer[];
  at constant bigint := duckdive.now_or(p_now);
  answers text[] := array_fill(null::text, array[cardinality(p_ids)]);
  held_runs uuid[];
  held_workers text[];
  place integer;
  item record;
  run duckdive.runs;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  -- The rows before who has them: a settlement under way is waited for, and what it made of its run counts.
  perform from duckdive.runs where id = any(p_ids) order by id for update;
  if exists (select from duckdive.runs where id = any(p_ids) and lane is not null and lane <> all(lanes)) then
    raise exception 'a run came into another lane before it was locked' using errcode = '40001';
  end if;
  select array_agg(id), array_agg(worker) into held_runs, held_workers
  from duckdive.held where id = any(p_ids);
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    select * into run from duckdive.runs as live where live.id = item.id and live.cancel_asked is null for update;
    continue when not found;
    place := array_position(held_runs, run.id);
    if place is not null then
      perform duckdive.append_event(
        run.id, 'cancelAsked', json_build_object('reason', p_reason), run.attempt + 1, run.seq, held_workers[place], at
      );
      update duckdive.runs set cancel_asked = p_reason where id = run.id;
      answers[item.number] := 'asked';
      continue;
    end if;
    perform duckdive.append_event(
      run.id, 'cancelled', json_build_object('reason', p_reason), run.attempt, run.seq, null, at
    );
    perform duckdive.end_run(run.id, 'cancelled', p_reason, null, null, null, 0, 0, null, null, at);
    answers[item.number] := 'ended';
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return answers;
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now. Answers for each whether it did.
create function duckdive.retry(p_ids uuid[], p_now bigint) returns boolean[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  answers boolean[] := array_fill(false, array[cardinality(p_ids)]);
  item record;
  run duckdive.history;
begin
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.history where id = item.id and state in ('failed', 'cancelled') returning * into run;
    continue when not found;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    insert into duckdive.runs (
      id, lane, state, job, version, queue, priority, requested_at, run_at, start_within, finish_within,
      start_by, finish_by, due, body, input, tags, meta, release
    ) values (
      run.id, duckdive.lane_for(run.queue, run.priority, '', false), 'ready', run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release
    );
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Removes what belongs to runs that are gone.
create function duckdive.forget(p_ids uuid[]) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from duckdive.body where run = any(p_ids);
  delete from duckdive.event where run = any(p_ids);
  delete from duckdive.log where run = any(p_ids);
  delete from duckdive.progress where run = any(p_ids);
  delete from duckdive.entry where run = any(p_ids);
end $$;

-- Removes runs that are not running. Answers for each: 'live', 'ended', or null.
create function duckdive.remove(p_ids uuid[]) returns text[]
language plpgsql volatile as $$
declare
  lanes integer[];
  answers text[] := array_fill(null::text, array[cardinality(p_ids)]);
  running uuid[];
  item record;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  running := array(select id from duckdive.held where id = any(p_ids));
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.runs as run
    where run.id = item.id and run.id <> all(running);
    if found then
      answers[item.number] := 'live';
    else
      delete from duckdive.history where id = item.id;
      if found then answers[item.number] := 'ended'; end if;
    end if;
    if answers[item.number] is not null then perform duckdive.forget(array[item.id]); end if;
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return answers;
end $$;

-- Makes ready whatever waits for this reason on this name, the longest due first. What waited for a worker keeps that as
-- its route, so that an older worker does not take it once more. The caller excludes whoever parks.
create function duckdive.unpark(p_reason text, p_on text, p_now bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_nestloop = off set enable_mergejoin = off as $$
declare
  unparked integer;
begin
  with waiting as materialized (
    select id, nextval('duckdive.seq') as seq
    from (
      select id from duckdive.runs
      where state = 'waiting' and wait_reason = p_reason and wait_on = p_on order by run_at, id for update
    ) as run
  ), kinds as materialized (
    select queue, priority, route, duckdive.lane_for(queue, priority, route, true) as lane
    from (
      select distinct queue, priority, case when p_reason = 'worker' then p_on else route end as route
      from duckdive.runs where state = 'waiting' and wait_reason = p_reason and wait_on = p_on
    ) as kind
  ), told as (
    insert into duckdive.event (run, at, kind, attempt, token, detail)
    select run.id, p_now, 'unparked', run.attempt, run.seq, json_build_object('reason', p_reason, 'on', p_on)
    from duckdive.runs as run join waiting on waiting.id = run.id
  )
  update duckdive.runs as run set
    state = 'ready', lane = kinds.lane, route = kinds.route, xid = pg_current_xact_id(), seq = waiting.seq,
    wait_reason = null, wait_on = null, due = case when run.due is not null then greatest(run.due, p_now) end
  from waiting, kinds
  where run.id = waiting.id and kinds.queue = run.queue and kinds.priority = run.priority
    and kinds.route = case when p_reason = 'worker' then p_on else run.route end;
  get diagnostics unparked = row_count;
  return unparked;
end $$;

-- Ends a pause, and wakes what waited for that.
create function duckdive.resume(p_kind text, p_name text, p_now bigint) returns void
language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock('duckdive.runs'::regclass::oid::integer, 0);
  delete from duckdive.pause where kind = p_kind and name = p_name;
  if p_kind = 'job' then perform duckdive.unpark('paused', p_name, duckdive.moment(p_now)); end if;
end $$;

-- Enters a worker and what it has, and wakes what waited for that. Answers the advisory lock by which it shows that its
-- connection lives.
create function duckdive.register(p_worker json, p_now bigint) returns bigint
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  one record;
  waits text;
begin
  perform pg_advisory_xact_lock('duckdive.runs'::regclass::oid::integer, 0);
  select * into one from json_to_record(p_worker) as asked (
    id text, host text, pid integer, process_start text, release text, queues json, abilities json
  );
  insert into duckdive.worker (id, host, pid, process_start, release, queues, started_at, heartbeat_at)
  values (one.id, one.host, one.pid, one.process_start, one.release, one.queues, at, at)
  on conflict (id) do update set
    host = excluded.host, pid = excluded.pid, process_start = excluded.process_start, release = excluded.release,
    queues = excluded.queues, started_at = excluded.started_at, heartbeat_at = excluded.heartbeat_at,
    beats = worker.beats + 1;
  delete from duckdive.ability where worker = one.id;
  insert into duckdive.ability (job, worker, version)
  select job, one.id, max(version) from json_to_recordset(one.abilities) as a (job text, version integer) group by job;
  for waits in
    select distinct wait_on from duckdive.runs where state = 'waiting' and wait_reason = 'worker'
  loop
    if exists (
      select from duckdive.ability
      where worker = one.id and job = regexp_replace(waits, '@[0-9]+$', '')
        and version >= substring(waits from '@([0-9]+)$')::integer
    ) then
      perform duckdive.unpark('worker', waits, at);
    end if;
  end loop;
  return hashtextextended('duckdive.worker ' || one.id, 0);
end $$;
