-- Gates: locks, concurrency limits and rates. What is stored with a run are its gates; the claim takes all of them or
-- none, and parks a run at the first that was closed. docs/decisions/0009-policies.md has the rules.
--
-- Runs with gates stand in lanes of their own, so a claim of runs without any costs what it did. Who holds a gate is not
-- counted but seen: a run holds the gates under which it was admitted for as long as it is in `runs` under the seq that
-- the claim read, and those in its own column `holds` while nobody runs it. So whatever ends or requeues a run lets its
-- places go by that alone, in its own transaction and without any lock; `hand_over`, sent behind it, gives them away.

alter table duckdive.lane
  add column gated boolean not null default false,
  add column fair boolean not null default false;
alter table duckdive.lane drop constraint lane_queue_priority_route_front_key;
alter table duckdive.lane add unique (queue, priority, route, front, gated, fair);

alter table duckdive.runs
  add column gates json,           -- as they were given
  add column gate_keys bigint[],   -- their kinds and keys as numbers, in the same order
  add column gate_limits integer[], -- and their limits; of rates below zero
  add column holds bigint[],       -- those that it holds although nobody runs it: handed over, or locks kept over a wait
  add column parked_on bigint,     -- the one it is in line at
  add column fair text;            -- on whose account it runs

alter table duckdive.history add column gates json, add column fair text;

-- The line at a gate, first the first. Nobody is in it but by a claim, which holds the lock of all gates.
create index runs_line on duckdive.runs (parked_on, (-priority), run_at, id) where parked_on is not null;

-- What a worker's claims have admitted: three lists of one length, a place in each for a run and one of its locks or
-- limits. It counts while that run is in `runs` under that seq, or holds that gate without running. What does not count
-- any more is left out by a later claim of the same worker. Versioned as the state of a lane is, and so is `gate`.
create table duckdive.admitted (
  worker text not null,
  n bigint not null,
  keys bigint[] not null,
  runs uuid[] not null,
  seqs bigint[] not null,
  kept integer not null,           -- how many were left when it was last looked through
  primary key (worker, n)
);

-- What cannot be seen from the runs alone. A gate has a row from when somebody first stood in line, kept a lock over a
-- wait, or paid its rate. Where the line begins is remembered, so that those who have left it are never walked again: all
-- who are in line stand at or after (place, run_at, id), where place is the negative priority.
create table duckdive.gate (
  key bigint not null,
  n bigint not null,
  holders uuid[] not null default '{}', -- those that may have it in their `holds`
  place integer,
  run_at bigint,
  id uuid,
  tat double precision,            -- rates: when the next start would be on time if they came evenly
  held_until bigint,               -- rates: opens for nobody before
  touched_at bigint not null,
  primary key (key, n)
);

alter table duckdive.admitted
  alter column keys set storage external, alter column runs set storage external, alter column seqs set storage external;
alter table duckdive.admitted set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);
alter table duckdive.gate set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);

-- Gates as numbers, in their order; null for a run without any. Two gates of one number would be taken for one, which
-- would hold back more than asked for, never less.
create function duckdive.keys_of(p_gates json) returns bigint[]
language sql immutable as $$
  select array_agg(hashtextextended((gate ->> 'kind') || ' ' || (gate ->> 'key'), 0) order by number)
  from json_array_elements(p_gates) with ordinality as each (gate, number)
$$;

-- Their limits in the same order, those of rates below zero.
create function duckdive.limits_of(p_gates json) returns integer[]
language sql immutable as $$
  select array_agg(case when gate ->> 'kind' = 'rate' then -1 else 1 end * (gate ->> 'limit')::integer order by number)
  from json_array_elements(p_gates) with ordinality as each (gate, number)
$$;

-- The locks among them that are kept over waits and retries.
create function duckdive.kept_of(p_gates json) returns bigint[]
language sql immutable as $$
  select array_agg(hashtextextended((gate ->> 'kind') || ' ' || (gate ->> 'key'), 0))
  from json_array_elements(p_gates) as gate where gate ->> 'kind' = 'lock' and gate ->> 'hold' = 'run'
$$;

-- The lane of a kind, made when it is new. Never called in a transaction of the application: it takes a lock. Of fair lanes
-- there is none in front: in which order a share's runs come is for it to bear, not for the others.
create function duckdive.lane_for(
  p_queue text, p_priority smallint, p_route text, p_front boolean, p_gated boolean, p_fair boolean
) returns integer
language plpgsql volatile as $$
declare
  found_lane integer;
begin
  select id into found_lane from duckdive.lane
  where queue = p_queue and priority = p_priority and route = p_route and front = (p_front and not p_fair)
    and gated = p_gated and fair = p_fair;
  if found then return found_lane; end if;
  perform pg_advisory_xact_lock('duckdive.lane'::regclass::oid::integer, 0);
  select id into found_lane from duckdive.lane
  where queue = p_queue and priority = p_priority and route = p_route and front = (p_front and not p_fair)
    and gated = p_gated and fair = p_fair;
  if found then return found_lane; end if;
  insert into duckdive.lane (queue, priority, route, front, gated, fair, route_job, route_version)
  values (
    p_queue, p_priority, p_route, p_front and not p_fair, p_gated, p_fair,
    nullif(regexp_replace(p_route, '@[0-9]+$', ''), ''), substring(p_route from '@([0-9]+)$')::integer
  )
  returning id into found_lane;
  insert into duckdive.lane_state (lane, n) values (found_lane, 0);
  return found_lane;
end $$;

-- Of runs without gates and fairness.
create or replace function duckdive.lane_for(p_queue text, p_priority smallint, p_route text, p_front boolean)
returns integer
language sql volatile as $$ select duckdive.lane_for(p_queue, p_priority, p_route, p_front, false, false) $$;

