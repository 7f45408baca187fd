-- Unique keys: at most one run holds a key. docs/decisions/0009-policies.md has the rules.
--
-- A key is an entry in a unique index: whoever records a run meets whoever holds its key there, and nowhere else. Ending
-- a run deletes its row, and that frees the key. A claim touches no run, so whether somebody still holds his key in the
-- state that he is in by now is decided when another one asks for it: if not, he is left with an idle key, which holds
-- again as soon as he is in a state that it counts in.

alter table duckdive.runs
  add column unique_key uuid,      -- a hash of the key, in the states in which it is held …
  add column unique_idle uuid,     -- … or there in others, or while another run holds it
  add column unique_while smallint; -- the states that hold it: 1 scheduled, 2 ready, 4 waiting, 8 running; 0: none, it has a window

alter table duckdive.history
  add column unique_key uuid,
  add column unique_while smallint;

create unique index runs_unique on duckdive.runs (unique_key) where unique_key is not null;
create index runs_unique_idle on duckdive.runs (unique_idle) where unique_idle is not null and unique_while > 0;

-- Keys that are held for a time, whatever becomes of their run.
create table duckdive.unique_window (
  key uuid primary key,
  run uuid not null,
  until bigint not null
);

create index unique_window_until on duckdive.unique_window (until);

create function duckdive.state_bit(p_state text) returns integer
language sql immutable as $$
  select case p_state when 'scheduled' then 1 when 'ready' then 2 when 'waiting' then 4 else 8 end
$$;

-- Whether a claim holds this run under this seq: it is running.
create function duckdive.is_held(p_run uuid, p_seq bigint) returns boolean
language sql stable as $$
  select exists (
    select from duckdive.claims as claim cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
    where p_run = any(claim.runs) and part.run = p_run and part.seq = p_seq
  )
$$;

-- The run that holds a key; null: nobody does.
create function duckdive.key_holder(p_key uuid, p_at bigint) returns uuid
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  run record;
begin
  for run in
    select live.id, live.seq, live.state, live.unique_while as states from duckdive.runs as live where live.unique_key = p_key
    union all
    select live.id, live.seq, live.state, live.unique_while from duckdive.runs as live
    where live.unique_idle = p_key and live.unique_while > 0
  loop
    if run.states = 15 or run.states & duckdive.state_bit(
      case when duckdive.is_held(run.id, run.seq) then 'running' else run.state end
    ) <> 0 then return run.id; end if;
  end loop;
  return (select own.run from duckdive.unique_window as own where own.key = p_key and own.until > p_at);
end $$;

-- Takes a key off the run that has it and, in the state it is in, does not hold it.
create function duckdive.free_key(p_key uuid) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  run record;
begin
  select live.id, live.seq, live.state, live.unique_while as states into run
  from duckdive.runs as live where live.unique_key = p_key;
  if not found or run.states & duckdive.state_bit(
    case when duckdive.is_held(run.id, run.seq) then 'running' else run.state end
  ) <> 0 then return; end if;
  update duckdive.runs set unique_idle = unique_key, unique_key = null
  where id = run.id and seq = run.seq and unique_key = p_key;
end $$;

