-- Durable work: what handlers recorded, the runs they started, what they wait for, and signals.
--
-- What a run settles of another run (a child the call of its parent) needs that run's row, and an application's transaction
-- may have it for long. So nobody waits for it: who finds it locked leaves an errand behind, in the same transaction, and
-- errands are done directly behind that and again by every promotion. Whoever ends the children of a run holds lanes, which
-- come before rows: that is an errand always. No row is waited for while another one is held, so nothing can go in a circle.

alter table duckdive.runs
  -- What it has to do with durable work: 1 it has recorded something, 2 it has children, 4 it has a parent, 8 it goes on when
  -- that ends. Most have nothing to do with it, and are claimed and ended without looking any further.
  add column durable smallint not null default 0,
  add column parent uuid,
  add column parent_entry text,    -- the call of it that this run was started by
  add column awaits text,          -- the names that it waits for; not in wait_on, since a list may be too long for an index
  add column wake_at bigint;       -- when the first of those is due; null: only an event wakes it

alter table duckdive.history
  add column durable smallint not null default 0,
  add column parent uuid,
  add column parent_entry text;

-- The children that have not ended.
create index runs_child on duckdive.runs (parent, parent_entry) where parent is not null;
create index history_parent on duckdive.history (parent) where parent is not null;

alter table duckdive.entry
  add column number bigint,        -- the order in which waits for one signal were made
  add column written_at bigint;    -- when it settled, or was last written before that
create index entry_position on duckdive.entry (run, position) where position is not null;
create index entry_signal on duckdive.entry (run, hash, number) where state = 'pending' and kind = 'signal';

-- The children of a call, for as long as that is remembered.
create table duckdive.child (
  parent uuid not null,
  entry text not null,
  run uuid not null,
  primary key (parent, entry, run)
);

-- Signals in the order in which they came.
create table duckdive.signal (
  number bigint primary key default nextval('duckdive.seq'),
  id text not null unique,         -- given by the sender: delivered once
  run uuid,                        -- the run that it is for; null: the next one that gets the key
  key uuid,                        -- a hash of the unique key that it was sent to
  name text not null,
  payload text,
  received_at bigint not null,
  taken boolean not null default false
);

create index signal_waiting on duckdive.signal (run, name, number) where not taken;
create index signal_run on duckdive.signal (run) where run is not null;
create index signal_key on duckdive.signal (key) where run is null;
create index signal_received on duckdive.signal (received_at);

-- What is to be done behind a commit.
create table duckdive.errand (
  number bigint primary key default nextval('duckdive.number'),
  kind text not null check (kind in ('tell', 'end', 'deliver', 'bind')),
  subject uuid not null,           -- tell: a child that has ended; end: a parent that has; deliver: a run; bind: a key
  parent uuid,
  entry text,
  at bigint not null               -- tell: when it ended; 0: it was removed
);

create index errand_subject on duckdive.errand (subject);
alter table duckdive.errand set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);

-- The names that a suspended run waits for.
create function duckdive.awaited(p_on text) returns text[]
language sql immutable as $$
  select case when p_on is null then '{}' when left(p_on, 1) <> '[' then array[p_on]
    else array(select json_array_elements_text(p_on::json)) end
$$;

-- The last position that was given in a run. Index: entry_position.
create function duckdive.last_position(p_run uuid) returns integer
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
begin
  return coalesce((
    select own.position from duckdive.entry as own
    where own.run = p_run and own.position is not null order by own.run, own.position desc limit 1
  ), 0);
end $$;

-- Makes a run ready that waits for its entries and whose row is locked. In a transaction of the application no lane is made:
-- where there is none, the next promotion makes it.
create function duckdive.wake_run(p_run duckdive.runs, p_makes_lane boolean, p_at bigint) returns void
language plpgsql volatile as $$
declare
  home integer;
begin
  if p_makes_lane then
    home := duckdive.lane_for(
      p_run.queue, p_run.priority, p_run.route, true, p_run.gate_keys is not null, p_run.fair is not null
    );
  else
    select lane.id into home from duckdive.lane
    where lane.queue = p_run.queue and lane.priority = p_run.priority and lane.route = p_run.route
      and lane.gated = (p_run.gate_keys is not null) and lane.fair = (p_run.fair is not null)
    order by lane.front desc limit 1;
  end if;
  update duckdive.runs as run set
    state = case when home is null then 'scheduled' else 'ready' end, lane = home, run_at = p_at,
    xid = pg_current_xact_id(), seq = nextval('duckdive.seq'), wait_reason = null, awaits = null, wake_at = null,
    due = duckdive.due_of(
      case when home is null then 'scheduled' else 'ready' end, p_at, run.start_by, run.started_at, run.finish_by, p_at
    )
  where run.id = p_run.id;
end $$;

-- Settles a call that is pending, and wakes its run, whose row is locked, if that waits for it. Answers whether it did.
create function duckdive.settle_entry(
  p_run uuid, p_name text, p_state text, p_value text, p_error json, p_makes_lane boolean, p_at bigint
) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  run duckdive.runs;
begin
  update duckdive.entry as own set
    state = p_state, position = duckdive.last_position(p_run) + 1, value = p_value, error = p_error,
    written_at = p_at
  where own.run = p_run and own.name = p_name and own.state = 'pending';
  if not found then return false; end if;
  select * into run from duckdive.runs as live
  where live.id = p_run and live.state = 'waiting' and live.wait_reason = 'entries';
  if not found or p_name <> all(duckdive.awaited(run.awaits)) then return false; end if;
  perform duckdive.wake_run(run, p_makes_lane, p_at);
  return true;
end $$;

