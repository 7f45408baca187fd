-- Settlement: how executions end. The fence is the claim and the run's seq together: a claim that was lost in a crash is
-- gone, and a run that was given back has another seq.

create function duckdive.append_event(
  p_run uuid, p_kind text, p_detail json, p_attempt integer, p_token bigint, p_worker text, p_now bigint
) returns void
language plpgsql volatile as $$
begin
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  values (p_run, p_now, p_kind, p_attempt, p_token, p_worker, p_detail);
end $$;

-- The class of history for runs that are kept so long; the table keep_class says the same.
create function duckdive.class_of(p_keep bigint) returns smallint
language sql immutable as $$
  select (case
    when p_keep < 86400000 then 0
    when p_keep <= 8 * 86400000::bigint then 1
    when p_keep <= 31 * 86400000::bigint then 2
    when p_keep <= 92 * 86400000::bigint then 3
    when p_keep <= 400 * 86400000::bigint then 4
    else 5 end)::smallint
$$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error.
create function duckdive.end_run(
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
    tags, meta, release
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release
  );
end $$;

-- Puts a run to rest: ready in a lane, or out of all lanes. Its seq is new, so whoever had it is fenced out.
create function duckdive.rest_run(
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
  select queue, priority into place from duckdive.runs where id = p_id;
  update duckdive.runs set
    state = p_state,
    lane = case when p_state = 'ready' then duckdive.lane_for(place.queue, place.priority, p_route, p_front) end,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'), run_at = p_run_at, route = p_route,
    wait_reason = p_wait_reason, wait_on = p_wait_on, attempt = attempt + p_attempts, crashes = crashes + p_crashes,
    started_at = coalesce(p_started_at, started_at),
    due = duckdive.due_of(p_state, p_run_at, start_by, coalesce(p_started_at, started_at), finish_by, p_now),
    body = case when p_error is null then body when duckdive.is_long(p_error) then body | 4 else body & 3 end,
    error = case when p_error is null then error when not duckdive.is_long(p_error) then p_error::json end
  where id = p_id;
end $$;

-- Ends executions that succeeded and say nothing else, most of them, in one statement. p_done are claims that are done
-- with by this. Answers the runs that were taken; null: all of them. No join with `runs`: whatever the statistics say,
-- each list is looked up in the primary key.
create function duckdive.settle_plain(
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
      tags, meta, release
    )
    select gone.id, duckdive.class_of(held.keep), at, at + held.keep, 'succeeded', gone.seq, held.worker, gone.job,
      gone.version, gone.queue, gone.priority, gone.attempt + 1, gone.crashes, gone.requested_at, gone.run_at,
      held.claimed_at, gone.start_within, gone.finish_within, gone.start_by, gone.finish_by,
      gone.body & 1, gone.input, held.output::json, gone.tags, gone.meta, gone.release
    from gone join held on held.run = gone.id and held.token = gone.seq
    returning id
  )
  select array_agg(id) into taken from ended;
  delete from duckdive.claims where id = any(p_done);
  if cardinality(taken) = cardinality(p_runs) then return null; end if;
  return coalesce(taken, '{}');
end $$;