-- Takes the keys that are held for a time, if they are free. One's own is no hindrance, so it may be asked for again.
create function duckdive.take_windows(p_ids uuid[], p_keys uuid[], p_windows bigint[], p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  if not exists (select from unnest(p_windows) as length where length is not null) then return; end if;
  delete from duckdive.unique_window where key = any(p_keys) and until <= p_at;
  insert into duckdive.unique_window (key, run, until)
  select distinct on (asked.key) asked.key, asked.id, p_at + asked.length
  from unnest(p_ids, p_keys, p_windows) with ordinality as asked (id, key, length, place)
  where asked.key is not null and asked.length is not null
  order by asked.key, asked.place
  on conflict do nothing;
end $$;

-- What a request becomes whose key this run holds: 'ignored', or 'changed' when the run was given what it asks for. Null:
-- that run does not hold it any more. Only a run that has not begun its next attempt is changed. `let_go` are gates where
-- it may have had a place, to be handed over behind this.
create function duckdive.meet(
  p_key uuid, p_holder uuid, p_shape json, p_input text, p_at bigint, out answer text, out let_go bigint[]
)
language plpgsql volatile as $$
declare
  rule constant json := p_shape -> 'unique';
  run duckdive.runs;
  fields text[];
  run_at bigint;
begin
  answer := 'ignored';
  if rule ->> 'kind' not in ('replace', 'debounce') then return; end if;
  select * into run from duckdive.runs as live where live.id = p_holder;
  if not found or duckdive.is_held(run.id, run.seq) or run.wait_reason = 'entries' then return; end if;
  select * into run from duckdive.runs as live where live.id = p_holder for update;
  if not found then
    answer := null;
    return;
  end if;
  -- Looked at again with the row in hand: from here on only a claim can come in between, and that is fenced out.
  if duckdive.is_held(run.id, run.seq) then return; end if;
  if duckdive.key_holder(p_key, p_at) is distinct from p_holder then
    answer := null;
    return;
  end if;
  if rule ->> 'kind' = 'debounce' then
    fields := '{input,runAt}';
    run_at := least(p_at + (rule ->> 'delay')::bigint, run.requested_at + (rule ->> 'at_most')::bigint);
  else
    fields := array(select json_array_elements_text(rule -> 'fields'));
    run_at := coalesce((p_shape ->> 'due_at')::bigint, p_at + coalesce((p_shape ->> 'due_after')::bigint, 0));
  end if;
  -- In the order in which they are told.
  fields := array(
    select field from unnest('{input,runAt,priority}'::text[]) with ordinality as each (field, place)
    where field = any(fields) order by place
  );
  if cardinality(fields) = 0 then return; end if;
  perform duckdive.replace_run(run, fields, p_shape, p_input, run_at, p_at);
  answer := 'changed';
  if run.holds is not null or run.parked_on is not null then let_go := run.gate_keys; end if;
end $$;

-- Of what a run holds the locks that it keeps over a wait. Not all that it might keep: one that came from another store, or
-- was given other gates, has begun and has to ask for them.
create function duckdive.kept_among(p_holds bigint[], p_started_at bigint, p_gates json) returns bigint[]
language sql immutable as $$
  select case when p_started_at is not null then nullif(array(
    select unnest(p_holds) intersect select unnest(duckdive.kept_of(p_gates))
  ), '{}') end
$$;

-- Gives a run that rests, and whose row is locked, what a later request asks for. Its seq is new, so that a claim which is
-- under way finds it no more. This may be a transaction of the application: no lane is locked, and none is made.
--
-- Gates and share were computed of the input and change with it. If the gates are others it has no place at the old ones,
-- and stands in no line there: its claim asks at the new ones. A lock that it keeps and that is among them stays its own.
create function duckdive.replace_run(
  p_run duckdive.runs, p_fields text[], p_shape json, p_input text, p_run_at bigint, p_at bigint
) returns void
language plpgsql volatile as $$
declare
  is_long constant boolean := 'input' = any(p_fields) and coalesce(duckdive.is_long(p_input), false);
  new_run_at constant bigint := case when 'runAt' = any(p_fields) then p_run_at else p_run.run_at end;
  new_priority constant smallint :=
    case when 'priority' = any(p_fields) then (p_shape ->> 'priority')::smallint else p_run.priority end;
  has_input constant boolean := 'input' = any(p_fields);
  asked record;
  is_others boolean;
  new_lane integer;
  new_state text := p_run.state;
begin
  select gates, fair, duckdive.keys_of(gates) as gate_keys, duckdive.limits_of(gates) as gate_limits into asked
  from json_to_record(p_shape) as shape (gates json, fair text);
  if not has_input then
    asked.gates := p_run.gates;
    asked.fair := p_run.fair;
    asked.gate_keys := p_run.gate_keys;
    asked.gate_limits := p_run.gate_limits;
  end if;
  is_others := asked.gates::jsonb is distinct from p_run.gates::jsonb;
  perform duckdive.append_event(
    p_run.id, 'replaced', json_build_object('fields', p_fields), p_run.attempt, p_run.seq, null, p_at
  );
  if is_long then
    insert into duckdive.body (run, input) values (p_run.id, p_input)
    on conflict (run) do update set input = excluded.input;
  end if;
  -- Where a run in line stands follows from what is changed here: its claim puts it there again.
  if p_run.parked_on is not null and (is_others or p_fields && '{runAt,priority}') then new_state := 'ready'; end if;
  if new_state <> 'waiting' then
    new_state := case when new_run_at > p_at then 'scheduled' else 'ready' end;
  end if;
  if new_state = 'ready' then
    select lane.id into new_lane from duckdive.lane
    where lane.queue = p_run.queue and lane.priority = new_priority and lane.route = p_run.route
      and lane.gated = (asked.gate_keys is not null) and lane.fair = (asked.fair is not null)
    order by (lane.front = (new_run_at < p_at)) desc limit 1;
    if not found then new_state := 'scheduled'; end if;
  end if;
  update duckdive.runs as live set
    version = case when has_input then (p_shape ->> 'version')::integer else version end,
    input = case when has_input then case when not is_long then p_input::json end else input end,
    body = case when has_input then (body & 6) | is_long::integer else body end,
    run_at = new_run_at, priority = new_priority, state = new_state, lane = new_lane,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'),
    wait_reason = case when new_state = 'waiting' then wait_reason end,
    wait_on = case when new_state = 'waiting' then wait_on end,
    parked_on = case when new_state = 'waiting' then parked_on end,
    gates = asked.gates, gate_keys = asked.gate_keys, gate_limits = asked.gate_limits, fair = asked.fair,
    -- A place that it was handed waits for its claim; a later one does not take it along.
    holds = case when new_state = 'ready' and not is_others then holds
      else duckdive.kept_among(holds, started_at, asked.gates) end,
    due = case when new_state = 'waiting' and parked_on is not null then due
      else duckdive.due_of(new_state, new_run_at, start_by, started_at, finish_by, p_at) end
  where live.id = p_run.id;
end $$;

-- Records runs of which some have a unique key. Answers for those that were not recorded which run is meant in their place,
-- and why: 'present' when it is their own id, 'ignored' or 'changed' when it holds their key, 'rejected' when their rule
-- says so. With p_all nothing is recorded when one is rejected; otherwise each is for itself. `let_go` are gates where one
-- that was changed may have had a place.
--
-- A transaction of the application that recorded the same key is waited for: until it has ended, nobody knows. Over our own
-- connections for p_patience at most; there a rejection of all is an error, since the call may have several parts.
create function duckdive.record_unique(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[], p_all boolean, p_patience text default null
) returns table (id uuid, run uuid, answer text, let_go bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  at constant bigint := duckdive.moment(p_now);
  shapes constant json[] := array(select shape from json_array_elements(p_shapes) as shape);
  windows constant bigint[] := array(
    select (shapes[number] -> 'unique' ->> 'window')::bigint
    from unnest(p_numbers) with ordinality as each (number, place) order by place
  );
  pending uuid[] := p_ids;
  recorded uuid[] := '{}';
  lost uuid[];
  tried uuid[];
  asked record;
begin
  if p_nonce <> (select nonce from duckdive.meta) then
    return query select null::uuid, null::uuid, null::text;
    return;
  end if;
  if p_patience is not null then perform set_config('lock_timeout', p_patience, true); end if;
  for round in 1 .. 4 loop
    -- Whoever is there already asks for nothing.
    for asked in
      select live.id from duckdive.runs as live where live.id = any(pending)
      union select unnest(duckdive.finished_among(array(
        select one from unnest(p_known) as one where one = any(pending)
      ), at))
    loop
      pending := array_remove(pending, asked.id);
      id := asked.id;
      run := asked.id;
      answer := 'present';
      return next;
    end loop;
    exit when cardinality(pending) = 0;
    perform duckdive.take_windows(
      array_agg(each.id order by each.place), array_agg(each.key order by each.place),
      array_agg(each.length order by each.place), at
    ) from unnest(p_ids, p_keys, windows) with ordinality as each (id, key, length, place) where each.id = any(pending);
    -- What is held by a run in no index of keys shows here: for a time, or again after a while.
    lost := array(
      select distinct each.id from unnest(p_ids, p_keys) as each (id, key)
      where each.id = any(pending) and each.key is not null
        and (
          -- With the offset each is looked up by itself, whatever the statistics say.
          exists (select from duckdive.runs as live where live.unique_key = each.key offset 0)
          or exists (select from duckdive.runs as live where live.unique_idle = each.key and live.unique_while > 0 offset 0)
          or exists (select from duckdive.unique_window as own where own.key = each.key offset 0)
        )
        and duckdive.key_holder(each.key, at) <> each.id
    );
    tried := array(select one from unnest(pending) as one where one <> all(lost));
    lost := lost || array(
      select duckdive.insert_runs(
        array_agg(each.id order by each.place), array_agg(each.input order by each.place),
        array_agg(each.number order by each.place), p_shapes,
        array(select one from unnest(p_known) as one where one = any(tried)), p_is_long, p_now,
        case when round = 1 then p_notice end, null, array_agg(each.key order by each.place)
      )
      from unnest(p_ids, p_inputs, p_numbers, p_keys) with ordinality as each (id, input, number, key, place)
      where each.id = any(tried) having count(*) > 0
    );
    recorded := recorded || array(select one from unnest(tried) as one where one <> all(lost));
    pending := '{}';
    exit when cardinality(lost) = 0;
    select each.id, duckdive.key_holder(each.key, at) as holder into asked
    from unnest(p_ids, p_numbers, p_keys) with ordinality as each (id, number, key, place)
    where p_all and each.id = any(lost) and shapes[each.number] -> 'unique' ->> 'kind' = 'reject'
      and duckdive.key_holder(each.key, at) <> each.id
    order by each.place limit 1;
    if found then
      if p_patience is not null then
        raise exception 'unique % %', asked.id, asked.holder using errcode = 'DD001';
      end if;
      -- What was changed for others before somebody else came in between cannot be taken back.
      if round > 1 then raise exception 'unique keys have changed hands meanwhile' using errcode = '40001'; end if;
      perform duckdive.take_back(recorded || lost, recorded, p_keys);
      id := asked.id;
      run := asked.holder;
      answer := 'rejected';
      return next;
      return;
    end if;
    for asked in
      select each.*, shapes[each.number] as shape
      from unnest(p_ids, p_inputs, p_numbers, p_keys) with ordinality as each (id, input, number, key, place)
      where each.id = any(lost) order by each.key, each.place
    loop
      id := asked.id;
      run := duckdive.key_holder(asked.key, at);
      answer := null;
      let_go := null;
      if run <> asked.id and asked.shape -> 'unique' ->> 'kind' = 'reject' then
        answer := 'rejected';
      elsif run <> asked.id then
        select met.answer, met.let_go into answer, let_go
        from duckdive.meet(asked.key, run, asked.shape, asked.input, at) as met;
      elsif asked.key is not null and run is null then
        perform duckdive.free_key(asked.key);
      end if;
      if answer is null then pending := pending || asked.id; else return next; end if;
    end loop;
    perform duckdive.take_back(lost, '{}', p_keys);
    exit when cardinality(pending) = 0;
  end loop;
  if cardinality(pending) > 0 then
    raise exception 'unique keys change hands faster than they can be asked for' using errcode = '40001';
  end if;
end $$;

-- Takes back the windows of these runs, and what was recorded of those.
create function duckdive.take_back(p_ids uuid[], p_recorded uuid[], p_keys uuid[]) returns void
language plpgsql volatile as $$
begin
  delete from duckdive.unique_window where key = any(p_keys) and run = any(p_ids);
  if cardinality(p_recorded) = 0 then return; end if;
  delete from duckdive.runs where runs.id = any(p_recorded);
  delete from duckdive.body where body.run = any(p_recorded);
end $$;

-- Gives a run that was recorded without its definition its key, unless another one holds it, which is the answer. The
-- run is locked.
create function duckdive.take_key(p_run duckdive.runs, p_key uuid, p_rule json, p_at bigint) returns uuid
language plpgsql volatile as $$
declare
  states constant smallint := coalesce((p_rule ->> 'while')::smallint, 0::smallint);
  held constant boolean := states & duckdive.state_bit(case when p_run.run_at > p_at then 'scheduled' else 'ready' end) <> 0;
  holder uuid;
begin
  for round in 1 .. 4 loop
    holder := duckdive.key_holder(p_key, p_at);
    if holder is null then
      perform duckdive.free_key(p_key);
      perform duckdive.take_windows(array[p_run.id], array[p_key], array[(p_rule ->> 'window')::bigint + p_run.requested_at - p_at], p_at);
      begin
        update duckdive.runs set
          unique_key = case when held then p_key end, unique_idle = case when not held then p_key end, unique_while = states
        where id = p_run.id;
        holder := duckdive.key_holder(p_key, p_at);
        return nullif(holder, p_run.id);
      exception when unique_violation then
        -- Somebody has just got it.
        continue;
      end;
    end if;
    return nullif(holder, p_run.id);
  end loop;
  raise exception 'unique keys change hands faster than they can be asked for' using errcode = '40001';
end $$;

-- Ends a run whose key is held by another, which gets of it what its rule says.
create function duckdive.give_way(p_run duckdive.runs, p_holder uuid, p_key uuid, p_item json, p_at bigint) returns void
language plpgsql volatile as $$
begin
  perform duckdive.meet(
    p_key, p_holder, (p_item::jsonb || jsonb_build_object('due_at', p_run.run_at))::json, p_item ->> 'input', p_at
  );
  perform duckdive.append_event(
    p_run.id, 'cancelled', json_build_object('reason', 'duplicate', 'of', p_holder), p_run.attempt, p_run.seq, null, p_at
  );
  perform duckdive.end_run(p_run.id, 'cancelled', 'duplicate', null, null, null, 0, 0, null, null, p_at);
end $$;

-- Settles executions of runs with unique keys, or that are followed by others. A transaction of the application may have
-- locked a run's row, to change it, and may stay open for long: such a run is passed by and answered 'busy', and its
-- settlement comes again by itself. A settlement never waits for an application.
create function duckdive.settle_with(p_items json, p_done uuid[], p_now bigint) returns text[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  runs constant uuid[] := array(select (item ->> 'run')::uuid from json_array_elements(p_items) as item);
  locked uuid[];
  busy uuid[];
  places integer[];
  answers text[] := array_fill(null::text, array[json_array_length(p_items)]);
  given text[];
begin
  -- What follows may have a key that an application's transaction has: for that it waits a moment only, and comes again.
  perform set_config('lock_timeout', '100ms', true);
  locked := array(select live.id from duckdive.runs as live where live.id = any(runs) order by live.id for update skip locked);
  busy := array(select live.id from duckdive.runs as live where live.id = any(runs) and live.id <> all(locked));
  places := array(select place from unnest(runs) with ordinality as each (run, place) where run <> all(busy) order by place);
  given := duckdive.settle(
    (select coalesce(json_agg(p_items -> (place - 1) order by place), '[]') from unnest(places) as place), p_done, p_now
  );
  for i in 1 .. cardinality(places) loop
    answers[places[i]] := given[i];
    if given[i] is not null then perform duckdive.follow(p_items -> (places[i] - 1) -> 'follow', p_now); end if;
  end loop;
  for i in 1 .. cardinality(runs) loop
    if runs[i] = any(busy) then answers[i] := 'busy'; end if;
  end loop;
  return answers;
end $$;

-- Records the runs that follow a settlement, in its transaction. Nobody is there to be refused.
create function duckdive.follow(p_runs json, p_now bigint) returns void
language plpgsql volatile as $$
begin
  if p_runs is null then return; end if;
  perform duckdive.record_unique(
    (p_runs ->> 'ids')::uuid[], (p_runs ->> 'inputs')::text[], (p_runs ->> 'numbers')::integer[], p_runs -> 'shapes',
    (p_runs ->> 'known')::uuid[], (p_runs ->> 'isLong')::boolean, p_now, null, null, (p_runs ->> 'keys')::uuid[], false
  );
end $$;

-- Records runs; answers those ids that were there already, live or finished, and those whose unique key somebody has.
--
-- Most runs of a batch are alike but for their id, input and unique key, so what they share comes once, as a shape, and each
-- run names its shape by number. p_known are those whose id may have been sent before: only they are looked for among what
-- has ended. p_is_long says that some input is too long to stand in its run. p_keys are hashes of unique keys.
--
-- The lane is looked up and not made: making one takes a lock. Whoever calls makes it before, over a connection of his
-- own; where it is not seen all the same, the run is recorded as scheduled for now, and the next promotion makes the lane.
--
-- A run with gates, or one of those that are shared out fairly, has a lane of its own kind. One of a job that was rerouted
-- goes to that queue.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
drop function duckdive.insert_runs(uuid[], text[], integer[], json, uuid[], boolean, bigint, text, text);

create function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[] default null
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  at constant bigint := duckdive.moment(p_now);
  added uuid[];
  finished uuid[] := '{}';
begin
  if p_nonce <> (select nonce from duckdive.meta) then return query select null::uuid; return; end if;
  with shape as materialized (
    select one.*, home.queue as home, lane.id as lane, coalesce((one."unique" ->> 'while')::smallint, 0::smallint) as unique_while, kind.gate_keys, kind.gate_limits, own.run_at, own.state, duckdive.due_of(
        own.state, own.run_at, at + one.start_within, null, at + one.finish_within, at
      ) as due
    from rows from (
      json_to_recordset(p_shapes) as (
        job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
        start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release,
      gates, fair, "unique", number
    )
    cross join lateral (
      -- Kept from being worked out once for each place where it is named.
      select duckdive.keys_of(one.gates) as gate_keys, duckdive.limits_of(one.gates) as gate_limits offset 0
    ) as kind
    cross join lateral (
      select coalesce((select reroute.queue from duckdive.reroute where reroute.job = one.job), one.queue) as queue
    ) as home
    left join duckdive.lane
      on lane.queue = home.queue and lane.priority = one.priority and lane.route = '' and not lane.front
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
      gate_limits, fair, seq, unique_key, unique_idle, unique_while
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, home, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release,
      case when gate_keys is not null then gates end, gate_keys, gate_limits, fair, asked.seq,
      case when unique_while & duckdive.state_bit(shape.state) <> 0 then asked.key end,
      case when unique_while & duckdive.state_bit(shape.state) = 0 then asked.key end,
      case when asked.key is not null then unique_while end
    from (
      -- Numbered as they were asked for, and recorded in the order of their keys: so two that record the same wait for each
      -- other at the first of them and not crosswise.
      select *, nextval('duckdive.seq') as seq
      from unnest(p_ids, p_inputs, p_numbers, p_keys) with ordinality as each (id, input, number, key, place)
    ) as asked
    join shape on shape.number = asked.number
    order by asked.key, asked.seq
    on conflict do nothing
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

-- Ends the waiting of runs that were recorded without their definition: ready, scheduled, or failed. One whose unique key
-- somebody has is cancelled, having changed that one as its rule says. One whose key an application's transaction has just
-- recorded, which is still open, goes on waiting: it is prepared another time.
create or replace function duckdive.prepare_runs(p_items json, p_now bigint) returns setof uuid
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  run duckdive.runs;
  holder uuid;
  patience constant text := current_setting('lock_timeout');
begin
  for item in
    select * from json_to_recordset(p_items) as item (
      id uuid, invalid json, keep bigint, job text, version integer, queue text, priority smallint, input text,
      start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json, unique_key uuid
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
    if item.unique_key is not null then
      begin
        perform set_config('lock_timeout', '100ms', true);
        holder := duckdive.take_key(run, item.unique_key, item."unique", at);
        if holder is not null then perform duckdive.give_way(run, holder, item.unique_key, row_to_json(item), at); end if;
        perform set_config('lock_timeout', patience, true);
      exception when lock_not_available then
        continue;
      end;
      if holder is not null then
        return next run.id;
        continue;
      end if;
    end if;
    perform duckdive.append_event(run.id, 'prepared', null, run.attempt, run.seq, null, at);
    if duckdive.is_long(item.input) then
      insert into duckdive.body (run, input) values (run.id, item.input)
      on conflict (run) do update set input = excluded.input;
    end if;
    update duckdive.runs set
      job = item.job, version = item.version,
      queue = coalesce((select reroute.queue from duckdive.reroute where reroute.job = item.job), item.queue), priority = item.priority,
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
    tags, meta, release, gates, fair,
    unique_key, unique_while
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release,
    live.gates, live.fair,
    coalesce(live.unique_key, live.unique_idle), live.unique_while
  );
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now, unless another run holds their key.
-- Answers for each whether it did.
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
    select * into run from duckdive.history where id = item.id and state in ('failed', 'cancelled') for update;
    continue when not found;
    if run.unique_key is not null then
      continue when duckdive.key_holder(run.unique_key, at) is distinct from run.id
        and duckdive.key_holder(run.unique_key, at) is not null;
      perform duckdive.free_key(run.unique_key);
    end if;
    insert into duckdive.runs (
      id, lane, state, job, version, queue, priority, requested_at, run_at, start_within, finish_within,
      start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair,
      unique_key, unique_idle, unique_while
    ) values (
      run.id, duckdive.lane_for(run.queue, run.priority, '', false, run.gates is not null, run.fair is not null), 'ready', run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release,
      run.gates, duckdive.keys_of(run.gates), duckdive.limits_of(run.gates), run.fair,
      case when run.unique_while & duckdive.state_bit('ready') <> 0 then run.unique_key end,
      case when run.unique_while & duckdive.state_bit('ready') = 0 then run.unique_key end, run.unique_while
    ) on conflict do nothing;
    -- Somebody else got the key in between.
    continue when not found;
    delete from duckdive.history where id = item.id;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Makes ready, or scheduled if it was given a later time, whatever waits for this reason on this name, the longest due
-- first. What waited for a worker keeps that as its route, so that an older worker does not take it once more. The caller
-- excludes whoever parks. What an application's transaction has locked is left to unpark_left.
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
      where state = 'waiting' and wait_reason = p_reason and wait_on = p_on order by run_at, id for update skip locked
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
    state = case when run.run_at > p_now then 'scheduled' else 'ready' end,
    lane = case when run.run_at <= p_now then kinds.lane end, route = kinds.route, xid = pg_current_xact_id(), seq = waiting.seq,
    wait_reason = null, wait_on = null, due = duckdive.due_of(
      case when run.run_at > p_now then 'scheduled' else 'ready' end, run.run_at, run.start_by, run.started_at,
      run.finish_by, p_now
    )
  from waiting, kinds
  where run.id = waiting.id and kinds.queue = run.queue and kinds.priority = run.priority
    and kinds.gated = (run.gate_keys is not null) and kinds.fair = (run.fair is not null)
    and kinds.route = case when p_reason = 'worker' then p_on else run.route end;
  get diagnostics unparked = row_count;
  return unparked;
end $$;

-- Locks the rows of runs for somebody who holds lanes. A transaction of the application that changes one of them may have it
-- for long, and every claim would wait behind whoever waits for that: so he gives up soon, and comes again.
create function duckdive.lock_rows(p_ids uuid[]) returns void
language plpgsql volatile as $$
declare
  before constant text := current_setting('lock_timeout');
begin
  perform set_config('lock_timeout', '100ms', true);
  perform from duckdive.runs where id = any(p_ids) order by id for update;
  perform set_config('lock_timeout', before, true);
end $$;

-- Ends runs that are not running, asks for the end of those that are. Answers for each: 'ended', 'asked', or null.
create or replace function duckdive.cancel(p_ids uuid[], p_reason text, p_now bigint) returns text[]
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
  perform duckdive.lock_rows(p_ids);
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

-- Removes runs that are not running. Answers for each: 'live', 'ended', or null.
create or replace function duckdive.remove(p_ids uuid[]) returns text[]
language plpgsql volatile as $$
declare
  lanes integer[];
  answers text[] := array_fill(null::text, array[cardinality(p_ids)]);
  running uuid[];
  item record;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
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

-- Removes runs that still are what somebody has read. Answers which. First the lanes, then the rows, are held, so that
-- what is compared here is what is removed.
create or replace function duckdive.release(p_ids uuid[], p_tokens bigint[], p_states text[]) returns uuid[]
language plpgsql volatile as $$
declare
  same uuid[];
begin
  perform duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  perform from duckdive.history where id = any(p_ids) order by id for update;
  same := array(
    select own.id from duckdive.stored(p_ids) as own
    join unnest(p_ids, p_tokens, p_states) as asked (id, token, state) on asked.id = own.id
    where own.token = asked.token and own.state = asked.state
  );
  return array(
    select gone.id from unnest(same, duckdive.remove(same)) as gone (id, answer) where gone.answer is not null
  );
end $$;

-- Gives back what a worker holds under claims that it knows nothing of. Nobody has executed anything of it. What an
-- application's transaction has locked stays where it is until the worker asks again.
create or replace function duckdive.give_back(p_worker text, p_claims uuid[], p_now bigint) returns integer
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  claim duckdive.claims;
  one duckdive.runs;
  given integer := 0;
begin
  for claim in
    select * from duckdive.claims as own
    where own.id = any(p_claims) and own.worker = p_worker order by own.id for update skip locked
  loop
    for one in
      select live.* from duckdive.runs as live
      where live.id = any(claim.runs) and live.seq = any(claim.seqs) order by live.id for update skip locked
    loop
      perform duckdive.append_event(
        one.id, 'handedBack', json_build_object('cause', 'its claim was never answered'), one.attempt + 1, one.seq,
        p_worker, at
      );
      perform duckdive.rest_run(one.id, 'ready', one.run_at, one.route, null, null, null, 0, 0, null, true, at);
      given := given + 1;
    end loop;
    if not exists (
      select from duckdive.runs as live where live.id = any(claim.runs) and live.seq = any(claim.seqs)
    ) then
      delete from duckdive.claims as own where own.id = claim.id;
    end if;
  end loop;
  return given;
end $$;

-- Which of these executions are somebody else's by now: their run is live under another seq.
create function duckdive.superseded(p_runs uuid[], p_tokens bigint[]) returns uuid[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  return array(
    select live.id from duckdive.runs as live join unnest(p_runs, p_tokens) as held (run, token) on held.run = live.id
    where live.id = any(p_runs) and live.seq <> held.token
  );
end $$;

-- Makes ready what should be ready long since: what was passed by when it was to be, because an application's transaction
-- had its row. Answers whether there was anything.
create function duckdive.unpark_left(p_now bigint) returns boolean
language plpgsql volatile as $$
declare
  left_behind record;
  unparked integer := 0;
begin
  if not exists (select from duckdive.left_behind()) then return false; end if;
  perform pg_advisory_xact_lock('duckdive.runs'::regclass::oid::integer, 0);
  for left_behind in select * from duckdive.left_behind() loop
    unparked := unparked + duckdive.unpark(left_behind.reason, left_behind.name, duckdive.moment(p_now));
  end loop;
  return unparked > 0;
end $$;

-- What runs wait for although it is there. Index: runs_waiting.
create function duckdive.left_behind() returns table (reason text, name text)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return query
  select kind.wait_reason, kind.wait_on from (
    select distinct run.wait_reason, run.wait_on from duckdive.runs as run
    where run.state = 'waiting' and run.wait_reason in ('worker', 'paused')
  ) as kind
  where case when kind.wait_reason = 'worker' then duckdive.is_able(kind.wait_on)
    else not exists (select from duckdive.pause where pause.kind = 'job' and pause.name = kind.wait_on) end;
end $$;

-- What a claim holds, without what was cancelled or replaced since.
drop function duckdive.claimed(uuid);
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean, gate_keys bigint[], rate_keys bigint[], is_unique boolean
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
    ) end,
    run.unique_while is not null
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;

drop function duckdive.record_ticks(
  text, bigint, bigint, boolean, json, integer, uuid[], text[], integer[], json, boolean, text, bigint
);

-- Records ticks with their runs and moves the schedule on, if it still stands where the worker has read it: answers null
-- when it does not, and otherwise whether the runs were left out, since one that it made before has not ended.
create function duckdive.record_ticks(
  p_schedule text, p_expected bigint, p_next bigint, p_unless_running boolean, p_ticks json, p_kept integer,
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_is_long boolean, p_notice text, p_now bigint, p_keys uuid[] default null
) returns boolean
language plpgsql volatile as $$
declare
  moment constant bigint := duckdive.moment(p_now);
  known duckdive.schedule;
  skipped boolean;
  total bigint;
  means jsonb := '{}';
begin
  select * into known from duckdive.schedule where name = p_schedule for update;
  if not found then return null; end if;
  if p_expected is not null and (
    known.next_at is distinct from p_expected or known.paused_at is not null or known.retired_at is not null
  ) then return null; end if;
  -- A trigger whose answer was lost is sent again: what it recorded is there.
  if p_expected is null and exists (
    select from duckdive.tick where tick.schedule = p_schedule and tick.run = any(p_ids)
  ) then return false; end if;
  skipped := p_unless_running and cardinality(p_ids) > 0 and exists (
    select from duckdive.tick join duckdive.runs as run on run.id = tick.run where tick.schedule = p_schedule
  );
  if not skipped and cardinality(p_ids) > 0 then
    if p_keys is null then
      perform duckdive.insert_runs(p_ids, p_inputs, p_numbers, p_shapes, p_ids, p_is_long, p_now, p_notice, null);
    else
      -- Where a unique key is held, it is the run that holds it.
      select coalesce(jsonb_object_agg(met.id, met.run), '{}') into means from duckdive.record_unique(
        p_ids, p_inputs, p_numbers, p_shapes, p_ids, p_is_long, p_now, p_notice, null, p_keys, false
      ) as met;
    end if;
  end if;
  insert into duckdive.tick (schedule, number, at, until, count, outcome, run, note, recorded_at)
  select p_schedule, known.ticks + one.place, one.at, one.until, coalesce(one.count, 1),
    case when skipped and one.run is not null then 'skipped' else one.outcome end,
    case when not skipped then coalesce((means ->> one.run::text)::uuid, one.run) end, one.note, moment
  from rows from (
    json_to_recordset(p_ticks) as (at bigint, until bigint, count integer, outcome text, run uuid, note text)
  ) with ordinality as one (at, until, count, outcome, run, note, place);
  total := known.ticks + json_array_length(p_ticks);
  delete from duckdive.tick where schedule = p_schedule and number <= total - p_kept;
  update duckdive.schedule set ticks = total, next_at = case when p_expected is null then known.next_at else p_next end
  where name = p_schedule;
  return skipped;
end $$;

-- Ends an execution, having written what it said, and records what follows it. Answers the state its run is in by that,
-- 'refused', or 'elsewhere'.
create or replace function duckdive.settle_in(
  p_item json, p_notes json, p_run uuid, p_token bigint, p_claim uuid, p_now bigint, p_notice text, p_nonce text
) returns text
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  answer text;
begin
  if p_nonce <> (select nonce from duckdive.meta) then return 'elsewhere'; end if;
  if json_array_length(p_notes) > 0 then perform duckdive.write_notes(p_notes, at); end if;
  if not duckdive.hold_run(p_run, p_token, p_claim) then return 'refused'; end if;
  answer := duckdive.settle_one(p_item, at);
  if answer is not null then perform duckdive.follow(p_item -> 'follow', p_now); end if;
  if answer is not null and p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  return coalesce(answer, 'refused');
end $$;

-- Removes windows that are over, but for those that an application's transaction is taking anew. Index: unique_window_until.
create function duckdive.prune_windows(p_now bigint) returns void
language sql volatile as $$
  delete from duckdive.unique_window where key = any(array(
    select key from duckdive.unique_window where until <= duckdive.now_or(p_now) order by until limit 10000 for update skip locked
  ))
$$;