-- What a call keeps of the child that it was made for, which ended at that time or later. `is_live`: it has been made ready
-- again since.
create function duckdive.end_of(
  p_run uuid, p_from bigint, out is_live boolean, out state text, out value text, out error json
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  past record;
begin
  is_live := exists (select from duckdive.runs as live where live.id = p_run);
  if is_live then return; end if;
  select own.state, own.reason,
    case when own.body & 2 = 2 then (select body.output from duckdive.body where body.run = p_run) else own.output::text end as output,
    duckdive.error_of(own.id, own.body, own.error) as error
  into past from duckdive.history as own where own.id = p_run and own.finished_at >= p_from limit 1;
  if not found then
    past.state := 'cancelled';
    past.reason := 'it was removed';
  end if;
  state := case when past.state = 'succeeded' then 'done' else 'failed' end;
  if past.state = 'succeeded' then
    value := past.output;
  elsif past.state = 'failed' then
    error := coalesce(past.error, json_build_object('name', 'Error', 'message', coalesce(past.reason, 'it failed')));
  else
    error := json_build_object(
      'name', 'RunCancelledError', 'code', 'RUN_CANCELLED', 'message', coalesce(past.reason, '')
    );
  end if;
end $$;

create function duckdive.has_live_child(p_parent uuid, p_entry text) returns boolean
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  one uuid;
begin
  -- Backwards: those that were recorded last are most likely to be there.
  select live.id into one from duckdive.runs as live
  where live.parent = p_parent and live.parent_entry = p_entry order by live.parent desc, live.parent_entry desc limit 1;
  return found;
end $$;

-- Tells parents of children that have ended at those times: settles the call of a single child, and that of many behind the
-- last. Answers those children whose parent somebody else has locked, and whether one was woken.
create function duckdive.tell_parents(
  p_children uuid[], p_parents uuid[], p_entries text[], p_times bigint[], p_at bigint, out missed uuid[], out woken boolean
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  locked constant uuid[] := array(
    select live.id from duckdive.runs as live where live.id = any(p_parents) order by live.id for update skip locked
  );
  told record;
  ended record;
begin
  woken := false;
  for told in
    select own.run, own.name, own.kind, (array_agg(each.child order by each.place))[1] as child,
      (array_agg(each.time order by each.place))[1] as time
    from unnest(p_children, p_parents, p_entries, p_times) with ordinality as each (child, parent, entry, time, place)
    join duckdive.entry as own on own.run = each.parent and own.name = each.entry
    where each.parent = any(locked) and own.state = 'pending'
    group by own.run, own.name, own.kind order by min(each.place)
  loop
    if told.kind = 'child' then
      ended := duckdive.end_of(told.child, told.time);
      continue when ended.is_live;
      woken := duckdive.settle_entry(told.run, told.name, ended.state, ended.value, ended.error, true, p_at) or woken;
    elsif not duckdive.has_live_child(told.run, told.name) then
      woken := duckdive.settle_entry(told.run, told.name, 'done', null, null, true, p_at) or woken;
    end if;
  end loop;
  missed := array(
    select each.child from unnest(p_children, p_parents) as each (child, parent)
    where each.parent <> all(locked) and exists (select from duckdive.runs as live where live.id = each.parent)
  );
end $$;

-- Leaves it behind that the children of a run which has ended, or is gone, are to end, if there are any. Answers whether.
create function duckdive.leave_children(p_run uuid, p_at bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  if not exists (select from duckdive.runs as live where live.parent = p_run and live.durable & 8 = 0) then return false; end if;
  insert into duckdive.errand (kind, subject, at) values ('end', p_run, p_at);
  return true;
end $$;

-- Leaves behind what has to be done when a run has ended, or is gone: its parent is to be told, its children are to end.
create function duckdive.leave_word(p_run duckdive.runs, p_at bigint) returns void
language plpgsql volatile as $$
begin
  if p_run.durable & 4 <> 0 and exists (select from duckdive.runs as live where live.id = p_run.parent) then
    insert into duckdive.errand (kind, subject, parent, entry, at)
    values ('tell', p_run.id, p_run.parent, p_run.parent_entry, p_at);
  end if;
  if p_run.durable & 2 <> 0 then perform duckdive.leave_children(p_run.id, p_at); end if;
end $$;

-- Takes along the children of runs that have ended, unless they are to be left: ends those that rest, asks for the end of
-- those that run. p_subjects are those runs; null: any. Their own children are an errand again.
create function duckdive.end_children(
  p_subjects uuid[], p_limit integer, p_at bigint, out ended uuid[], out asked boolean, out keys bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  reason constant text := 'its parent has ended';
  numbers bigint[];
  parents uuid[];
  lanes integer[];
  children uuid[];
  held_runs uuid[];
  held_workers text[];
  place integer;
  run duckdive.runs;
begin
  ended := '{}';
  asked := false;
  keys := '{}';
  if p_subjects is null then
    select array_agg(one.number), array_agg(one.subject) into numbers, parents from (
      select number, subject from duckdive.errand where kind = 'end' order by number limit p_limit for update skip locked
    ) as one;
  else
    select array_agg(one.number), array_agg(one.subject) into numbers, parents from (
      select number, subject from duckdive.errand
      where subject = any(p_subjects) and kind = 'end' order by number for update skip locked
    ) as one;
  end if;
  if numbers is null then return; end if;
  children := array(
    select live.id from duckdive.runs as live where live.parent = any(parents) and live.durable & 8 = 0 limit 1000
  );
  lanes := duckdive.lock_lanes_of(children);
  children := array(
    select live.id from duckdive.runs as live where live.id = any(children) order by live.id for update skip locked
  );
  select array_agg(held.id), array_agg(held.worker) into held_runs, held_workers
  from duckdive.held where held.id = any(children);
  for run in
    select * from duckdive.runs as live
    where live.id = any(children) and live.cancel_asked is null and (live.lane is null or live.lane = any(lanes))
    order by live.id
  loop
    place := array_position(held_runs, run.id);
    if place is not null then
      perform duckdive.append_event(
        run.id, 'cancelAsked', json_build_object('reason', reason), run.attempt + 1, run.seq, held_workers[place], p_at
      );
      update duckdive.runs set cancel_asked = reason where id = run.id;
      asked := true;
      continue;
    end if;
    perform duckdive.append_event(
      run.id, 'cancelled', json_build_object('reason', reason), run.attempt, run.seq, null, p_at
    );
    perform duckdive.end_run(run.id, 'cancelled', reason, null, null, null, 0, 0, null, null, p_at, false);
    if run.durable & 2 <> 0 then perform duckdive.leave_children(run.id, p_at); end if;
    ended := ended || run.id;
    keys := keys || coalesce(run.gate_keys, '{}');
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  delete from duckdive.errand as done where done.number = any(numbers) and not exists (
    select from duckdive.runs as live
    where live.parent = done.subject and live.durable & 8 = 0 and live.cancel_asked is null
  );
end $$;

-- Gives the waits of these runs, whose rows are locked, the signals that came for them. Answers whether one was woken.
create function duckdive.deliver(p_runs uuid[], p_makes_lane boolean, p_at bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  came record;
  waits text;
  woken boolean := false;
begin
  for came in
    select signal.number, signal.run, signal.name, signal.payload from duckdive.signal
    where signal.run = any(p_runs) and not signal.taken order by signal.number
  loop
    select own.name into waits from duckdive.entry as own
    where own.run = came.run and own.hash = came.name and own.state = 'pending' and own.kind = 'signal'
    order by own.number limit 1;
    continue when not found;
    update duckdive.signal set taken = true where number = came.number;
    woken := duckdive.settle_entry(came.run, waits, 'done', came.payload, null, p_makes_lane, p_at) or woken;
  end loop;
  return woken;
end $$;

-- Does the errands about these subjects, or of any the first p_limit. What needs a row that somebody has locked stays for
-- another time: `rest` are those of the given subjects, and of the runs that ended by this, that have one. `keys` are gates
-- where places are to be handed over behind this.
--
-- Not synced: a crash undoes the errand and its being done together.
create function duckdive.do_errands(
  p_subjects uuid[], p_limit integer, p_now bigint,
  out done integer, out rest uuid[], out ended uuid[], out asked boolean, out woken boolean, out keys bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at bigint;
  told record;
  errands duckdive.errand[];
  runs uuid[];
  bound uuid[];
  finished bigint[];
begin
  done := 0;
  rest := '{}';
  ended := '{}';
  asked := false;
  woken := false;
  keys := '{}';
  if p_subjects is null then
    if not exists (select from duckdive.errand) then return; end if;
  elsif not exists (select from duckdive.errand where subject = any(p_subjects)) then
    return;
  end if;
  at := duckdive.moment(p_now);
  perform set_config('synchronous_commit', 'off', true);
  -- Lanes come before rows, so this comes first.
  select one.ended, one.asked, one.keys into ended, asked, keys
  from duckdive.end_children(p_subjects, p_limit, at) as one;
  done := cardinality(ended);
  if p_subjects is null then
    errands := array(
      select errand from duckdive.errand
      where errand.kind <> 'end' order by errand.number limit p_limit for update skip locked
    );
  else
    errands := array(
      select errand from duckdive.errand
      where errand.subject = any(p_subjects) and errand.kind <> 'end' order by errand.number for update skip locked
    );
  end if;
  told := duckdive.tell_parents(
    array(select one.subject from unnest(errands) as one where one.kind = 'tell' order by one.number),
    array(select one.parent from unnest(errands) as one where one.kind = 'tell' order by one.number),
    array(select one.entry from unnest(errands) as one where one.kind = 'tell' order by one.number),
    array(select one.at from unnest(errands) as one where one.kind = 'tell' order by one.number), at
  );
  bound := duckdive.bind_signals(array(select one.subject from unnest(errands) as one where one.kind = 'bind'), at);
  runs := bound || array(select one.subject from unnest(errands) as one where one.kind = 'deliver');
  runs := array(
    select live.id from duckdive.runs as live where live.id = any(runs) order by live.id for update skip locked
  );
  woken := duckdive.deliver(runs, true, at) or told.woken;
  -- What was bound to a run that is locked is for another time.
  insert into duckdive.errand (kind, subject, at)
  select 'deliver', one, at from unnest(bound) as one
  where one <> all(runs) and exists (select from duckdive.runs as live where live.id = one);
  finished := array(
    select one.number from unnest(errands) as one
    where case one.kind when 'tell' then one.subject <> all(told.missed)
      when 'deliver' then one.subject = any(runs)
        or not exists (select from duckdive.runs as live where live.id = one.subject)
      else true end
  );
  delete from duckdive.errand where number = any(finished);
  done := done + cardinality(finished);
  if p_subjects is not null then
    rest := array(
      select distinct errand.subject from duckdive.errand where errand.subject = any(p_subjects || ended || bound)
    );
  end if;
end $$;

-- Gives signals that were sent to keys before anybody had them to the runs that have them by now. Answers those.
create function duckdive.bind_signals(p_keys uuid[], p_at bigint) returns uuid[]
language plpgsql volatile as $$
declare
  one uuid;
  holder uuid;
  bound uuid[] := '{}';
begin
  foreach one in array p_keys loop
    holder := duckdive.key_holder(one, p_at);
    continue when holder is null or not exists (select from duckdive.runs as live where live.id = holder);
    perform duckdive.give_signals(array[holder], array[one], array[holder]);
    bound := bound || holder;
  end loop;
  return bound;
end $$;

-- Gives signals that were sent to a key before anybody had it to the run that gets it, if that is one of p_added. What
-- somebody else is giving away at this moment is his.
create function duckdive.give_signals(p_ids uuid[], p_keys uuid[], p_added uuid[]) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  update duckdive.signal set run = given.run
  from (
    select came.number, (
      select each.id from unnest(p_ids, p_keys) as each (id, key) where each.key = came.key and each.id = any(p_added) limit 1
    ) as run
    from duckdive.signal as came where came.run is null and came.key = any(p_keys) for update skip locked
  ) as given
  where signal.number = given.number and given.run is not null;
end $$;

-- Delivers signals. Answers for each whether there is such a run, alive; null for all in another database than the one whose
-- word p_nonce is. `missed` are subjects of errands that were left behind.
--
-- With p_is_inside this is a transaction of the application: it locks the row only of a run that is suspended, and that
-- waits for what came; nobody executes that, so no settlement waits for it. Everything else is done behind its commit.
create function duckdive.signal(
  p_signals json, p_is_inside boolean, p_now bigint, p_notice text, p_nonce text, out answers text, out missed uuid[], out woken boolean
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at bigint;
  asked record;
  target uuid;
  alive boolean[] := '{}';
  targets uuid[] := '{}';
  locked uuid[] := '{}';
begin
  missed := '{}';
  woken := false;
  if p_nonce <> (select nonce from duckdive.meta) then return; end if;
  at := duckdive.moment(p_now);
  for asked in
    select one.* from rows from (
      json_to_recordset(p_signals) as (id text, run uuid, key uuid, name text, payload text)
    ) with ordinality as one (id, run, key, name, payload, place) order by one.place
  loop
    target := coalesce(asked.run, duckdive.key_holder(asked.key, at));
    if not exists (select from duckdive.runs as live where live.id = target) then target := null; end if;
    alive := alive || (target is not null);
    continue when target is null and asked.key is null;
    insert into duckdive.signal (id, run, key, name, payload, received_at)
    values (asked.id, target, asked.key, asked.name, asked.payload, at)
    on conflict (id) do nothing;
    continue when not found;
    if target is null then
      insert into duckdive.errand (kind, subject, at) values ('bind', asked.key, at);
      missed := missed || asked.key;
    else
      targets := targets || target;
    end if;
  end loop;
  if not p_is_inside then
    locked := array(
      select live.id from duckdive.runs as live where live.id = any(targets) order by live.id for update skip locked
    );
  elsif current_setting('transaction_isolation') = 'read committed' then
    locked := array(
      select live.id from duckdive.runs as live
      where live.id = any(targets) and live.state = 'waiting' and live.wait_reason = 'entries' and exists (
        select from duckdive.signal as came
        join duckdive.entry as own on own.run = came.run and own.hash = came.name and own.state = 'pending' and own.kind = 'signal'
        where came.run = live.id and not came.taken
      )
      order by live.id for update skip locked
    );
  end if;
  woken := duckdive.deliver(locked, not p_is_inside, at);
  with left_behind as (
    insert into duckdive.errand (kind, subject, at)
    select 'deliver', one, at from (select distinct unnest(targets) as one) as each where one <> all(locked)
    returning subject
  )
  select missed || coalesce(array_agg(subject), '{}') into missed from left_behind;
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  answers := alive::text;
end $$;

-- Writes calls of an execution whose run is locked. A wait for a signal that has come already is done with that. A call that
-- is new gives the run all its attempts again.
create function duckdive.write_entries(p_run duckdive.runs, p_entries json, p_has_children boolean, p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  place integer := duckdive.last_position(p_run.id) + 1;
  asked record;
  known duckdive.entry;
  came record;
  has_new boolean := false;
  bits smallint := p_run.durable;
begin
  for asked in
    select one.*, coalesce((one.due ->> 'at')::bigint, p_at + (one.due ->> 'after')::bigint) as due_at
    from rows from (json_to_recordset(p_entries) as (
      name text, kind text, hash text, state text, value text, error json, due json, attempts integer
    )) with ordinality as one (name, kind, hash, state, value, error, due, attempts, number) order by one.number
  loop
    select * into known from duckdive.entry as own where own.run = p_run.id and own.name = asked.name;
    if not found then
      has_new := true;
      if asked.kind = 'signal' and asked.state = 'pending' then
        came := duckdive.take_signal(p_run, asked.hash);
        if came.number is not null then
          asked.state := 'done';
          asked.value := came.payload;
        end if;
      end if;
      insert into duckdive.entry (
        run, name, kind, hash, state, position, value, error, due_at, attempts, number, written_at
      ) values (
        p_run.id, asked.name, asked.kind, asked.hash, asked.state, case when asked.state <> 'pending' then place end, asked.value,
        asked.error, asked.due_at, coalesce(asked.attempts, 0),
        case when asked.kind = 'signal' and asked.state = 'pending' then nextval('duckdive.seq') end, p_at
      );
    elsif known.state <> 'pending' then
      -- The results of many children are kept, once.
      if asked.value is not null and known.value is null and known.kind = 'children' and known.state = 'done' then
        update duckdive.entry as own set value = asked.value where own.run = p_run.id and own.name = asked.name;
      end if;
      continue;
    else
      update duckdive.entry as own set
        state = asked.state, position = case when asked.state <> 'pending' then place end, value = asked.value,
        error = asked.error, due_at = coalesce(asked.due_at, own.due_at), attempts = coalesce(asked.attempts, own.attempts), written_at = p_at
      where own.run = p_run.id and own.name = asked.name;
    end if;
    if asked.state <> 'pending' then place := place + 1; end if;
  end loop;
  if has_new then bits := bits | 1; end if;
  if p_has_children then bits := bits | 2; end if;
  if bits <> p_run.durable or (has_new and p_run.attempt <> 0) then
    update duckdive.runs set durable = bits, attempt = case when has_new then 0 else attempt end where id = p_run.id;
  end if;
end $$;

-- Takes the oldest signal of a name that a run has not taken. It may have been sent to the run's key while the run itself was
-- being recorded, when neither could see the other.
create function duckdive.take_signal(p_run duckdive.runs, p_name text, out number bigint, out payload text)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off
as $$
declare
  own_key constant uuid := coalesce(p_run.unique_key, p_run.unique_idle);
begin
  select came.number, came.payload into number, payload from duckdive.signal as came
  where came.run = p_run.id and came.name = p_name and not came.taken order by came.run, came.name, came.number limit 1;
  if not found and own_key is not null then
    perform duckdive.give_signals(array[p_run.id], array[own_key], array[p_run.id]);
    select came.number, came.payload into number, payload from duckdive.signal as came
    where came.run = p_run.id and came.name = p_name and not came.taken order by came.run, came.name, came.number limit 1;
  end if;
  if number is not null then
    update duckdive.signal as came set taken = true where came.number = take_signal.number;
  end if;
end $$;

-- Records what handlers have called under their fence, and the runs that they started by it. Each is answered 'taken', or
-- null when its claim was lost, or 'busy' when somebody has its row at this moment, unless p_waits; behind a taken one comes
-- a row for each call of its run that has settled after the position that was known.
create function duckdive.record(p_items json, p_waits boolean, p_now bigint)
returns table (
  item integer, answer text, name text, kind text, hash text, state text, "position" integer, value text, error json,
  due_at bigint, attempts integer, written_at bigint
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.moment(p_now);
  write record;
  run duckdive.runs;
begin
  -- Nobody is waited for longer than a moment: for the row by whoever settles a child, or with keys of children.
  perform set_config('lock_timeout', '100ms', true);
  for write in
    select one.number::integer as number, own.*
    from json_array_elements(p_items) with ordinality as one (value, number)
    cross join lateral json_to_record(one.value) as own (
      run uuid, token bigint, claim uuid, entries json, children json, after integer
    )
    order by own.run, one.number
  loop
    item := write.number;
    answer := null;
    name := null;
    if exists (select from duckdive.claims as claim where claim.id = write.claim) then
      if p_waits then
        select * into run from duckdive.runs as live where live.id = write.run and live.seq = write.token for update;
      else
        select * into run from duckdive.runs as live
        where live.id = write.run and live.seq = write.token for update skip locked;
      end if;
      if found then
        answer := 'taken';
        perform duckdive.write_entries(run, write.entries, write.children is not null, at);
        if write.children is not null then perform duckdive.start_children(run, write.children, at); end if;
      elsif exists (select from duckdive.runs as live where live.id = write.run and live.seq = write.token) then
        answer := 'busy';
      end if;
    end if;
    return next;
    if answer = 'taken' then
      return query
      select write.number, null::text, own.name, own.kind, own.hash, own.state, own.position, own.value, own.error, own.due_at,
        own.attempts, own.written_at
      from duckdive.entry as own
      where own.run = run.id and own.position is not null and own.position > coalesce(write.after, 0)
      order by own.position;
    end if;
  end loop;
end $$;

-- Records the children of a run that is locked. One that is there already is one of an earlier execution, whose record of
-- the call was given up by a retry: it goes on with that.
create function duckdive.start_children(p_run duckdive.runs, p_children json, p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  ids constant uuid[] := (p_children ->> 'ids')::uuid[];
  inputs constant text[] := (p_children ->> 'inputs')::text[];
  numbers constant integer[] := (p_children ->> 'numbers')::integer[];
  keys constant uuid[] := (p_children ->> 'keys')::uuid[];
  shapes constant json[] := array(select value from json_array_elements(p_children -> 'shapes'));
  -- A child of this run has not ended before that was asked for; a day for a clock that was set.
  since constant bigint := p_run.requested_at - 86400000;
  known constant uuid[] := array(
    select past.id from duckdive.history as past where past.id = any(ids) and past.finished_at >= since
  );
  is_long constant boolean := (p_children ->> 'isLong')::boolean;
  left_out uuid[];
  one record;
begin
  if keys is null then
    left_out := array(
      select duckdive.insert_runs(ids, inputs, numbers, p_children -> 'shapes', known, is_long, p_at, null, null)
    );
  else
    left_out := array(
      select met.id from duckdive.record_unique(
        ids, inputs, numbers, p_children -> 'shapes', known, is_long, p_at, null, null, keys, false
      ) as met
    );
  end if;
  insert into duckdive.child (parent, entry, run)
  select p_run.id, shapes[each.number] -> 'parent' ->> 'entry', each.id
  from unnest(ids, numbers) as each (id, number) where each.id <> all(left_out)
  on conflict do nothing;
  if cardinality(left_out) = 0 then return; end if;
  for one in
    select each.id, shapes[each.number] -> 'parent' ->> 'entry' as name, shapes[each.number] ->> 'job' as job
    from unnest(ids, numbers) with ordinality as each (id, number, place) where each.id = any(left_out) order by each.place
  loop
    perform duckdive.go_on(p_run.id, one.id, one.name, one.job, since, p_at);
  end loop;
  -- Of many that were all there, or could not be, nobody may be left to end.
  for one in
    select own.name from duckdive.entry as own
    where own.run = p_run.id and own.kind = 'children' and own.state = 'pending' and own.name = any(array(
      select shapes[each.number] -> 'parent' ->> 'entry'
      from unnest(ids, numbers) as each (id, number) where each.id = any(left_out)
    ))
  loop
    if not duckdive.has_live_child(p_run.id, one.name) then
      perform duckdive.settle_entry(p_run.id, one.name, 'done', null, null, true, p_at);
    end if;
  end loop;
end $$;

-- A child that was not recorded: it is there from before, and goes on if it did not succeed; or its key, or its id, is
-- another run's.
create function duckdive.go_on(p_run uuid, p_child uuid, p_name text, p_job text, p_since bigint, p_at bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  past record;
  ended record;
  is_alone constant boolean := exists (
    select from duckdive.entry as own
    where own.run = p_run and own.name = p_name and own.kind = 'child' and own.state = 'pending'
  );
begin
  if exists (
    select from duckdive.runs as live where live.id = p_child and live.parent = p_run and live.parent_entry = p_name
  ) then return; end if;
  select own.state into past from duckdive.history as own
  where own.id = p_child and own.finished_at >= p_since and own.parent = p_run and own.parent_entry = p_name limit 1;
  if found and past.state in ('failed', 'cancelled') then
    if (duckdive.retry(array[p_child], p_at))[1] then return; end if;
  elsif found then
    if is_alone then
      ended := duckdive.end_of(p_child, p_since);
      perform duckdive.settle_entry(p_run, p_name, ended.state, ended.value, ended.error, true, p_at);
    end if;
    return;
  end if;
  if is_alone then
    perform duckdive.settle_entry(p_run, p_name, 'failed', null, json_build_object(
      'name', 'UniqueConflictError', 'code', 'UNIQUE_CONFLICT', 'message',
      'Another run of "' || p_job || '" has the unique key of this one, or its id, so that it was not recorded.'
    ), true, p_at);
  end if;
end $$;

-- Records calls that have settled in a transaction of the application. Answers as JSON `elsewhere`, `refused`, or what has
-- settled after the position that was known.
create function duckdive.record_inside(
  p_run uuid, p_token bigint, p_claim uuid, p_entries json, p_after integer, p_now bigint, p_nonce text
) returns text
language plpgsql volatile as $$
declare
  run duckdive.runs;
  settled text;
begin
  if p_nonce <> (select nonce from duckdive.meta) then return '"elsewhere"'; end if;
  if not duckdive.hold_run(p_run, p_token, p_claim) then return '"refused"'; end if;
  -- Whatever else is in this transaction was done for a call that is done: it must not be done twice.
  select own.name into settled from duckdive.entry as own
  where own.run = p_run and own.state <> 'pending'
    and own.name in (select asked.name from json_to_recordset(p_entries) as asked (name text))
  limit 1;
  if found then
    raise exception 'call "%" of run % has settled already, so this transaction must not commit', settled, p_run
      using errcode = '23505';
  end if;
  select * into run from duckdive.runs where id = p_run;
  perform duckdive.write_entries(run, p_entries, false, duckdive.now_or(p_now));
  return (
    select coalesce(json_agg(json_build_array(
      own.name, own.kind, own.hash, own.state, own.position, own.value, own.error::text, own.due_at, own.attempts, own.written_at
    ) order by own.position), '[]')::text
    from duckdive.entry as own where own.run = p_run and own.position is not null and own.position > p_after
  );
end $$;

-- Removes of a run that is made ready again what failed, so that it is done again: calls, and those whose children did not
-- all succeed.
create function duckdive.reopen_entries(p_run duckdive.history) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from duckdive.entry as own
  where own.run = p_run.id and (
    (own.state = 'failed' and own.kind in ('step', 'poll', 'child', 'children'))
    or (own.kind = 'children' and own.state = 'done' and exists (
      select from duckdive.child join duckdive.history as past on past.id = child.run
      where child.parent = p_run.id and child.entry = own.name and past.state in ('failed', 'cancelled')
        and past.finished_at >= p_run.requested_at - 86400000
    ))
  );
end $$;

-- Forgets what a run that has ended recorded from a call on, in the order of settling, and the runs that it started by that.
create function duckdive.forget_entries(p_run uuid, p_name text, p_now bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  names text[];
  children uuid[];
begin
  perform from duckdive.history as past where past.id = p_run for update;
  if not found or exists (select from duckdive.runs as live where live.id = p_run) then return false; end if;
  if not exists (select from duckdive.entry as own where own.run = p_run and own.name = p_name) then return false; end if;
  names := array(
    select own.name from duckdive.entry as own
    where own.run = p_run and (own.state = 'pending' or own.position >= (
      select first.position from duckdive.entry as first where first.run = p_run and first.name = p_name
    ))
  );
  children := array(
    select own.run from duckdive.child as own
    where own.parent = p_run and own.entry = any(names)
      and not exists (select from duckdive.runs as live where live.id = own.run)
  );
  delete from duckdive.history as past where past.id = any(children);
  perform duckdive.forget(children);
  delete from duckdive.child as own where own.parent = p_run and own.entry = any(names) and own.run = any(children);
  delete from duckdive.entry as own where own.run = p_run and own.name = any(names);
  return true;
end $$;

-- Forgets signals that are older than 30 days, at most p_limit. Index: signal_received.
create function duckdive.prune_signals(p_limit integer, p_now bigint) returns void
language sql volatile as $$
  delete from duckdive.signal where number = any(array(
    select number from duckdive.signal
    where received_at < duckdive.now_or(p_now) - 2592000000 order by received_at limit p_limit for update skip locked
  ))
$$;

-- Removes what belongs to runs that are gone.
create or replace function duckdive.forget(p_ids uuid[]) returns void
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
  delete from duckdive.child where parent = any(p_ids);
  delete from duckdive.signal where run = any(p_ids);
end $$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error. What
-- has to be told of its end is left behind as errands, unless the caller tells it himself.
drop function duckdive.end_run(uuid, text, text, text, text, bigint, integer, integer, bigint, text, bigint);

create function duckdive.end_run(
  p_id uuid, p_state text, p_reason text, p_output text, p_error text, p_keep bigint, p_attempts integer,
  p_crashes integer, p_started_at bigint, p_worker text, p_now bigint, p_tells boolean default true
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
    unique_key, unique_while, durable, parent, parent_entry
  ) values (
    p_id, duckdive.class_of(keep), p_now, p_now + keep, p_state, p_reason, live.seq, p_worker, live.job, live.version,
    live.queue, live.priority, live.attempt + p_attempts, live.crashes + p_crashes, live.requested_at, live.run_at,
    coalesce(p_started_at, live.started_at), live.start_within, live.finish_within, live.start_by, live.finish_by,
    (live.body & 1) | case when duckdive.is_long(p_output) then 2 else 0 end
      | case when duckdive.is_long(p_error) then 4 else 0 end,
    live.input, case when not duckdive.is_long(p_output) then p_output::json end,
    case when not duckdive.is_long(p_error) then p_error::json end, live.tags, live.meta, live.release,
    live.gates, live.fair,
    coalesce(live.unique_key, live.unique_idle), live.unique_while,
    live.durable, live.parent, live.parent_entry
  );
  if p_tells and live.durable & 6 <> 0 then perform duckdive.leave_word(live, p_now); end if;
end $$;

-- Puts a run to rest: ready in a lane, or out of all lanes. Its seq is new, so whoever had it is fenced out. Of its gates it
-- keeps those locks that are for all of its life, if it has begun that. With p_wake_at it is woken then, whatever happens.
drop function duckdive.rest_run(
  uuid, text, bigint, text, text, text, text, integer, integer, bigint, boolean, bigint
);

create function duckdive.rest_run(
  p_id uuid, p_state text, p_run_at bigint, p_route text, p_wait_reason text, p_wait_on text, p_error text,
  p_attempts integer, p_crashes integer, p_started_at bigint, p_front boolean, p_now bigint,
  p_wake_at bigint default null
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
    wait_reason = p_wait_reason,
    wait_on = case when p_wait_reason is distinct from 'entries' then p_wait_on end,
    awaits = case when p_wait_reason = 'entries' then p_wait_on end, wake_at = p_wake_at, attempt = attempt + p_attempts, crashes = crashes + p_crashes,
    started_at = coalesce(p_started_at, started_at), parked_on = null,
    holds = case when coalesce(p_started_at, started_at) is not null then duckdive.kept_of(gates) end,
    due = duckdive.due_of(
      case when p_wake_at is null then p_state else 'scheduled' end, coalesce(p_wake_at, p_run_at), start_by,
      coalesce(p_started_at, started_at), finish_by, p_now
    ),
    body = case when p_error is null then body when duckdive.is_long(p_error) then body | 4 else body & 3 end,
    error = case when p_error is null then error when not duckdive.is_long(p_error) then p_error::json end
  where id = p_id;
end $$;

-- Ends executions in every way. Answers for each the state its run is in by that; null: refused. `unfinished` are runs of
-- which an errand was left behind, `due` is when the first of those that were suspended is to be woken.
--
-- Whoever parks a run shares a lock with all who do, and excludes registrations and the ends of pauses: otherwise each
-- might miss what the other has not committed yet, and the run would sleep for ever.
create function duckdive.settle_all(
  p_items json, p_done uuid[], p_now bigint, out answers text[], out unfinished uuid[], out due bigint
)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item record;
  one record;
  told record;
  children uuid[] := '{}';
  parents uuid[] := '{}';
  entries text[] := '{}';
begin
  answers := array_fill(null::text, array[json_array_length(p_items)]);
  unfinished := '{}';
  if exists (
    select from json_array_elements(p_items) as i
    where i -> 'waiting' is not null and i -> 'waiting' ->> 'reason' is distinct from 'entries'
  ) then
    perform pg_advisory_xact_lock_shared('duckdive.runs'::regclass::oid::integer, 0);
  end if;
  -- In the order of ids, since that is how row locks are taken everywhere; of two of one run the first asked counts.
  for item in
    select i.value, i.number, (i.value ->> 'run')::uuid as run
    from json_array_elements(p_items) with ordinality as i (value, number)
    order by i.value ->> 'run', i.number
  loop
    one := duckdive.settle_one(item.value, at);
    answers[item.number] := one.answer;
    due := least(due, one.wake_at);
    if one.has_children and duckdive.leave_children(item.run, at) then unfinished := unfinished || item.run; end if;
    if one.parent is not null then
      children := children || item.run;
      parents := parents || one.parent;
      entries := entries || one.entry;
    end if;
  end loop;
  if cardinality(children) > 0 then
    told := duckdive.tell_parents(children, parents, entries, array_fill(at, array[cardinality(children)]), at);
    insert into duckdive.errand (kind, subject, parent, entry, at)
    select 'tell', each.child, each.parent, each.entry, at
    from unnest(children, parents, entries) as each (child, parent, entry) where each.child = any(told.missed);
    unfinished := unfinished || told.missed;
  end if;
  delete from duckdive.claims where id = any(p_done);
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.settle(p_items json, p_done uuid[], p_now bigint) returns text[]
language sql volatile as $$ select answers from duckdive.settle_all(p_items, p_done, p_now) $$;

-- Ends one execution. For the caller to tell: who its parent is, by which call, and whether it has children, if it ended;
-- and when it is to be woken, if it was suspended.
drop function duckdive.settle_one(json, bigint);
create function duckdive.settle_one(
  p_item json, p_at bigint, out answer text, out parent uuid, out entry text, out has_children boolean, out wake_at bigint
)
language plpgsql volatile as $$
declare
  run record;
  one record;
  counted constant integer := case when (p_item ->> 'giveBack')::boolean then 0 else 1 end;
  event json;
  rest record;
begin
  has_children := false;
  select * into one from json_to_record(p_item) as asked (
    run uuid, token bigint, claim uuid, state text, reason text, output text, error json, keep bigint
  );
  select live.*, claim.worker, claim.at as claimed_at into run
  from duckdive.runs as live, duckdive.claims as claim
  where live.id = one.run and live.seq = one.token and claim.id = one.claim
  for update of live;
  if not found then return; end if;
  for event in select * from json_array_elements(p_item -> 'events') loop
    perform duckdive.append_event(
      run.id, event ->> 'kind', event -> 'detail', run.attempt + 1, run.seq, run.worker, p_at
    );
  end loop;
  if one.state in ('succeeded', 'failed', 'cancelled') or run.cancel_asked is not null then
    answer := one.state;
    if one.state not in ('succeeded', 'failed', 'cancelled') then
      answer := 'cancelled';
      one.reason := run.cancel_asked;
      one.output := null;
      perform duckdive.append_event(
        run.id, 'cancelled', json_build_object('reason', run.cancel_asked), run.attempt + 1, run.seq, run.worker, p_at
      );
    end if;
    perform duckdive.end_run(
      run.id, answer, one.reason, one.output, one.error::text, one.keep, counted, 0, run.claimed_at, run.worker, p_at, false
    );
    if run.durable & 4 <> 0 then
      parent := run.parent;
      entry := run.parent_entry;
    end if;
    has_children := run.durable & 2 <> 0;
    return;
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
    rest.run_at < p_at, p_at, rest.wake_at
  );
  answer := rest.state;
  wake_at := rest.wake_at;
end $$;

-- Where a run rests, having looked whether what it would rest for has come already.
drop function duckdive.rest_of(json, text, bigint, text, bigint);
create function duckdive.rest_of(
  p_item json, p_job text, p_run_at bigint, p_route text, p_at bigint,
  out state text, out run_at bigint, out route text, out wait_reason text, out wait_on text, out wake_at bigint
)
language plpgsql stable as $$
declare
  due constant bigint := coalesce(
    (p_item -> 'due' ->> 'at')::bigint, p_at + (p_item -> 'due' ->> 'after')::bigint, p_run_at
  );
  has_settled boolean;
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
    -- Where a name has the character that no text here can have, its entry has the sign for that.
    wait_on := replace(wait_on, '\u0000', '\ufffd');
    select awaited.has_settled, awaited.wake_at into has_settled, wake_at
    from duckdive.standing_of((p_item ->> 'run')::uuid, duckdive.awaited(wait_on)) as awaited;
    if has_settled or wake_at <= p_at then
      wait_reason := null;
      wait_on := null;
      wake_at := null;
      run_at := p_at;
      return;
    end if;
    run_at := coalesce(wake_at, p_run_at);
  end if;
  state := 'waiting';
end $$;

-- How the calls stand that a run would wait for: whether one has settled, and when the first of the others is due.
create function duckdive.standing_of(p_run uuid, p_names text[], out has_settled boolean, out wake_at bigint)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  select coalesce(bool_or(own.state <> 'pending'), false), min(own.due_at) into has_settled, wake_at
  from duckdive.entry as own where own.run = p_run and own.name = any(p_names);
end $$;

-- Settles executions of runs with unique keys, or that are followed by others. A transaction of the application may have
-- locked a run's row, to change it, and may stay open for long: such a run is passed by and answered 'busy', and its
-- settlement comes again by itself. A settlement never waits for an application.
create function duckdive.settle_apart(
  p_items json, p_done uuid[], p_now bigint, out answers text[], out unfinished uuid[], out due bigint
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  runs constant uuid[] := array(select (item ->> 'run')::uuid from json_array_elements(p_items) as item);
  locked uuid[];
  busy uuid[];
  places integer[];
  given record;
begin
  answers := array_fill(null::text, array[json_array_length(p_items)]);
  -- What follows may have a key that an application's transaction has: for that it waits a moment only, and comes again.
  perform set_config('lock_timeout', '100ms', true);
  locked := array(select live.id from duckdive.runs as live where live.id = any(runs) order by live.id for update skip locked);
  busy := array(select live.id from duckdive.runs as live where live.id = any(runs) and live.id <> all(locked));
  places := array(select place from unnest(runs) with ordinality as each (run, place) where run <> all(busy) order by place);
  given := duckdive.settle_all(
    (select coalesce(json_agg(p_items -> (place - 1) order by place), '[]') from unnest(places) as place), p_done, p_now
  );
  unfinished := given.unfinished;
  due := given.due;
  for i in 1 .. cardinality(places) loop
    answers[places[i]] := given.answers[i];
    if given.answers[i] is not null then perform duckdive.follow(p_items -> (places[i] - 1) -> 'follow', p_now); end if;
  end loop;
  for i in 1 .. cardinality(runs) loop
    if runs[i] = any(busy) then answers[i] := 'busy'; end if;
  end loop;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.settle_with(p_items json, p_done uuid[], p_now bigint) returns text[]
language sql volatile as $$ select answers from duckdive.settle_apart(p_items, p_done, p_now) $$;

-- Ends an execution, having written what it said, and records what follows it. Answers the state its run is in by that,
-- 'refused', or 'elsewhere'. Its parent and its children are errands: nobody else shall wait for this transaction.
create or replace function duckdive.settle_in(
  p_item json, p_notes json, p_run uuid, p_token bigint, p_claim uuid, p_now bigint, p_notice text, p_nonce text
) returns text
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  one record;
begin
  if p_nonce <> (select nonce from duckdive.meta) then return 'elsewhere'; end if;
  if json_array_length(p_notes) > 0 then perform duckdive.write_notes(p_notes, at); end if;
  if not duckdive.hold_run(p_run, p_token, p_claim) then return 'refused'; end if;
  one := duckdive.settle_one(p_item, at);
  if one.answer is null then return 'refused'; end if;
  if one.parent is not null then
    insert into duckdive.errand (kind, subject, parent, entry, at) values ('tell', p_run, one.parent, one.entry, at);
  end if;
  if one.has_children then perform duckdive.leave_children(p_run, at); end if;
  perform duckdive.follow(p_item -> 'follow', p_now);
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
  return one.answer;
end $$;

-- Ends executions that succeeded and say nothing else, most of them, in one statement. p_done are claims that are done
-- with by this. Answers the runs that were taken; null: all of them. No join with `runs`: whatever the statistics say,
-- each list is looked up in the primary key. Runs that have to do with durable work are ended behind the others.
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
  others uuid[];
  items json;
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
    where run.id = any(p_runs) and run.id = held.run and run.seq = held.token and run.durable = 0
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
  if cardinality(taken) = cardinality(p_runs) then
    delete from duckdive.claims where id = any(p_done);
    return null;
  end if;
  taken := coalesce(taken, '{}');
  select array_agg(one.run order by one.run), json_agg(json_build_object(
    'run', one.run, 'token', one.token, 'claim', one.claim, 'state', 'succeeded', 'output', one.output, 'keep', one.keep
  ) order by one.run) into others, items
  from unnest(p_runs, p_tokens, p_claims, p_outputs, p_keeps) as one (run, token, claim, output, keep)
  where one.run <> all(taken) and exists (
    select from duckdive.runs as live where live.id = one.run and live.seq = one.token and live.durable <> 0 offset 0
  );
  if others is not null then
    taken := taken || array(
      select one.run from duckdive.settle_all(items, '{}', p_now) as settled
      cross join lateral unnest(others, settled.answers) as one (run, answer) where one.answer is not null
    );
  end if;
  delete from duckdive.claims where id = any(p_done);
  return taken;
end $$;

-- Makes failed and cancelled runs ready again, as if they had been asked for now, unless another run holds their key. What
-- failed in them is done again, the rest is remembered. Answers for each whether it did.
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
      unique_key, unique_idle, unique_while, durable, parent, parent_entry
    ) values (
      run.id, duckdive.lane_for(run.queue, run.priority, '', false, run.gates is not null, run.fair is not null), 'ready', run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release,
      run.gates, duckdive.keys_of(run.gates), duckdive.limits_of(run.gates), run.fair,
      case when run.unique_while & duckdive.state_bit('ready') <> 0 then run.unique_key end,
      case when run.unique_while & duckdive.state_bit('ready') = 0 then run.unique_key end, run.unique_while,
      run.durable, run.parent, run.parent_entry
    ) on conflict do nothing;
    -- Somebody else got the key in between.
    continue when not found;
    delete from duckdive.history where id = item.id;
    if run.durable & 1 <> 0 then perform duckdive.reopen_entries(run); end if;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    answers[item.number] := true;
  end loop;
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
  gone duckdive.runs;
begin
  lanes := duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  running := array(select id from duckdive.held where id = any(p_ids));
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.runs as run
    where run.id = item.id and run.id <> all(running)
    returning * into gone;
    if found then
      if gone.durable & 6 <> 0 then perform duckdive.leave_word(gone, 0); end if;
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
-- goes to that queue. One with a parent is a child of that run's call.
--
-- With p_nonce, the word of the database that is meant, nothing is recorded in another one, and the answer is null.
create or replace function duckdive.insert_runs(
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
        start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json,
        parent json
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release,
      gates, fair, "unique", parent, number
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
      gate_limits, fair, seq, unique_key, unique_idle, unique_while, durable, parent, parent_entry
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, home, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release,
      case when gate_keys is not null then gates end, gate_keys, gate_limits, fair, asked.seq,
      case when unique_while & duckdive.state_bit(shape.state) <> 0 then asked.key end,
      case when unique_while & duckdive.state_bit(shape.state) = 0 then asked.key end,
      case when asked.key is not null then unique_while end,
      case when shape.parent is null then 0 when shape.parent ->> 'onEnd' = 'leave' then 12 else 4 end,
      (shape.parent ->> 'run')::uuid, shape.parent ->> 'entry'
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
  if p_keys is not null then perform duckdive.give_signals(p_ids, p_keys, added); end if;
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

-- What a claim holds, without what was cancelled or replaced since.
drop function duckdive.claimed(uuid);
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean, gate_keys bigint[], rate_keys bigint[], is_unique boolean, durable smallint, parent uuid
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
    run.unique_while is not null, run.durable, run.parent
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
end $$;

-- Makes ready those of p_ids that are scheduled and due, or suspended until now, in the order in which they are. They are
-- locked.
create or replace function duckdive.start_due(p_ids uuid[], p_at bigint) returns integer
language plpgsql volatile
set jit = off set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  starting constant uuid[] := array(
    select id from duckdive.runs
    where id = any(p_ids) and (
      (state = 'scheduled' and run_at <= p_at) or (state = 'waiting' and wait_reason = 'entries' and wake_at <= p_at)
    )
    order by coalesce(wake_at, run_at), id
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
    state = 'ready', run_at = coalesce(wake_at, run_at), wait_reason = null, awaits = null, wake_at = null, xid = pg_current_xact_id(), seq = seqs[array_position(starting, run.id)],
    due = duckdive.due_of('ready', null, start_by, started_at, finish_by, p_at),
    lane = (
      select lane.id from duckdive.lane
      where lane.queue = run.queue and lane.priority = run.priority and lane.route = run.route and lane.front = (run.fair is null)
        and lane.gated = (run.gate_keys is not null) and lane.fair = (run.fair is not null)
    )
  where run.id = any(starting);
  return cardinality(starting);
end $$;

-- When somebody has to look next: the start of a scheduled run, the end of a wait or of a run's patience, the opening of a
-- rate, or an errand, any of which may be over, or the end of a queue's being held back.
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
    (select min(until) from duckdive.held_queue),
    (select errand.at from duckdive.errand order by errand.number limit 1)
  );
end $$;

-- Gives a run that rests another place. The lock of its lane is held, so no claim has it and none can be under way: it
-- keeps its seq. What waits for something else than time goes on waiting; but one in line at a gate, where its place
-- follows from what is changed, is put there again by its next claim.
create or replace function duckdive.move_run(
  p_run duckdive.runs, p_queue text, p_priority smallint, p_run_at bigint, p_at bigint
) returns void
language plpgsql volatile as $$
declare
  is_moved constant boolean := (p_priority, p_run_at) <> (p_run.priority, p_run.run_at);
  new_state constant text := case
    when p_run.state = 'waiting' and (p_run.parked_on is null or not is_moved) then 'waiting'
    when p_run_at > p_at then 'scheduled' else 'ready' end;
begin
  update duckdive.runs set
    queue = p_queue, priority = p_priority, run_at = p_run_at, state = new_state,
    lane = case when new_state = 'ready' then duckdive.lane_for(
      p_queue, p_priority, route, p_run_at < p_at, gate_keys is not null, fair is not null
    ) end,
    xid = pg_current_xact_id(),
    wait_reason = case when new_state = 'waiting' then wait_reason end,
    wait_on = case when new_state = 'waiting' then wait_on end,
    parked_on = case when new_state = 'waiting' then parked_on end,
    -- A place that it was handed waits for its claim; a later one does not take it along.
    holds = case when new_state = 'ready' then holds else duckdive.kept_among(holds, started_at, gates) end,
    due = case when new_state = 'waiting' and parked_on is not null then due
      else duckdive.due_of(
        case when wake_at is null then new_state else 'scheduled' end, coalesce(wake_at, p_run_at), start_by, started_at,
        finish_by, p_at
      ) end
  where id = p_run.id;
end $$;

-- Runs by id with all their columns, for duckdive itself; people have `duckdive.run`. Both tables in one statement, or a
-- run that moves from the one to the other would be nowhere.
drop function duckdive.stored(uuid[]);
create function duckdive.stored(p_ids uuid[])
returns table (
  id uuid, job text, version integer, queue text, priority smallint, state text, reason text, wait_reason text, wait_on text,
  cancel_asked text, route text, token bigint, attempt integer, crashes integer, worker text, requested_at bigint,
  run_at bigint, started_at bigint, finished_at bigint, start_by bigint, finish_by bigint, expires_at bigint, body smallint,
  input json, output json, error json, tags json, meta json, release text,
  parent uuid
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  -- Nothing ends before it was asked for; a day for clocks that differ.
  earliest constant bigint := (select min(duckdive.time_in(one)) from unnest(p_ids) as one) - 86400000;
begin
  return query
  with held as materialized (
    select part.run, part.seq, claim.worker, claim.at
    from duckdive.claims as claim cross join lateral unnest(claim.runs, claim.seqs) as part (run, seq)
    where part.run = any(p_ids)
  )
  select live.id, live.job, live.version, live.queue, live.priority,
    case when held.run is null then live.state else 'running' end, null::text,
    live.wait_reason, coalesce(live.wait_on, live.awaits), live.cancel_asked, live.route, live.seq,
    live.attempt + (held.run is not null)::integer, live.crashes, held.worker, live.requested_at, live.run_at,
    coalesce(held.at, live.started_at), null::bigint, live.start_by, live.finish_by,
    null::bigint, live.body, live.input, null::json, live.error, live.tags, live.meta, live.release, live.parent
  from duckdive.runs as live left join held on held.run = live.id and held.seq = live.seq
  where live.id = any(p_ids)
  union all
  select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null, null, '',
    past.token, past.attempt, past.crashes, null, past.requested_at, past.run_at, past.started_at, past.finished_at,
    past.start_by, past.finish_by, past.expires_at, past.body, past.input, past.output, past.error, past.tags, past.meta,
    past.release, past.parent
  from duckdive.history as past where past.id = any(p_ids) and past.finished_at >= earliest;
end $$;

-- Every run as one row, live or ended, with readable times.
create or replace view duckdive.run as
select live.id, live.job, live.version, live.queue, live.priority,
  case when held.id is null then live.state else 'running' end as state, null::text as reason,
  live.wait_reason as waiting_for, coalesce(live.wait_on, live.awaits) as waiting_on,
  live.attempt + (held.id is not null)::integer as attempt, live.crashes, held.worker, live.cancel_asked,
  to_timestamp(live.requested_at / 1000.0) as requested_at, to_timestamp(live.run_at / 1000.0) as run_at,
  to_timestamp(coalesce(held.at, live.started_at) / 1000.0) as started_at, null::timestamptz as finished_at,
  case when live.body & 1 = 1 then body.input::json else live.input end as input,
  null::json as output,
  case when live.body & 4 = 4 then body.error::json else live.error end as error,
  live.tags, live.meta, live.release, live.parent
from duckdive.runs as live
left join duckdive.held on held.id = live.id
left join duckdive.body on body.run = live.id and live.body <> 0
union all
select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null,
  past.attempt, past.crashes, past.worker, null,
  to_timestamp(past.requested_at / 1000.0), to_timestamp(past.run_at / 1000.0),
  to_timestamp(past.started_at / 1000.0), to_timestamp(past.finished_at / 1000.0),
  case when past.body & 1 = 1 then body.input::json else past.input end,
  case when past.body & 2 = 2 then body.output::json else past.output end,
  case when past.body & 4 = 4 then body.error::json else past.error end,
  past.tags, past.meta, past.release, past.parent
from duckdive.history as past
left join duckdive.body on body.run = past.id and past.body <> 0;

-- One that has not ended, and is not running.
create or replace function duckdive.adopt_live(item record, p_now bigint) returns void
language plpgsql volatile as $$
declare
  in_line constant boolean := item.wait_reason is not distinct from 'admission';
  new_state constant text := case when in_line then 'ready' else item.state end;
  suspended constant boolean := item.wait_reason is not distinct from 'entries';
  -- When the first of what it waits for is due.
  wake constant bigint := case when suspended then (
    select min(entry.due_at) from json_to_recordset(item.entries) as entry (name text, due_at bigint)
    where entry.name = any(duckdive.awaited(item.wait_on))
  ) end;
begin
  insert into duckdive.runs (
    id, lane, state, job, version, queue, priority, route, attempt, crashes, requested_at, run_at, started_at, start_within,
    finish_within, start_by, finish_by, wait_reason, wait_on, due, body, input, error, tags, meta, release,
    gates, gate_keys, gate_limits, fair, awaits, wake_at
  ) values (
    item.id,
    case when new_state = 'ready' then duckdive.lane_for(
      item.queue, item.priority, coalesce(item.route, ''), true, item.gates is not null, item.fair is not null
    ) end,
    new_state, item.job, item.version, item.queue, item.priority, coalesce(item.route, ''), item.attempt, item.crashes,
    item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by, item.finish_by,
    case when not in_line then item.wait_reason end, case when not in_line and not suspended then item.wait_on end,
    duckdive.due_of(
      case when wake is null then new_state else 'scheduled' end, coalesce(wake, item.run_at), item.start_by,
      item.started_at, item.finish_by, p_now
    ),
    item.long_input::integer + 4 * item.long_error::integer,
    case when not item.long_input then item.input::json end, case when not item.long_error then item.error::json end,
    item.tags, item.meta, item.release,
    item.gates, duckdive.keys_of(item.gates), duckdive.limits_of(item.gates), item.fair,
    case when suspended then item.wait_on end, wake
  );
end $$;

-- What stands beside a run.
create or replace function duckdive.adopt_belongings(item record, p_now bigint) returns void
language plpgsql volatile as $$
begin
  if item.long_input or item.long_output or item.long_error then
    insert into duckdive.body (run, input, output, error) values (
      item.id, case when item.long_input then item.input end, case when item.long_output then item.output end,
      case when item.long_error then item.error end
    );
  end if;
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  select item.id, at, kind, attempt, token, worker, detail
  from json_to_recordset(item.events) as event (
    at bigint, kind text, attempt integer, token bigint, worker text, detail json
  );
  insert into duckdive.log (run, at, attempt, level, message, fields)
  select item.id, at, attempt, level, message, fields
  from json_to_recordset(item.logs) as line (at bigint, attempt integer, level text, message text, fields json);
  if json_array_length(item.entries) > 0 then
    insert into duckdive.entry (
      run, name, kind, hash, state, position, value, error, due_at, attempts, number, written_at
    )
    select item.id, name, kind, hash, state, position, value, error, due_at, coalesce(attempts, 0),
      case when kind = 'signal' and state = 'pending' then nextval('duckdive.seq') end, coalesce(written_at, p_now)
    from rows from (json_to_recordset(item.entries) as (
      name text, kind text, hash text, state text, position integer, value text, error json, due_at bigint, attempts integer,
      written_at bigint
    )) with ordinality as entry (name, kind, hash, state, position, value, error, due_at, attempts, written_at, place)
    order by entry.place;
    update duckdive.runs set durable = 1 where id = item.id;
    update duckdive.history set durable = 1 where id = item.id and finished_at = item.finished_at;
  end if;
  insert into duckdive.signal (id, run, name, payload, received_at)
  select came.id, item.id, came.name, came.payload, p_now
  from rows from (json_to_recordset(item.signals) as (id text, name text, payload text))
    with ordinality as came (id, name, payload, place)
  order by came.place
  on conflict (id) do nothing;
  if item.progress is not null then
    insert into duckdive.progress (run, at, done, total, note)
    select item.id, p_now, done, total, note
    from json_to_record(item.progress) as progress (done double precision, total double precision, note text);
  end if;
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
      logs json, entries json, gates json, fair text, signals json
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

-- Whether a durable run has gone on from an execution: a suspension leaves no event, and a run that rests has a higher token
-- than it had while it ran. A claim that a crash undid leaves the token as it was.
create function duckdive.has_gone_on(p_run uuid, p_token bigint) returns boolean
language sql stable as $$
  select exists (select from duckdive.entry where run = p_run) and (
    exists (select from duckdive.runs where id = p_run and seq > p_token)
    or exists (select from duckdive.history where id = p_run and token > p_token)
  )
$$;

-- As in 0009; a suspension is a rest too.
create or replace function duckdive.outcome_of(p_run uuid, p_token bigint, p_worker text) returns text
language sql stable as $$
  select case
    when exists (
      select from duckdive.event
      where run = p_run and token = p_token and worker = p_worker and kind = 'lost' and detail ->> 'cause' is null
    ) then null
    else coalesce(
      (select state from duckdive.history where id = p_run and token = p_token and worker = p_worker),
      (
        select 'rests' from duckdive.event
        where run = p_run and token = p_token and worker = p_worker
          and kind in ('failed', 'snoozed', 'handedBack', 'parked', 'suspended')
          and detail ->> 'cause' is distinct from 'its claim was never answered'
        limit 1
      ),
      case when duckdive.has_gone_on(p_run, p_token) then 'rests' end
    )
  end
$$;

-- As in 0013; what was suspended is explained.
create or replace function duckdive.unexplained(p_deaths json)
returns table (run uuid, token bigint, attempt integer, worker text)
language sql stable as $$
  select distinct seen.run, seen.token, seen.attempt, death.worker
  from json_to_recordset(p_deaths) as death (worker text, executing json)
  cross join lateral json_to_recordset(coalesce(death.executing, '[]')) as seen (run uuid, token bigint, attempt integer)
  where (
      exists (select from duckdive.runs as live where live.id = seen.run)
      or exists (select from duckdive.history as past where past.id = seen.run)
    )
    and not exists (
      select from duckdive.claims as held
      where held.worker = death.worker and seen.run = any(held.runs) and seen.token = any(held.seqs)
    )
    and not exists (
      select from duckdive.event as told
      where told.run = seen.run and told.token = seen.token and told.worker = death.worker
        and told.kind in ('lost', 'failed', 'cancelled', 'snoozed', 'handedBack', 'parked', 'suspended')
    )
    and not exists (
      select from duckdive.history as past
      where past.id = seen.run and past.token = seen.token and past.worker = death.worker
    )
    and not duckdive.has_gone_on(seen.run, seen.token)
$$;