-- Records runs; answers those ids that were there already, live or finished.
--
-- Most runs of a batch are alike but for their id and input, so what they share comes once, as a shape, and each run
-- names its shape by number. p_known are those whose id may have been sent before: only they are looked for among what
-- has ended. p_is_long says that some input is too long to stand in its run.
--
-- The lane is looked up and not made: making one takes a lock. Whoever calls makes it before, over a connection of his
-- own; where it is not seen all the same, the run is recorded as scheduled for now, and the next promotion makes the lane.
--
-- A run with gates, or one of those that are shared out fairly, has a lane of its own kind.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
create or replace function duckdive.insert_runs(
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
    select one.*, lane.id as lane, kind.gate_keys, kind.gate_limits, own.run_at, own.state, duckdive.due_of(
        own.state, own.run_at, at + one.start_within, null, at + one.finish_within, at
      ) as due
    from rows from (
      json_to_recordset(p_shapes) as (
        job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
        start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release,
      gates, fair, number
    )
    cross join lateral (
      select duckdive.keys_of(one.gates) as gate_keys, duckdive.limits_of(one.gates) as gate_limits
    ) as kind
    left join duckdive.lane
      on lane.queue = one.queue and lane.priority = one.priority and lane.route = '' and not lane.front
      and lane.gated = (kind.gate_keys is not null) and lane.fair = (one.fair is not null)
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
      start_within, finish_within, start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, queue, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release,
      case when gate_keys is not null then gates end, gate_keys, gate_limits, fair
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

-- Ends the waiting of runs that were recorded without their definition: ready, scheduled, or failed.
create or replace function duckdive.prepare_runs(p_items json, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  run duckdive.runs;
begin
  for item in
    select * from json_to_recordset(p_items) as item (
      id uuid, invalid json, keep bigint, job text, version integer, queue text, priority smallint, input text,
      start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text
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
      tags = coalesce(item.tags, tags), meta = coalesce(item.meta, meta), release = coalesce(item.release, release),
      gates = item.gates, gate_keys = duckdive.keys_of(item.gates), gate_limits = duckdive.limits_of(item.gates), fair = item.fair
    where id = run.id;
    perform duckdive.rest_run(
      run.id, case when run.run_at > at then 'scheduled' else 'ready' end, run.run_at, '', null, null, null, 0, 0, null, false, at
    );
  end loop;
end $$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error.
create or replace function duckdive.end_run(
  p_id uuid, p_state text, p_reason text, p_output text, p_error text, p_keep bigint, p_attempts integer,
  p_crashes integer, p_started_at bigint, p_worker text, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  live duckdive.runs;
  keep constant bigint := coalesce(p_keep, 7776000000);
begin
  delete from duckdive.runs where id = p_id returning * into live;
  if duckdive.is_long(p_output) or duckdive.is_long(p_error) then
    insert into duckdive.body (run, output, error)
    values (
      p_id, case when duckdive.is_long(p_output) then p_output end, case when duckdive.is_long(p_error) then p_error end
    )
    on conflict (run) do update set output = excluded.output, error = excluded.error;
  end if;
  insert into duckdive.history (
    id, keep_class, finished_at, expires_at, state, reason, token, worker, job, version, queue, priority, attempt, crashes,
    requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
    tags, meta, release, gates, fair
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release,
    live.gates, live.fair
  );
end $$;

-- Puts a run to rest: ready in a lane, or out of all lanes. Its seq is new, so whoever had it is fenced out. Of its gates it
-- keeps those locks that are for all of its life, if it has begun that.
create or replace function duckdive.rest_run(
  p_id uuid, p_state text, p_run_at bigint, p_route text, p_wait_reason text, p_wait_on text, p_error text,
  p_attempts integer, p_crashes integer, p_started_at bigint, p_front boolean, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  place record;
begin
  if duckdive.is_long(p_error) then
    insert into duckdive.body (run, error) values (p_id, p_error)
    on conflict (run) do update set error = excluded.error;
  end if;
  select queue, priority, gate_keys is not null as gated, fair is not null as fair into place from duckdive.runs where id = p_id;
  update duckdive.runs set
    state = p_state,
    lane = case when p_state = 'ready' then
      duckdive.lane_for(place.queue, place.priority, p_route, p_front, place.gated, place.fair) end,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'), run_at = p_run_at, route = p_route,
    wait_reason = p_wait_reason, wait_on = p_wait_on, attempt = attempt + p_attempts, crashes = crashes + p_crashes,
    started_at = coalesce(p_started_at, started_at), parked_on = null,
    holds = case when coalesce(p_started_at, started_at) is not null then duckdive.kept_of(gates) end,
    due = duckdive.due_of(p_state, p_run_at, start_by, coalesce(p_started_at, started_at), finish_by, p_now),
    body = case when p_error is null then body when duckdive.is_long(p_error) then body | 4 else body & 3 end,
    error = case when p_error is null then error when not duckdive.is_long(p_error) then p_error::json end
  where id = p_id;
end $$;

-- Ends executions that succeeded and say nothing else, most of them, in one statement. p_done are claims that are done
-- with by this. Answers the runs that were taken; null: all of them. No join with `runs`: whatever the statistics say,
-- each list is looked up in the primary key.
create or replace function duckdive.settle_plain(
  p_runs uuid[], p_tokens bigint[], p_claims uuid[], p_outputs text[], p_keeps bigint[], p_done uuid[], p_now bigint
) returns uuid[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  taken uuid[];
begin
  with held as materialized (
    select asked.run, asked.token, asked.output, asked.keep, claim.worker, claim.at as claimed_at
    from unnest(p_runs, p_tokens, p_claims, p_outputs, p_keeps) as asked (run, token, claim, output, keep)
    join duckdive.claims as claim on claim.id = asked.claim
    where claim.id = any(p_claims)
  ), gone as (
    -- Found by the list of ids, whatever the statistics say, and then held against the pairs: two lists alone would let
    -- one settlement's run pass with the token of another, and searching the second costs its length for each run.
    delete from duckdive.runs as run using held
    where run.id = any(p_runs) and run.id = held.run and run.seq = held.token
    returning run.*
  ), ended as (
    insert into duckdive.history (
      id, keep_class, finished_at, expires_at, state, token, worker, job, version, queue, priority, attempt, crashes,
      requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output,
      tags, meta, release, gates, fair
    )
    select gone.id, duckdive.class_of(held.keep), at, at + held.keep, 'succeeded', gone.seq, held.worker, gone.job,
      gone.version, gone.queue, gone.priority, gone.attempt + 1, gone.crashes, gone.requested_at, gone.run_at,
      held.claimed_at, gone.start_within, gone.finish_within, gone.start_by, gone.finish_by,
      gone.body & 1, gone.input, held.output::json, gone.tags, gone.meta, gone.release,
      gone.gates, gone.fair
    from gone join held on held.run = gone.id and held.token = gone.seq
    returning id
  )
  select array_agg(id) into taken from ended;
  delete from duckdive.claims where id = any(p_done);
  if cardinality(taken) = cardinality(p_runs) then return null; end if;
  return coalesce(taken, '{}');
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now. Answers for each whether it did.
create or replace function duckdive.retry(p_ids uuid[], p_now bigint) returns boolean[]
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
      start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair
    ) values (
      run.id, duckdive.lane_for(run.queue, run.priority, '', false, run.gates is not null, run.fair is not null), 'ready', run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release,
      run.gates, duckdive.keys_of(run.gates), duckdive.limits_of(run.gates), run.fair
    );
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Makes ready whatever waits for this reason on this name, the longest due first. What waited for a worker keeps that as
-- its route, so that an older worker does not take it once more. The caller excludes whoever parks.
create or replace function duckdive.unpark(p_reason text, p_on text, p_now bigint) returns integer
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
    select queue, priority, route, gated, fair, duckdive.lane_for(queue, priority, route, true, gated, fair) as lane
    from (
      select distinct queue, priority, case when p_reason = 'worker' then p_on else route end as route,
        gate_keys is not null as gated, fair is not null as fair
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
    and kinds.gated = (run.gate_keys is not null) and kinds.fair = (run.fair is not null)
    and kinds.route = case when p_reason = 'worker' then p_on else run.route end;
  get diagnostics unparked = row_count;
  return unparked;
end $$;

-- Makes ready those of p_ids that are scheduled and due, in the order in which they are. They are locked.
create or replace function duckdive.start_due(p_ids uuid[], p_at bigint) returns integer
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
  perform duckdive.lane_for(kind.queue, kind.priority, kind.route, true, kind.gated, kind.fair)
  from (
    select distinct queue, priority, route, gate_keys is not null as gated, fair is not null as fair
    from duckdive.runs where id = any(starting)
  ) as kind;
  update duckdive.runs as run set
    state = 'ready', xid = pg_current_xact_id(), seq = seqs[array_position(starting, run.id)],
    due = duckdive.due_of('ready', null, start_by, started_at, finish_by, p_at),
    lane = (
      select lane.id from duckdive.lane
      where lane.queue = run.queue and lane.priority = run.priority and lane.route = run.route and lane.front = (run.fair is null)
        and lane.gated = (run.gate_keys is not null) and lane.fair = (run.fair is not null)
    )
  where run.id = any(starting);
  return cardinality(starting);
end $$;

-- Everybody who gives places away holds this lock, and reads in a statement that begins after it was taken. It comes after
-- the locks of lanes, and who holds it waits for no run's row: those that somebody else has locked are passed by.
create function duckdive.lock_gates() returns void
language sql volatile as $$ select pg_advisory_xact_lock('duckdive.gate'::regclass::oid::integer, 0) $$;

-- Who holds these gates, each once. p_known are those of them that have a row in `gate`. Indexes: the primary keys.
create function duckdive.holders_of(p_keys bigint[], p_known bigint[]) returns table (key bigint, run uuid)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
begin
  return query
  with recursive newest as (
    -- Workers one after the other, from the last: of each only its newest version is touched.
    (select own.worker, own.n from duckdive.admitted as own order by own.worker desc, own.n desc limit 1)
    union all
    select next.worker, next.n from newest cross join lateral (
      select own.worker, own.n from duckdive.admitted as own
      where own.worker < newest.worker order by own.worker desc, own.n desc limit 1
    ) as next
  ), asked as materialized (
    select distinct one.key from unnest(p_keys) as one (key)
  ), listed as materialized (
    select entry.key, entry.run, entry.seq
    from newest
    join duckdive.admitted as own on own.worker = newest.worker and own.n = newest.n
    cross join lateral unnest(own.keys, own.runs, own.seqs) as entry (key, run, seq)
    join asked on asked.key = entry.key
    union all
    select known.key, holder, null
    from (select distinct one.key from unnest(p_known) as one (key)) as known
    cross join lateral (
      select own.holders from duckdive.gate as own where own.key = known.key order by own.n desc limit 1
    ) as gate
    cross join lateral unnest(gate.holders) as holder
  )
  select distinct listed.key, listed.run
  from listed cross join lateral (
    select from duckdive.runs as live
    where live.id = listed.run and (live.seq = listed.seq or listed.key = any(live.holds)) offset 0
  ) as live;
end $$;

create function duckdive.holders_of(p_keys bigint[]) returns table (key bigint, run uuid)
language sql stable as $$ select key, run from duckdive.holders_of(p_keys, p_keys) $$;

-- The gates of these numbers that have a row, and whether somebody is in line at each. Indexes: the primary key, runs_line.
create function duckdive.gates_at(p_keys bigint[]) returns table (gate duckdive.gate, is_line boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  return query
  select own.whole, own.place is not null and exists (
    select from duckdive.runs as live
    where live.parked_on = asked.key and (-live.priority, live.run_at, live.id) >= (own.place, own.run_at, own.id)
    order by live.parked_on, (-live.priority), live.run_at, live.id limit 1
  )
  from unnest(p_keys) as asked (key)
  cross join lateral (
    select newest as whole, newest.place, newest.run_at, newest.id
    from duckdive.gate as newest where newest.key = asked.key order by newest.n desc limit 1
  ) as own;
end $$;

-- Writes a gate, whose lock is held, as a new version.
create function duckdive.put_gate(p_gate duckdive.gate, p_at bigint) returns void
language plpgsql volatile as $$
begin
  update duckdive.gate set
    n = nextval('duckdive.seq'), holders = p_gate.holders, place = p_gate.place, run_at = p_gate.run_at, id = p_gate.id,
    tat = p_gate.tat, held_until = p_gate.held_until, touched_at = p_at
  where key = p_gate.key and n = p_gate.n;
  if found then return; end if;
  insert into duckdive.gate (key, n, holders, place, run_at, id, tat, held_until, touched_at)
  values (
    p_gate.key, nextval('duckdive.seq'), coalesce(p_gate.holders, '{}'), p_gate.place, p_gate.run_at, p_gate.id,
    p_gate.tat, p_gate.held_until, p_at
  );
end $$;

-- The time in milliseconds after which a rate opens again, and how many may start at once.
create function duckdive.rate_of(p_gate json, out step double precision, out burst integer)
language sql immutable as $$
  select (p_gate ->> 'per')::double precision / (p_gate ->> 'limit')::double precision,
    coalesce((p_gate ->> 'burst')::integer, 1)
$$;

-- When a rate opens for who asks with this step and burst.
create function duckdive.opens_at(p_gate duckdive.gate, p_step double precision, p_burst integer) returns bigint
language sql immutable as $$
  select ceil(greatest(coalesce(p_gate.tat, 0) - (p_burst - 1) * p_step, coalesce(p_gate.held_until, 0)))::bigint
$$;

-- Decides over runs that a claim has taken from a lane: which are admitted, and which are parked. The locks of the lane and
-- of the gates are held. Most gates have room for all who ask, and those who ask at no other are admitted without being
-- looked at one by one. `let_go` are gates of which a place became free, to be handed over behind this.
create function duckdive.admit(
  p_worker text, p_claim uuid, p_ids uuid[], p_seqs bigint[], p_at bigint,
  out ids uuid[], out seqs bigint[], out parked integer, out let_go bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  asked_keys bigint[];
  asked_runs uuid[];
  asked_seqs bigint[];
  asked_rooms integer[];
  tight bigint[];
  used integer[];
  lines boolean[];
  gates duckdive.gate[];
  touched boolean[];
  run record;
  gate duckdive.gate;
  rate record;
  i integer;
  place integer;
  closed integer;
  parked_ids uuid[] := '{}';
  parked_keys bigint[] := '{}';
  parked_on text[] := '{}';
begin
  ids := p_ids;
  seqs := p_seqs;
  parked := 0;
  let_go := '{}';
  -- Most have one gate, and taking lists of one apart would cost as much as reading the runs.
  with live as materialized (
    select runs.id, runs.seq, runs.gate_keys as keys, runs.gate_limits as rooms from duckdive.runs where runs.id = any(p_ids)
  ), each as materialized (
    select live.keys[1] as key, live.id, live.seq, live.rooms[1] as room from live
    union all
    select one.key, live.id, live.seq, one.room
    from live cross join lateral unnest(live.keys[2:], live.rooms[2:]) as one (key, room)
    where cardinality(live.keys) > 1
  )
  select array_agg(each.key), array_agg(each.id), array_agg(each.seq), array_agg(each.room)
  into asked_keys, asked_runs, asked_seqs, asked_rooms
  from each;
  with asked as materialized (
    select one.key, count(*) as amount, min(one.room) as room
    from unnest(asked_keys, asked_rooms) as one (key, room) group by one.key
  ), keys as materialized (
    select array_agg(asked.key) as all_keys from asked
  ), known as materialized (
    select (at_gate.gate).key, at_gate.gate, at_gate.is_line from keys, duckdive.gates_at(keys.all_keys) as at_gate
  ), taken as materialized (
    select holder.key, count(*) as used
    from keys, duckdive.holders_of(keys.all_keys, array(select known.key from known)) as holder group by holder.key
  )
  select array_agg(asked.key), array_agg(coalesce(taken.used, 0)), array_agg(coalesce(known.is_line, false)),
    array_agg(known.gate), array_agg(false)
  into tight, used, lines, gates, touched
  from asked left join taken on taken.key = asked.key left join known on known.key = asked.key
  where asked.room < 0 or known.key is not null or coalesce(taken.used, 0) + asked.amount > asked.room;

  if tight is not null then
    for run in
      select live.*, part.number
      from unnest(p_ids) with ordinality as part (id, number) join duckdive.runs as live on live.id = part.id
      where live.id = any(p_ids) and live.gate_keys && tight order by part.number
    loop
      closed := null;
      -- Rates last: what is paid there is not given back.
      foreach i in array array(
        select number from generate_subscripts(run.gate_limits, 1) as number order by run.gate_limits[number] < 0, number
      ) loop
        place := array_position(tight, run.gate_keys[i]);
        continue when place is null;
        if run.gate_limits[i] > 0 then
          continue when run.gate_keys[i] = any(run.holds) or (not lines[place] and used[place] < run.gate_limits[i]);
        elsif not lines[place] or run.gate_keys[i] = any(run.holds) then
          rate := duckdive.rate_of(run.gates -> (i - 1));
          continue when duckdive.opens_at(gates[place], rate.step, rate.burst) <= p_at;
        end if;
        closed := i;
        exit;
      end loop;
      for i in 1 .. cardinality(run.gate_keys) loop
        place := array_position(tight, run.gate_keys[i]);
        continue when place is null;
        if closed is not null then
          -- What it was handed goes on to the next in line.
          if run.gate_limits[i] > 0 and run.gate_keys[i] = any(run.holds) and not coalesce(
            run.started_at is not null and run.gate_keys[i] = any(duckdive.kept_of(run.gates)), false
          ) then
            used[place] := used[place] - 1;
          end if;
        elsif run.gate_limits[i] > 0 then
          if not coalesce(run.gate_keys[i] = any(run.holds), false) then used[place] := used[place] + 1; end if;
        else
          rate := duckdive.rate_of(run.gates -> (i - 1));
          gate := gates[place];
          gate.key := run.gate_keys[i];
          gate.tat := greatest(coalesce(gate.tat, 0), p_at) + rate.step;
          gate.holders := array_remove(gate.holders, run.id);
          gates[place] := gate;
          touched[place] := true;
        end if;
      end loop;
      continue when closed is null;
      ids := array_remove(ids, run.id);
      seqs := array_remove(seqs, run.seq);
      place := array_position(tight, run.gate_keys[closed]);
      gate := gates[place];
      gate.key := run.gate_keys[closed];
      if not lines[place] or (-run.priority, run.run_at, run.id) < (gate.place, gate.run_at, gate.id) then
        gate.place := -run.priority;
        gate.run_at := run.run_at;
        gate.id := run.id;
        touched[place] := true;
      end if;
      gates[place] := gate;
      lines[place] := true;
      parked_ids := parked_ids || run.id;
      parked_keys := parked_keys || run.gate_keys[closed];
      parked_on := parked_on || ((run.gates -> (closed - 1) ->> 'kind') || ' ' || (run.gates -> (closed - 1) ->> 'key'));
      let_go := let_go || run.holds;
    end loop;
    parked := cardinality(parked_ids);
    for i in 1 .. cardinality(tight) loop
      if touched[i] then perform duckdive.put_gate(gates[i], p_at); end if;
    end loop;
    if parked > 0 then
      perform duckdive.park(p_worker, p_claim, parked_ids, parked_keys, parked_on, p_at);
    end if;
  end if;
  select array_agg(one.key), array_agg(one.run), array_agg(one.seq) into asked_keys, asked_runs, asked_seqs
  from unnest(asked_keys, asked_runs, asked_seqs, asked_rooms) as one (key, run, seq, room)
  where one.room > 0 and one.run <> all(parked_ids);
  if asked_keys is not null then
    perform duckdive.note_admitted(p_worker, asked_keys, asked_runs, asked_seqs, p_at);
  end if;
end $$;

-- Parks runs at these gates. One that an application's transaction has locked, to change it, is left to a claim that
-- nobody knows of: if that transaction comes to nothing it is given back by the worker that finds it.
create function duckdive.park(p_worker text, p_claim uuid, p_ids uuid[], p_keys bigint[], p_on text[], p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  free constant uuid[] := array(select id from duckdive.runs where id = any(p_ids) for update skip locked);
begin
  update duckdive.runs as run set
    lane = null, state = 'waiting', wait_reason = 'admission', wait_on = part.waits_on, parked_on = part.key,
    xid = pg_current_xact_id(),
    holds = case when run.started_at is not null then nullif(array(
      select unnest(run.holds) intersect select unnest(duckdive.kept_of(run.gates))
    ), '{}') end
  from unnest(p_ids, p_keys, p_on) as part (id, key, waits_on)
  where run.id = any(free) and run.id = part.id;
  perform duckdive.ring(array(select distinct unnest(p_keys)), p_at);
  if cardinality(free) < cardinality(p_ids) then
    insert into duckdive.claims (id, worker, at, runs, seqs)
    select gen_random_uuid(), p_worker, p_at, array_agg(id), array_agg(seq)
    from duckdive.runs where id = any(p_ids) and id <> all(free);
  end if;
end $$;

-- Sees to it that who is first in line at a rate is looked at when that opens.
create function duckdive.ring(p_keys bigint[], p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  known record;
  first record;
  rate record;
begin
  for known in select * from duckdive.gates_at(p_keys) as at_gate where at_gate.is_line loop
    select live.id, live.due, live.gates -> (array_position(live.gate_keys, live.parked_on) - 1) as own into first
    from duckdive.runs as live
    where live.parked_on = (known.gate).key
      and (-live.priority, live.run_at, live.id) >= ((known.gate).place, (known.gate).run_at, (known.gate).id)
    order by live.parked_on, (-live.priority), live.run_at, live.id limit 1;
    continue when first.own ->> 'kind' is distinct from 'rate';
    rate := duckdive.rate_of(first.own);
    -- One whose row is locked is found by the sweep.
    perform from duckdive.runs where id = first.id for update skip locked;
    continue when not found;
    update duckdive.runs as live set
      xid = pg_current_xact_id(),
      due = least(
        greatest(duckdive.opens_at(known.gate, rate.step, rate.burst), p_at + 1),
        duckdive.due_of('waiting', null, live.start_by, live.started_at, live.finish_by, p_at)
      )
    where live.id = first.id;
  end loop;
end $$;

-- Enters runs that are admitted. What does not count any more is left out when the list has doubled since it was last
-- looked through; a lock that is kept over a wait goes into its gate.
create function duckdive.note_admitted(
  p_worker text, p_keys bigint[], p_runs uuid[], p_seqs bigint[], p_at bigint
) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  own duckdive.admitted;
  before bigint;
begin
  select * into own from duckdive.admitted where worker = p_worker order by n desc limit 1;
  if own.n is null then
    insert into duckdive.admitted (worker, n, keys, runs, seqs, kept)
    values (p_worker, nextval('duckdive.seq'), p_keys, p_runs, p_seqs, 0);
    return;
  end if;
  before := own.n;
  if cardinality(own.keys) > 2 * own.kept + 500 then own := duckdive.looked_through(own, p_at); end if;
  update duckdive.admitted set
    n = nextval('duckdive.seq'), keys = own.keys || p_keys, runs = own.runs || p_runs, seqs = own.seqs || p_seqs,
    kept = own.kept
  where worker = p_worker and n = before;
end $$;

-- The same list without what does not count any more.
create function duckdive.looked_through(p_own duckdive.admitted, p_at bigint) returns duckdive.admitted
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off set enable_hashjoin = off
as $$
declare
  own duckdive.admitted := p_own;
  rest_keys bigint[];
  rest_runs uuid[];
  resting record;
  gate duckdive.gate;
begin
  select coalesce(array_agg(entry.key) filter (where live.runs), '{}'),
    coalesce(array_agg(entry.run) filter (where live.runs), '{}'),
    coalesce(array_agg(entry.seq) filter (where live.runs), '{}'),
    array_agg(entry.key) filter (where not live.runs), array_agg(entry.run) filter (where not live.runs)
  into own.keys, own.runs, own.seqs, rest_keys, rest_runs
  from unnest(p_own.keys, p_own.runs, p_own.seqs) as entry (key, run, seq)
  cross join lateral (
    select one.seq = entry.seq as runs from duckdive.runs as one
    where one.id = entry.run and (one.seq = entry.seq or entry.key = any(one.holds)) offset 0
  ) as live;
  own.kept := cardinality(own.keys);
  for resting in
    select entry.key, array_agg(entry.run) as runs from unnest(rest_keys, rest_runs) as entry (key, run) group by entry.key
  loop
    gate := (select at_gate.gate from duckdive.gates_at(array[resting.key]) as at_gate);
    gate.key := resting.key;
    gate.holders := array(select unnest(gate.holders) union select unnest(resting.runs));
    perform duckdive.put_gate(gate, p_at);
  end loop;
  return own;
end $$;

-- Gives free places at these gates to the next in line. Sent behind whatever may have let one go, in a transaction of its
-- own: whoever was parked before this has the lock is seen, and whoever is parked after it has seen the free place.
--
-- A long line may have to move to another gate that is closed to all of it, and every claim of runs with gates waits for this
-- lock: so no more than so many are moved at once, and what is left is answered as `rest`, to be sent again.
create function duckdive.hand_over(p_keys bigint[], p_now bigint, out handed integer, out rest bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  at bigint;
  lines bigint[];
  known record;
  given bigint[] := '{}';
  answer record;
  most integer := 100;
begin
  handed := 0;
  rest := '{}';
  perform duckdive.lock_gates();
  -- A hand-over that is lost in a crash is made again by the sweep.
  perform set_config('synchronous_commit', 'off', true);
  -- Most have nobody in line, and then nobody need know who holds them.
  lines := array(
    select (at_gate.gate).key
    from duckdive.gates_at(array(select distinct unnest(p_keys))) as at_gate where at_gate.is_line
  );
  if cardinality(lines) = 0 then return; end if;
  for known in
    select line.key, coalesce(array_agg(holder.run) filter (where holder.run is not null), '{}') as holders
    from unnest(lines) as line (key) left join duckdive.holders_of(lines) as holder on holder.key = line.key
    group by line.key
  loop
    if most > 0 then
      at := coalesce(at, duckdive.moment(p_now));
      answer := duckdive.hand_over_at(
        known.key,
        case when known.key = any(given)
          then array(select holder.run from duckdive.holders_of(array[known.key]) as holder) else known.holders end,
        most, at
      );
      handed := handed + answer.handed;
      given := given || answer.given;
      most := most - answer.moved;
    end if;
    if most <= 0 then rest := rest || known.key; end if;
  end loop;
end $$;

-- As many as the limit of whoever is next allows. Of a rate those have a place that were let in and have not paid: they
-- will, when a claim takes them. Who would find another of its locks and limits closed waits there from now on, so that
-- nobody holds one for want of another. `given` are other gates of those that were handed a place: they have all of them.
-- `moved` counts all that left the line, p_most of them at most.
create function duckdive.hand_over_at(
  p_key bigint, p_holders uuid[], p_most integer, p_at bigint, out handed integer, out moved integer, out given bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  before constant duckdive.gate := (select at_gate.gate from duckdive.gates_at(array[p_key]) as at_gate);
  gate duckdive.gate := before;
  own json;
  rate record;
  first duckdive.runs;
  others bigint[];
  closed integer;
  used integer := cardinality(p_holders);
  head record;
begin
  handed := 0;
  moved := 0;
  given := '{}';
  gate.holders := array(select unnest(gate.holders) intersect select unnest(p_holders));
  while moved < p_most loop
    select * into first from duckdive.runs as live
    where live.parked_on = p_key and (-live.priority, live.run_at, live.id) >= (gate.place, gate.run_at, gate.id)
    order by live.parked_on, (-live.priority), live.run_at, live.id limit 1 for update skip locked;
    exit when first.id is null;
    own := first.gates -> (array_position(first.gate_keys, p_key) - 1);
    if own ->> 'kind' = 'rate' then
      rate := duckdive.rate_of(own);
      exit when coalesce(gate.held_until, 0) > p_at
        or greatest(coalesce(gate.tat, 0), p_at) + (used - rate.burst + 1) * rate.step > p_at;
    else
      exit when used >= (own ->> 'limit')::integer;
    end if;
    moved := moved + 1;
    others := '{}';
    if cardinality(first.gate_keys) > 1 then
      others := array(
        select one.key from unnest(first.gate_keys, first.gate_limits) as one (key, room)
        where one.room > 0 and one.key <> p_key and one.key <> all(coalesce(first.holds, '{}'))
      );
      closed := duckdive.first_closed(first, others);
      if closed is null then
        perform duckdive.add_holder(one, first.id, p_at) from unnest(others) as one;
        given := given || others;
      else
        perform duckdive.wait_at(first, closed, p_at);
        continue;
      end if;
    end if;
    perform duckdive.make_next(first, array_append(others, p_key), p_at);
    gate.holders := gate.holders || first.id;
    used := used + 1;
    handed := handed + 1;
  end loop;
  -- The line begins with whoever is first in it now.
  select -live.priority as place, live.run_at, live.id into head
  from duckdive.runs as live
  where live.parked_on = p_key and (-live.priority, live.run_at, live.id) >= (gate.place, gate.run_at, gate.id)
  order by live.parked_on, (-live.priority), live.run_at, live.id limit 1;
  if found then
    gate.place := head.place;
    gate.run_at := head.run_at;
    gate.id := head.id;
  end if;
  if handed > 0 or (gate.place, gate.run_at, gate.id) <> (before.place, before.run_at, before.id) then
    perform duckdive.put_gate(gate, p_at);
  end if;
  perform duckdive.ring(array[p_key], p_at);
end $$;

-- The first of these gates of a run where it would have to wait: no place is free, or somebody is in line before it.
create function duckdive.first_closed(p_run duckdive.runs, p_keys bigint[]) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
begin
  return (
    with holder as materialized (
      select one.key, count(*) as used from duckdive.holders_of(p_keys) as one group by one.key
    ), line as materialized (
      select (at_gate.gate).key, at_gate.gate from duckdive.gates_at(p_keys) as at_gate where at_gate.is_line
    )
    select min(one.number)
    from unnest(p_run.gate_keys, p_run.gate_limits) with ordinality as one (key, room, number)
    left join holder on holder.key = one.key
    left join line on line.key = one.key
    where one.key = any(p_keys) and (
      coalesce(holder.used, 0) >= one.room
      or (line.key is not null and exists (
        select from duckdive.runs as live
        where live.parked_on = one.key
          and (-live.priority, live.run_at, live.id) >= ((line.gate).place, (line.gate).run_at, (line.gate).id)
          and (-live.priority, live.run_at, live.id) < (-p_run.priority, p_run.run_at, p_run.id)
      ))
    )
  );
end $$;

create function duckdive.add_holder(p_key bigint, p_run uuid, p_at bigint) returns void
language plpgsql volatile as $$
declare
  gate duckdive.gate := (select at_gate.gate from duckdive.gates_at(array[p_key]) as at_gate);
begin
  gate.key := p_key;
  if cardinality(gate.holders) > 20 then
    gate.holders := array(
      select unnest(gate.holders) intersect select holder.run from duckdive.holders_of(array[p_key]) as holder
    );
  end if;
  gate.holders := array_append(gate.holders, p_run);
  perform duckdive.put_gate(gate, p_at);
end $$;

-- Lets a run that is in line wait at another of its gates, in its place by age.
create function duckdive.wait_at(p_run duckdive.runs, p_number integer, p_at bigint) returns void
language plpgsql volatile as $$
declare
  known record;
  gate duckdive.gate;
begin
  select * into known from duckdive.gates_at(array[p_run.gate_keys[p_number]]) as at_gate;
  gate := known.gate;
  gate.key := p_run.gate_keys[p_number];
  if not coalesce(known.is_line, false)
    or (-p_run.priority, p_run.run_at, p_run.id) < (gate.place, gate.run_at, gate.id) then
    gate.place := -p_run.priority;
    gate.run_at := p_run.run_at;
    gate.id := p_run.id;
    perform duckdive.put_gate(gate, p_at);
  end if;
  update duckdive.runs as run set
    parked_on = gate.key, xid = pg_current_xact_id(),
    wait_on = (run.gates -> (p_number - 1) ->> 'kind') || ' ' || (run.gates -> (p_number - 1) ->> 'key'),
    due = duckdive.due_of('waiting', null, run.start_by, run.started_at, run.finish_by, p_at)
  where run.id = p_run.id;
end $$;

-- Makes a run ready that was in line and has these gates now, before those that came after it.
create function duckdive.make_next(p_run duckdive.runs, p_keys bigint[], p_at bigint) returns void
language plpgsql volatile as $$
begin
  update duckdive.runs as run set
    state = 'ready', wait_reason = null, wait_on = null, parked_on = null, holds = run.holds || p_keys,
    lane = duckdive.lane_for(run.queue, run.priority, run.route, true, true, run.fair is not null),
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'),
    due = duckdive.due_of('ready', null, run.start_by, run.started_at, run.finish_by, p_at)
  where run.id = p_run.id;
end $$;

-- Queues that claims pass over for a time, since an execution was told that it asks too much.
create table duckdive.held_queue (
  queue text primary key,
  until bigint not null
);

-- Gates of rates open for nobody for so long; without any, its queue is passed over.
create function duckdive.hold_back(p_rates bigint[], p_queue text, p_for bigint, p_now bigint) returns void
language plpgsql volatile as $$
declare
  at bigint;
  rate bigint;
  gate duckdive.gate;
begin
  if cardinality(p_rates) = 0 then
    at := duckdive.now_or(p_now);
    insert into duckdive.held_queue (queue, until) values (p_queue, at + p_for)
    on conflict (queue) do update set until = greatest(held_queue.until, excluded.until);
    return;
  end if;
  perform duckdive.lock_gates();
  at := duckdive.moment(p_now);
  foreach rate in array p_rates loop
    gate := (select at_gate.gate from duckdive.gates_at(array[rate]) as at_gate);
    gate.key := rate;
    gate.held_until := greatest(gate.held_until, at + p_for);
    perform duckdive.put_gate(gate, at);
  end loop;
  perform duckdive.ring(p_rates, at);
end $$;

-- The lanes that a worker may draw from and that have something for it (with p_all: all of them): by priority, then by
-- the age of what stands first in them. With p_ageing a lane counts as one priority higher for each time so long that its
-- first has waited. No more than it can use: each has one run at least, unless somebody is faster, and each is locked.
create function duckdive.lanes_with_work(p_queues jsonb, p_abilities jsonb, p_all boolean, p_ageing bigint, p_now bigint)
returns table (lane integer, priority smallint, pool text, is_restored boolean, gated boolean, fair boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
begin
  return query
  select found.lane, found.priority, found.pool, found.is_restored, found.gated, found.fair
  from (
    select line.id as lane, line.priority, line.gated, line.fair, slots.pool, head.run_at, head.xid, head.seq, aged.rank,
      state.cx > pg_snapshot_xmax(pg_current_snapshot())
        or coalesce(head.xid >= pg_snapshot_xmax(pg_current_snapshot()), false) as is_restored,
      row_number() over (
        partition by slots.pool order by aged.rank desc, head.run_at nulls first, head.xid, head.seq
      ) as place
    from duckdive.lane as line
    cross join lateral (
      select case when p_queues ? line.queue then line.queue else '*' end as pool
    ) as slots
    cross join lateral (
      select * from duckdive.lane_state as own where own.lane = line.id order by own.n desc limit 1
    ) as state
    left join lateral (
      (
        -- Of a fair lane whoever is next, and otherwise what is not discovered yet.
        select run.xid, run.seq, run.run_at from (
          select * from duckdive.turn where line.fair and turn.lane = line.id and turn.vt >= state.floor
          order by turn.lane, turn.vt, turn.fair limit 1
        ) as turn
        cross join lateral (
          select r.xid, r.seq, r.run_at from duckdive.runs as r
          where r.lane = line.id and r.fair = turn.fair and (r.xid, r.seq) > (turn.cx, turn.cs)
          order by r.lane, r.fair, r.xid, r.seq limit 1
        ) as run
      )
      union all
      select run.xid, run.seq, run.run_at from (
        select r.xid, r.seq, r.run_at from duckdive.runs as r
        where r.lane = line.id and (r.xid, r.seq) > (state.cx, state.cs)
        order by r.xid, r.seq limit 1
      ) as run
      limit 1
    ) as head on true
    cross join lateral (
      select line.priority + coalesce(greatest(at - head.run_at, 0) / p_ageing, 0) as rank
    ) as aged
    where (p_queues ->> slots.pool)::integer > 0
      and not exists (select from duckdive.pause where kind = 'queue' and name = line.queue)
      and not exists (select from duckdive.held_queue where held_queue.queue = line.queue and held_queue.until > at)
      and (line.route = '' or exists (
        select from jsonb_to_recordset(p_abilities) as ability (job text, version integer)
        where ability.job = line.route_job and ability.version >= line.route_version
      ))
      and (
        p_all
        or head.xid is not null
        or (line.fair and exists (select from duckdive.turn where turn.lane = line.id and turn.vt >= state.floor))
        or state.cx > pg_snapshot_xmax(pg_current_snapshot())
        or exists (select from unnest(state.pend) as p (x) where pg_visible_in_snapshot(p.x, pg_current_snapshot()))
      )
  ) as found
  where p_all or found.place <= greatest((p_queues ->> found.pool)::integer, 8)
  order by found.rank desc, found.run_at nulls first, found.xid, found.seq;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.lanes_with_work(p_queues jsonb, p_abilities jsonb, p_all boolean)
returns table (lane integer, priority smallint, pool text, is_restored boolean)
language sql stable as $$
  select lane, priority, pool, is_restored from duckdive.lanes_with_work(p_queues, p_abilities, p_all, null, null)
$$;

-- Parks what stands next in a lane and can only join a line. The locks of the lane and of the gates are held.
create function duckdive.park_ahead(p_worker text, p_claim uuid, p_lane integer, p_at bigint) returns integer
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  ids uuid[];
  keys bigint[];
  waits_on text[];
  first record;
  gate duckdive.gate;
begin
  with ahead as materialized (
    select run.* from (
      select * from duckdive.lane_state where lane = p_lane order by n desc limit 1
    ) as state
    cross join lateral (
      select live.id, live.gates, live.gate_keys[own.number] as key, own.number, live.xid, live.seq
      from (
        select * from duckdive.runs as r where r.lane = p_lane and (r.xid, r.seq) > (state.cx, state.cs)
        order by r.xid, r.seq limit 500
      ) as live
      cross join lateral (
        select number from generate_subscripts(live.gate_limits, 1) as number
        order by live.gate_limits[number] < 0, number limit 1
      ) as own
      where live.holds is null
    ) as run
  ), lines as materialized (
    select (at_gate.gate).key from duckdive.gates_at(array(select distinct ahead.key from ahead)) as at_gate
    where at_gate.is_line
  )
  select array_agg(ahead.id), array_agg(ahead.key),
    array_agg((ahead.gates -> (ahead.number - 1) ->> 'kind') || ' ' || (ahead.gates -> (ahead.number - 1) ->> 'key'))
  into ids, keys, waits_on
  from ahead join lines on lines.key = ahead.key;
  if ids is null then return 0; end if;
  for first in
    select distinct on (part.key) part.key, -live.priority as place, live.run_at, live.id
    from unnest(ids, keys) as part (id, key) join duckdive.runs as live on live.id = part.id
    order by part.key, -live.priority, live.run_at, live.id
  loop
    gate := (select at_gate.gate from duckdive.gates_at(array[first.key]) as at_gate);
    continue when (first.place, first.run_at, first.id) >= (gate.place, gate.run_at, gate.id);
    gate.place := first.place;
    gate.run_at := first.run_at;
    gate.id := first.id;
    perform duckdive.put_gate(gate, p_at);
  end loop;
  perform duckdive.park(p_worker, p_claim, ids, keys, waits_on, p_at);
  return cardinality(ids);
end $$;

-- Takes runs from a lane of runs with gates until p_limit are admitted, or p_most were parked. The locks of the lane and of
-- the gates are held.
create function duckdive.take_gated(
  p_worker text, p_claim uuid, p_lane integer, p_limit integer, p_most integer, p_jump boolean, p_fair boolean,
  p_at bigint, out ids uuid[], out seqs bigint[], out parked integer, out let_go bigint[]
)
language plpgsql volatile as $$
declare
  took record;
  answer record;
begin
  ids := '{}';
  seqs := '{}';
  parked := 0;
  let_go := '{}';
  loop
    if p_fair then
      took := duckdive.take_fair(p_lane, p_limit - cardinality(ids), p_jump);
    else
      took := duckdive.take(p_lane, p_limit - cardinality(ids), p_jump);
    end if;
    exit when took.ids is null;
    answer := duckdive.admit(p_worker, p_claim, took.ids, took.seqs, p_at);
    ids := ids || answer.ids;
    seqs := seqs || answer.seqs;
    parked := parked + answer.parked;
    let_go := let_go || answer.let_go;
    exit when cardinality(ids) >= p_limit or parked >= p_most;
    -- A line that stands here may be long, and is not walked by as few as there is room for.
    if answer.parked > 0 then parked := parked + duckdive.park_ahead(p_worker, p_claim, p_lane, p_at); end if;
  end loop;
end $$;

-- Takes runs for a worker, at most as many as each of its pools (a queue, or '*' for the others) has free slots, and
-- writes one row for all of them under p_claim, a random id that the worker made. Answers how many; who and what they
-- are is asked for by `claimed`: a worker that stops while it reads an answer must hold no lane. -1: no such worker. -2:
-- others took all that it looked at, or all of it was parked, and there may be more. Places at the gates in `let_go` are to
-- be handed over behind this: a claim puts nothing into a lane, whose cursor it may have moved past its own transaction.
--
-- Not synced: whatever is committed upon this claim is behind it in the log. A claim that is lost in a crash is a run
-- that is handed out again, and its settlement is refused for the want of the claim.
create function duckdive.claim(
  p_worker text, p_claim uuid, p_queues jsonb, p_abilities jsonb, p_now bigint, p_ageing bigint,
  out amount integer, out let_go bigint[]
)
language plpgsql volatile as $$
declare
  lock_class constant integer := 'duckdive.lane'::regclass::oid::integer;
  free jsonb := p_queues;
  began timestamptz := clock_timestamp();
  lanes integer[];
  pools text[];
  priorities smallint[];
  restored boolean[];
  gated boolean[];
  fair boolean[];
  is_jump boolean := false;
  is_all_locked boolean;
  locked smallint;
  at bigint;
  room integer;
  most integer;
  parked integer := 0;
  took record;
  all_ids uuid[] := '{}';
  all_seqs bigint[] := '{}';
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'duckdive claims in READ COMMITTED only, and this connection has %',
      current_setting('transaction_isolation');
  end if;
  amount := 0;
  -- Whoever rescues this worker waits for the claim, or the claim sees that the worker is out.
  perform pg_advisory_xact_lock_shared('duckdive.worker'::regclass::oid::integer, hashtext(p_worker));
  if not exists (select from duckdive.worker where id = p_worker) then amount := -1; return; end if;
  for attempt in 1 .. 2 loop
    select array_agg(line.lane), array_agg(line.pool), array_agg(line.priority), array_agg(line.is_restored),
      array_agg(line.gated), array_agg(line.fair)
    into lanes, pools, priorities, restored, gated, fair
    from duckdive.lanes_with_work(p_queues, p_abilities, is_jump, p_ageing, p_now) as line;
    exit when lanes is not null;
    -- Looking took long for nothing: what is dead in front of the cursors is walked once more, and then left behind.
    if is_jump or clock_timestamp() - began <= interval '5 milliseconds' then return; end if;
    is_jump := true;
  end loop;
  -- What a crash undoes is handed out again, and those who had it are told when they show that they live. Until then they
  -- would hold a place that others are given: so claims of runs with gates are synced.
  if not true = any(gated) then perform set_config('synchronous_commit', 'off', true); end if;
  -- Lanes before gates, and everybody locks lanes by priority and then by number: with gates, or when lanes are not asked
  -- in that order, all of them are locked before the first is asked.
  is_all_locked := p_ageing is not null or true = any(gated);
  if is_all_locked then
    perform pg_advisory_xact_lock(lock_class, one.lane)
    from (
      select l.lane from unnest(lanes, priorities) as l (lane, priority) order by l.priority desc, l.lane
    ) as one;
  end if;
  for i in 1 .. cardinality(lanes) loop
    room := (free ->> pools[i])::integer;
    continue when room < 1;
    if not is_all_locked and locked is distinct from priorities[i] then
      locked := priorities[i];
      perform pg_advisory_xact_lock(lock_class, one.lane)
      from (
        select l.lane from unnest(lanes, priorities) as l (lane, priority) where l.priority = locked order by l.lane
      ) as one;
    end if;
    if restored[i] and duckdive.is_foreign(lanes[i]) then perform duckdive.renumber(lanes[i]); end if;
    if gated[i] then
      if at is null then
        perform duckdive.lock_gates();
        at := duckdive.moment(p_now);
        most := greatest(4 * (select sum(slots.value::integer) from jsonb_each_text(p_queues) as slots), 500);
      end if;
      exit when parked >= most;
      took := duckdive.take_gated(p_worker, p_claim, lanes[i], room, most - parked, is_jump, fair[i], at);
      parked := parked + took.parked;
      let_go := let_go || took.let_go;
    elsif fair[i] then
      took := duckdive.take_fair(lanes[i], room, is_jump);
    else
      took := duckdive.take(lanes[i], room, is_jump);
    end if;
    if took.ids is not null then
      all_ids := all_ids || took.ids;
      all_seqs := all_seqs || took.seqs;
      free := jsonb_set(free, array[pools[i]], to_jsonb(room - cardinality(took.ids)));
    end if;
  end loop;
  amount := cardinality(all_ids);
  if amount > 0 then
    insert into duckdive.claims (id, worker, at, runs, seqs)
    values (p_claim, p_worker, duckdive.now_or(p_now), all_ids, all_seqs);
  elsif parked >= most or (not is_jump and exists (
    select from unnest(pools) as looked (pool) group by pool having count(*) >= (p_queues ->> pool)::integer
  )) then
    amount := -2;
  end if;
end $$;

-- As workers of an older version call it, until the last of them has stopped. What they let go is handed over by the sweep.
create or replace function duckdive.claim(p_worker text, p_claim uuid, p_queues jsonb, p_abilities jsonb, p_now bigint)
returns integer
language sql volatile as $$
  select amount from duckdive.claim(p_worker, p_claim, p_queues, p_abilities, p_now, null)
$$;

-- What a claim holds, without what was cancelled or replaced since; and the gates of each, so that whoever settles it knows
-- what is to be handed over.
drop function duckdive.claimed(uuid);
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean, gate_keys bigint[], rate_keys bigint[]
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
    run.tags::text, run.meta::text, run.job = any(paused),
    run.gate_keys,
    case when 0 > any(run.gate_limits) then array(
      select one.key from unnest(run.gate_keys, run.gate_limits) as one (key, room) where one.room < 0
    ) end
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;

-- Makes ready what is due, and fails what should have started or ended by now and is not running: at most p_limit in all.
--
-- One at a time does this. It reads on from where the last one stopped, and remembers the transactions under way as it
-- passes them, as a claim does: all with a lower number than its own that its snapshot does not see. Those with a higher
-- one read the clock later than this did (see `moment`), and the present millisecond is not passed. Rows that others have
-- locked are not waited for: their transactions are remembered.
--
-- `keys` are gates where places are to be handed over behind this: of those that ended, and of rates that have opened.
drop function duckdive.promote(integer, bigint);
create function duckdive.promote(p_limit integer, p_now bigint, out moved integer, out ended uuid[], out jobs text[], out keys bigint[], out opened boolean)
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
  delete from duckdive.held_queue where until <= at;
  opened := found;
  floor := duckdive.due_floor(at, true);
  reached := duckdive.reach(floor, p_limit, at);
  moved := 0;
  ended := '{}';
  jobs := '{}';
  keys := '{}';
  -- Many workers wake for the same start, and the first has done it.
  if floor.due >= 0 and cardinality(reached.ids) = 0 then return; end if;
  lanes := duckdive.lock_lanes_of(reached.ids);
  locked := array(select id from duckdive.runs where id = any(reached.ids) order by id for update skip locked);
  if exists (select from duckdive.runs where id = any(locked) and state = 'ready') then
    running := array(select id from duckdive.held where id = any(locked));
    -- Their worker keeps the time; when they are given back they become due again.
    update duckdive.runs set due = null where id = any(running);
  end if;
  keys := array(
    select distinct unnest(gate_keys) from duckdive.runs
    where id = any(locked) and id <> all(running)
      and (parked_on is not null or (start_by <= at and started_at is null) or finish_by <= at)
  );
  update duckdive.runs set
    xid = own, due = duckdive.due_of(state, run_at, start_by, started_at, finish_by, at)
  where id = any(locked) and parked_on is not null;
  ended := duckdive.expire(array(select id from unnest(locked) as id where id <> all(running)), at);
  jobs := array(
    select past.job from unnest(ended) with ordinality as one (id, number)
    cross join lateral (select history.job from duckdive.history where history.id = one.id limit 1) as past
    order by one.number
  );
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

-- When somebody has to look next: the start of a scheduled run, the end of a run's patience or the opening of a rate, any of
-- which may be over, or the end of a queue's being held back.
create or replace function duckdive.next_due(p_now bigint) returns bigint
language plpgsql stable
set jit = off set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  floor constant duckdive.due_state := duckdive.due_floor(at, false);
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
    ),
    (select min(until) from duckdive.held_queue)
  );
end $$;

-- Mends what a crash between a settlement and its handing over has left, for p_limit gates below p_before; and forgets what
-- is of no use any more. Answers where to go on; null: at the top.
create function duckdive.sweep_gates(
  p_before bigint, p_limit integer, p_now bigint, out next bigint, out handed integer, out rest bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
set enable_mergejoin = off
as $$
declare
  at bigint;
  seen bigint[];
  known record;
  own duckdive.admitted;
  before bigint;
begin
  handed := 0;
  rest := '{}';
  with recursive key as (
    (
      select gate.key from duckdive.gate where gate.key <= coalesce(p_before, 9223372036854775807)
      order by gate.key desc, gate.n desc limit 1
    )
    union all
    select next.key from key cross join lateral (
      select gate.key from duckdive.gate where gate.key < key.key order by gate.key desc, gate.n desc limit 1
    ) as next
  )
  select array(select key.key from key limit p_limit) into seen;
  if cardinality(seen) = p_limit then next := seen[p_limit] - 1; end if;
  if cardinality(seen) = 0 and not exists (select from duckdive.admitted) then return; end if;
  select answer.handed, answer.rest into handed, rest from duckdive.hand_over(seen, p_now) as answer;
  at := duckdive.now_or(p_now);
  for known in
    select at_gate.gate from duckdive.gates_at(seen) as at_gate
    where not at_gate.is_line and (at_gate.gate).touched_at < at - 60000
      and coalesce((at_gate.gate).tat, 0) <= at and coalesce((at_gate.gate).held_until, 0) <= at
      and not exists (
        select from unnest((at_gate.gate).holders) as holder
        join duckdive.runs as live on live.id = holder and (at_gate.gate).key = any(live.holds)
      )
  loop
    delete from duckdive.gate where key = (known.gate).key and n = (known.gate).n;
  end loop;
  for own in
    select newest.* from duckdive.admitted as newest
    where not exists (select from duckdive.worker where worker.id = newest.worker)
  loop
    before := own.n;
    own := duckdive.looked_through(own, at);
    if own.kept = 0 then
      delete from duckdive.admitted where worker = own.worker and n = before;
    elsif own.kept < (select cardinality(keys) from duckdive.admitted where worker = own.worker and n = before) then
      update duckdive.admitted set
        n = nextval('duckdive.seq'), keys = own.keys, runs = own.runs, seqs = own.seqs, kept = own.kept
      where worker = own.worker and n = before;
    end if;
  end loop;
end $$;

-- The gates of runs, for who is about to end or change them; and of runs that these workers hold.
create function duckdive.gates_of(p_ids uuid[]) returns bigint[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return array(select distinct unnest(gate_keys) from duckdive.runs where id = any(p_ids) and gate_keys is not null);
end $$;

create function duckdive.gates_of_workers(p_workers text[]) returns bigint[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return array(
    select distinct unnest(own.keys) from unnest(p_workers) as gone (id)
    cross join lateral (
      select keys from duckdive.admitted where admitted.worker = gone.id order by n desc limit 1
    ) as own
  );
end $$;

-- How a run stands at each of its gates, as a list in JSON.
create function duckdive.standing(p_run uuid, p_now bigint) returns json
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  run duckdive.runs;
begin
  select * into run from duckdive.runs where id = p_run;
  return (
    with holder as materialized (
      select holder.key, live.id, live.job, live.state, claim.at, one.room
      from unnest(run.gate_keys, run.gate_limits) as one (key, room)
      join duckdive.holders_of(run.gate_keys) as holder on holder.key = one.key
      join duckdive.runs as live on live.id = holder.run
      left join duckdive.held as claim on claim.id = live.id and claim.seq = live.seq
    )
    select json_agg(json_build_object(
      'gate', run.gates -> (one.number::integer - 1),
      'isHolding', exists (select from holder where holder.key = one.key and holder.id = run.id),
      'isParked', coalesce(run.parked_on = one.key, false),
      'used', case when one.room > 0 then (select count(*) from holder where holder.key = one.key) else 0 end,
      'holders', (
        select coalesce(json_agg(json_build_object(
          'run', ten.id, 'job', ten.job, 'state', case when ten.at is null then ten.state else 'running' end, 'since', ten.at
        ) order by ten.at nulls last, ten.id), '[]')
        from (
          select * from holder where holder.key = one.key and one.room > 0 order by holder.at nulls last, holder.id limit 10
        ) as ten
      ),
      'ahead', (
        select count(*) from (
          select from duckdive.runs as other
          where other.parked_on = one.key and (
            run.parked_on is distinct from one.key
            or (-other.priority, other.run_at, other.id) < (-run.priority, run.run_at, run.id)
          )
          limit 10000
        ) as line
      ),
      'opensAt', case when one.room < 0 then (
        select duckdive.opens_at(gate.own, rate.step, rate.burst)
        from duckdive.rate_of(run.gates -> (one.number::integer - 1)) as rate
        left join lateral (
          select newest as own from duckdive.gate as newest where newest.key = one.key order by newest.n desc limit 1
        ) as gate on true
      ) end
    ) order by one.number)
    from unnest(run.gate_keys, run.gate_limits) with ordinality as one (key, room, number)
  );
end $$;

-- Records runs as they stood in another store; one that is here already is left alone. Answers which were recorded. The
-- partitions for those that have ended are there. Ready ones stand in front, since they come with an age.
-- Those that were in line at a gate ask for it anew: places do not move.
create or replace function duckdive.adopt(p_items json, p_token bigint, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
begin
  -- Far ahead, because somebody may be taking numbers at this moment: tokens must rise.
  if p_token > (select last_value from duckdive.seq) then perform setval('duckdive.seq', p_token + 1000000); end if;
  for item in
    select one.*, coalesce(duckdive.is_long(one.input), false) as long_input,
      coalesce(duckdive.is_long(one.output), false) as long_output, coalesce(duckdive.is_long(one.error), false) as long_error
    from json_to_recordset(p_items) as one (
      id uuid, state text, reason text, job text, version integer, queue text, priority smallint, route text, token bigint,
      attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint, finished_at bigint,
      expires_at bigint, start_within bigint, finish_within bigint, start_by bigint, finish_by bigint, wait_reason text,
      wait_on text, input text, output text, error text, tags json, meta json, release text, progress json, events json,
      logs json, entries json, gates json, fair text
    )
    order by run_at, id
  loop
    continue when exists (select from duckdive.history where id = item.id)
      or exists (select from duckdive.runs where id = item.id);
    if item.finished_at is null then
      perform duckdive.adopt_live(item, at);
    else
      insert into duckdive.history (
        id, keep_class, finished_at, expires_at, state, reason, token, job, version, queue, priority, attempt, crashes,
        requested_at, run_at, started_at, start_within, finish_within, start_by, finish_by, body, input, output, error,
        tags, meta, release, gates, fair
      ) values (
        item.id, duckdive.class_of(item.expires_at - item.finished_at), item.finished_at, item.expires_at, item.state,
        item.reason, item.token, item.job, item.version, item.queue, item.priority, item.attempt, item.crashes,
        item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by,
        item.finish_by, item.long_input::integer + 2 * item.long_output::integer + 4 * item.long_error::integer,
        case when not item.long_input then item.input::json end,
        case when not item.long_output then item.output::json end,
        case when not item.long_error then item.error::json end, item.tags, item.meta, item.release,
        item.gates, item.fair
      );
    end if;
    perform duckdive.adopt_belongings(item, at);
    return next item.id;
  end loop;
end $$;

-- One that has not ended, and is not running.
create or replace function duckdive.adopt_live(item record, p_now bigint) returns void
language plpgsql volatile as $$
declare
  in_line constant boolean := item.wait_reason is not distinct from 'admission';
  new_state constant text := case when in_line then 'ready' else item.state end;
begin
  insert into duckdive.runs (
    id, lane, state, job, version, queue, priority, route, attempt, crashes, requested_at, run_at, started_at, start_within,
    finish_within, start_by, finish_by, wait_reason, wait_on, due, body, input, error, tags, meta, release,
    gates, gate_keys, gate_limits, fair
  ) values (
    item.id,
    case when new_state = 'ready' then duckdive.lane_for(
      item.queue, item.priority, coalesce(item.route, ''), true, item.gates is not null, item.fair is not null
    ) end,
    new_state, item.job, item.version, item.queue, item.priority, coalesce(item.route, ''), item.attempt, item.crashes,
    item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by, item.finish_by,
    case when not in_line then item.wait_reason end, case when not in_line then item.wait_on end,
    duckdive.due_of(new_state, item.run_at, item.start_by, item.started_at, item.finish_by, p_now),
    item.long_input::integer + 4 * item.long_error::integer,
    case when not item.long_input then item.input::json end, case when not item.long_error then item.error::json end,
    item.tags, item.meta, item.release,
    item.gates, duckdive.keys_of(item.gates), duckdive.limits_of(item.gates), item.fair
  );
end $$;
