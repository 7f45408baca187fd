-- Intake: how runs get in. One function for duckdive's own connections and for transactions of the application, which
-- takes no lock that a worker could wait for: no lane, no lock of any kind but those of its own new rows.

-- Records runs; answers those ids that were there already, live or finished.
--
-- Most runs of a batch are alike but for their id and input, so what they share comes once, as a shape, and each run
-- names its shape by number. p_known are those whose id may have been sent before: only they are looked for among what
-- has ended. p_is_long says that some input is too long to stand in its run.
--
-- The lane is looked up and not made: making one takes a lock. Whoever calls makes it before, over a connection of his
-- own; where it is not seen all the same, the run is recorded as scheduled for now, and the next promotion makes the lane.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
create function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  at constant bigint := duckdive.moment(p_now);
  added uuid[];
  finished uuid[] := '{}';
begin
  if p_nonce <> (select nonce from duckdive.meta) then return query select null::uuid; return; end if;
  with shape as materialized (
    select one.*, lane.id as lane, own.run_at, own.state, duckdive.due_of(
        own.state, own.run_at, at + one.start_within, null, at + one.finish_within, at
      ) as due
    from rows from (
      json_to_recordset(p_shapes) as (
        job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
        start_within bigint, finish_within bigint, tags json, meta json, release text
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release, number
    )
    left join duckdive.lane
      on lane.queue = one.queue and lane.priority = one.priority and lane.route = '' and not lane.front
    cross join lateral (
      select case when one.due_at is not null then one.due_at when one.due_after is not null then at + one.due_after else at end
        as run_at
    ) as start
    cross join lateral (
      select start.run_at, case when one.waiting is not null then 'waiting'
        when start.run_at > at or lane.id is null then 'scheduled' else 'ready' end as state
    ) as own
  ), recorded as (
    insert into duckdive.runs (
      id, lane, state, wait_reason, job, version, queue, priority, requested_at, run_at,
      start_within, finish_within, start_by, finish_by, due, body, input, tags, meta, release
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, queue, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release
    from unnest(p_ids, p_inputs, p_numbers) as asked (id, input, number)
    join shape on shape.number = asked.number
    on conflict (id) do nothing
    returning id
  )
  select array_agg(id) into added from recorded;
  added := coalesce(added, '{}');
  if cardinality(p_known) > 0 then
    -- A snapshot that is older than a run's end shows it beside the new one, and not what it became.
    if current_setting('transaction_isolation') <> 'read committed' and exists (
      select from duckdive.runs where id = any(p_known) group by id having count(*) > 1
    ) then
      raise exception 'a run that is enqueued again has ended since this transaction began' using errcode = '40001';
    end if;
    -- In a statement of its own: what was live when the insert looked may have finished since, and is seen here.
    finished := duckdive.finished_among(p_known, at);
    if cardinality(finished) > 0 then delete from duckdive.runs where id = any(finished) and id = any(added); end if;
  end if;
  if p_is_long then
    insert into duckdive.body (run, input)
    select asked.id, asked.input from unnest(p_ids, p_inputs) as asked (id, input)
    where duckdive.is_long(asked.input) and asked.id = any(added) and asked.id <> all(finished)
    on conflict (run) do nothing;
  end if;
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  if cardinality(added) = cardinality(p_ids) and cardinality(finished) = 0 then return; end if;
  return query
  select id from unnest(p_ids) as id where id <> all(added)
  union all select unnest(finished);
end $$;

-- Texts up to this length stand in the run itself; longer ones beside it, since a run moves once to history.
create function duckdive.is_long(p_text text) returns boolean
language sql immutable as $$ select octet_length(p_text) > 2000 $$;

-- Which of these runs have ended. A UUIDv7 says when it was made, and nothing ends before that: with a day for clocks that
-- differ, few partitions are looked at. Ids of other kinds are looked for everywhere.
create function duckdive.finished_among(p_ids uuid[], p_now bigint) returns uuid[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  earliest constant bigint := (select min(duckdive.time_in(id)) from unnest(p_ids) as id) - 86400000;
begin
  return array(
    select history.id from duckdive.history where history.id = any(p_ids) and finished_at >= earliest
  );
end $$;

-- The milliseconds in a UUIDv7; 0 for an id of another kind.
create function duckdive.time_in(p_id uuid) returns bigint
language sql immutable as $$
  select case when get_byte(uuid_send(p_id), 6) >> 4 = 7
    then ('x' || lpad(substr(replace(p_id::text, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint
    else 0 end
$$;

-- Ends the waiting of runs that were recorded without their definition: ready, scheduled, or failed.
create function duckdive.prepare_runs(p_items json, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  run duckdive.runs;
begin
  for item in
    select * from json_to_recordset(p_items) as item (
      id uuid, invalid json, keep bigint, job text, version integer, queue text, priority smallint, input text,
      start_within bigint, finish_within bigint, tags json, meta json, release text
    )
    order by id
  loop
    select * into run from duckdive.runs
    where id = item.id and state = 'waiting' and wait_reason = 'preparation' for update;
    continue when not found;
    if item.invalid is not null then
      perform duckdive.append_event(run.id, 'failed', item.invalid, run.attempt, run.seq, null, at);
      perform duckdive.end_run(run.id, 'failed', 'invalid-input', null, item.invalid::text, item.keep, 0, 0, null, null, at);
      return next run.id;
      continue;
    end if;
    perform duckdive.append_event(run.id, 'prepared', null, run.attempt, run.seq, null, at);
    if duckdive.is_long(item.input) then
      insert into duckdive.body (run, input) values (run.id, item.input)
      on conflict (run) do update set input = excluded.input;
    end if;
    update duckdive.runs set
      job = item.job, version = item.version, queue = item.queue, priority = item.priority,
      body = case when duckdive.is_long(item.input) then 1 else 0 end,
      input = case when not duckdive.is_long(item.input) then item.input::json end,
      start_within = item.start_within, finish_within = item.finish_within,
      start_by = requested_at + item.start_within, finish_by = requested_at + item.finish_within,
      tags = coalesce(item.tags, tags), meta = coalesce(item.meta, meta), release = coalesce(item.release, release)
    where id = run.id;
    perform duckdive.rest_run(
      run.id, case when run.run_at > at then 'scheduled' else 'ready' end, run.run_at, '', null, null, null, 0, 0, null, false, at
    );
  end loop;
end $$;