-- Ends executions in every way. Answers for each the state its run is in by that; null: refused.
--
-- Whoever parks a run shares a lock with all who do, and excludes registrations and the ends of pauses: otherwise each
-- might miss what the other has not committed yet, and the run would sleep for ever.
create function duckdive.settle(p_items json, p_done uuid[], p_now bigint) returns text[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  answers text[] := array_fill(null::text, array[json_array_length(p_items)]);
  item record;
begin
  if exists (select from json_array_elements(p_items) as i where i -> 'waiting' is not null) then
    perform pg_advisory_xact_lock_shared('duckdive.runs'::regclass::oid::integer, 0);
  end if;
  -- In the order of ids, since that is how row locks are taken everywhere; of two of one run the first asked counts.
  for item in
    select i.value, i.number from json_array_elements(p_items) with ordinality as i (value, number)
    order by i.value ->> 'run', i.number
  loop
    answers[item.number] := duckdive.settle_one(item.value, at);
  end loop;
  delete from duckdive.claims where id = any(p_done);
  return answers;
end $$;

create function duckdive.settle_one(p_item json, p_at bigint) returns text
language plpgsql volatile as $$
declare
  run record;
  one record;
  counted constant integer := case when (p_item ->> 'giveBack')::boolean then 0 else 1 end;
  event json;
  rest record;
begin
  select * into one from json_to_record(p_item) as asked (
    run uuid, token bigint, claim uuid, state text, reason text, output text, error json, keep bigint
  );
  select live.*, claim.worker, claim.at as claimed_at into run
  from duckdive.runs as live, duckdive.claims as claim
  where live.id = one.run and live.seq = one.token and claim.id = one.claim
  for update of live;
  if not found then return null; end if;
  for event in select * from json_array_elements(p_item -> 'events') loop
    perform duckdive.append_event(
      run.id, event ->> 'kind', event -> 'detail', run.attempt + 1, run.seq, run.worker, p_at
    );
  end loop;
  if one.state in ('succeeded', 'failed', 'cancelled') then
    perform duckdive.end_run(
      run.id, one.state, one.reason, one.output, one.error::text, one.keep, counted, 0, run.claimed_at, run.worker, p_at
    );
    return one.state;
  end if;
  if run.cancel_asked is not null then
    perform duckdive.append_event(
      run.id, 'cancelled', json_build_object('reason', run.cancel_asked), run.attempt + 1, run.seq, run.worker, p_at
    );
    perform duckdive.end_run(
      run.id, 'cancelled', run.cancel_asked, null, one.error::text, one.keep, counted, 0, run.claimed_at, run.worker, p_at
    );
    return 'cancelled';
  end if;
  rest := duckdive.rest_of(p_item, run.job, run.run_at, run.route, p_at);
  if rest.route <> run.route then
    perform duckdive.append_event(
      run.id, 'unparked', json_build_object('reason', 'worker', 'on', rest.route), run.attempt + 1, run.seq, run.worker, p_at
    );
  end if;
  perform duckdive.rest_run(
    run.id, rest.state, rest.run_at, rest.route, rest.wait_reason, rest.wait_on, one.error::text, counted, 0,
    -- Claimed only to be parked: that was no start.
    case when (p_item -> 'waiting' ->> 'reason') in ('worker', 'paused') then null else run.claimed_at end,
    rest.run_at < p_at, p_at
  );
  return rest.state;
end $$;

-- Where a run rests, having looked whether what it would rest for has come already.
create function duckdive.rest_of(
  p_item json, p_job text, p_run_at bigint, p_route text, p_at bigint,
  out state text, out run_at bigint, out route text, out wait_reason text, out wait_on text
)
language plpgsql stable as $$
declare
  due constant bigint := coalesce(
    (p_item -> 'due' ->> 'at')::bigint, p_at + (p_item -> 'due' ->> 'after')::bigint, p_run_at
  );
begin
  state := 'ready';
  run_at := p_run_at;
  route := p_route;
  if p_item ->> 'state' = 'scheduled' then
    run_at := due;
    if due > p_at then state := 'scheduled'; end if;
    return;
  end if;
  if p_item ->> 'state' = 'ready' or p_item -> 'waiting' is null then return; end if;
  wait_reason := p_item -> 'waiting' ->> 'reason';
  wait_on := p_item -> 'waiting' ->> 'on';
  if wait_reason = 'worker' then
    if duckdive.is_able(wait_on) then
      route := wait_on;
      wait_reason := null;
      wait_on := null;
      return;
    end if;
    route := '';
  elsif wait_reason = 'paused' then
    wait_on := p_job;
    if not exists (select from duckdive.pause where kind = 'job' and name = p_job) then
      wait_reason := null;
      wait_on := null;
      return;
    end if;
  elsif wait_reason = 'entries' then
    run_at := due;
  end if;
  state := 'waiting';
end $$;

-- Whether a registered worker may take what is routed to `job@version`.
create function duckdive.is_able(p_route text) returns boolean
language sql stable as $$
  select exists (
    select from duckdive.ability
    where job = regexp_replace(p_route, '@[0-9]+$', '') and version >= substring(p_route from '@([0-9]+)$')::integer
  )
$$;

-- Writes log lines and progress; those of an execution that lost its claim are dropped.
create function duckdive.write_notes(p_items json, p_now bigint) returns void
language plpgsql volatile as $$
declare
  moment constant bigint := duckdive.now_or(p_now);
begin
  insert into duckdive.log (run, at, attempt, level, message, fields)
  select live.id, moment, live.attempt + 1, note.level, note.message, note.fields
  from rows from (
    json_to_recordset(p_items) as (run uuid, token bigint, level text, message text, fields json)
  ) with ordinality as note (run, token, level, message, fields, number)
  join duckdive.held on held.id = note.run and held.seq = note.token
  join duckdive.runs as live on live.id = note.run and live.seq = note.token
  where note.level is not null
  order by note.number;
  insert into duckdive.progress (run, at, done, total, note)
  select distinct on (note.run) note.run, moment, note.done, note.total, note.note
  from rows from (
    json_to_recordset(p_items) as (run uuid, token bigint, done double precision, total double precision, note text)
  ) with ordinality as note (run, token, done, total, note, number)
  join duckdive.held on held.id = note.run and held.seq = note.token
  where note.done is not null
  order by note.run, note.number desc
  on conflict (run) do update set at = excluded.at, done = excluded.done, total = excluded.total, note = excluded.note;
end $$;
