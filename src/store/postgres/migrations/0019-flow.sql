-- Flow: runs that begin anew, runs that come after others, and runs that are counted together.
--
-- No settlement waits for an application's transaction, and none pays for what it has nothing to do with. So what an end
-- means to others is a row that is written with it, and worked off right behind the commit, or by the next promotion. Whoever
-- records that a run comes after others locks none of those: it leaves a row for each, and whoever works that off marks
-- the other run, if it lives, or looks at how it ended. A run that was marked says of its end by itself; one that ends
-- before finds the row, or whoever works that off finds the end.
--
-- Whoever works something off waits for no row. A run that comes after others is looked at under the lock of its row, by a
-- statement that begins behind that: so of two that let go the last two of what it waits for, the second sees both.

alter table duckdive.runs add column batch uuid;
alter table duckdive.history add column batch uuid;

create index runs_batch on duckdive.runs (batch) where batch is not null;
create index history_batch on duckdive.history (batch) where batch is not null;

-- The bits of `durable` go on: 16 others come after this run, 32 it comes after others, 64 it is counted in a batch.

-- Who comes after whom.
create table duckdive.dependency (
  run uuid not null,               -- comes after …
  needs uuid not null,             -- … this one, which may be gone
  policy smallint not null,        -- what a failure does: 0 fail, 1 cancel, 2 run
  is_open boolean not null,        -- it has not ended in a way that is fine
  primary key (run, needs)
);

create index dependency_open on duckdive.dependency (run, needs) where is_open;
create index dependency_needs on duckdive.dependency (needs) where is_open;

-- Of which it has to be found out how the one stands that the other comes after.
create table duckdive.link (
  run uuid not null,
  needs uuid not null,
  primary key (run, needs)
);

create index link_needs on duckdive.link (needs);

-- Ends that those have to hear of who come after the run.
create table duckdive.over (
  number bigint primary key default nextval('duckdive.number'),
  run uuid not null,
  how text not null check (how in ('succeeded', 'failed', 'cancelled', 'removed'))
);

create index over_run on duckdive.over (run);

-- Children of runs that have begun anew, which end as they would at the end of those.
create table duckdive.stray (
  run uuid primary key,
  parent uuid not null
);

create index stray_parent on duckdive.stray (parent);

create table duckdive.batch (
  id uuid primary key,
  name text not null,
  batch uuid,                      -- the one that it is counted in, as one run …
  counted text not null default 'open' check (counted in ('open', 'succeeded', 'failed', 'cancelled')), -- … and as what
  total bigint not null default 0,
  succeeded bigint not null default 0,
  failed bigint not null default 0,
  cancelled bigint not null default 0,
  elsewhere json,                  -- these four as other stores have counted, by their nonces
  on_success json,                 -- the run to record, as it was asked for and as a shape
  on_finished json,                -- likewise
  created_at bigint not null,
  finished_at bigint,
  succeeded_at bigint
);

create index batch_outer on duckdive.batch (batch) where batch is not null;
create index batch_finished on duckdive.batch (finished_at) where finished_at is not null;

-- Changes of a batch's counts that are not in its row yet.
create table duckdive.batch_change (
  number bigint primary key default nextval('duckdive.number'),
  batch uuid not null,
  run uuid,                        -- whose end it is
  total integer not null default 0,
  succeeded integer not null default 0,
  failed integer not null default 0,
  cancelled integer not null default 0
);

create index batch_change_batch on duckdive.batch_change (batch);
create index batch_change_run on duckdive.batch_change (run);

alter table duckdive.link set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);
alter table duckdive.over set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);
alter table duckdive.batch_change set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);
alter table duckdive.batch set (
  fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0,
  vacuum_truncate = off
);

-- ── Beginning anew ──────────────────────────────────────────────────────────────────────────────────────────────

-- Gives a run whose row is locked another input and an empty record but for one entry, as at its first claim. Answers
-- whether it had children, which are left behind as strays.
create function duckdive.begin_anew(p_run uuid, p_durable smallint, p_restart json, p_at bigint) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  new_input constant text := p_restart ->> 'input';
  is_long constant boolean := coalesce(duckdive.is_long(new_input), false);
begin
  delete from duckdive.entry where run = p_run;
  insert into duckdive.entry (run, name, kind, state, position, value, attempts, written_at)
  select p_run, name, kind, state, 1, value, 0, p_at
  from json_to_record(p_restart -> 'entry') as entry (name text, kind text, state text, value text);
  if is_long then
    insert into duckdive.body (run, input) values (p_run, new_input)
    on conflict (run) do update set input = excluded.input;
  end if;
  update duckdive.runs set
    input = case when not is_long then new_input::json end, body = (body & 6) | is_long::integer, attempt = 0, crashes = 0,
    durable = (durable & ~2) | 1
  where id = p_run;
  if p_durable & 2 = 0 then return false; end if;
  delete from duckdive.child where parent = p_run;
  insert into duckdive.stray (run, parent)
  select live.id, p_run from duckdive.runs as live where live.parent = p_run and live.durable & 8 = 0
  on conflict do nothing;
  return found;
end $$;

-- Ends strays that rest, asks for the end of those that run. Lanes are locked by this, so it comes before all else.
create function duckdive.end_strays(
  p_parents uuid[], p_limit integer, p_at bigint, out ended uuid[], out asked boolean, out keys bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  reason constant text := 'its parent has ended';
  strays uuid[];
  lanes integer[];
  held_runs uuid[];
  held_workers text[];
  place integer;
  run duckdive.runs;
begin
  ended := '{}';
  asked := false;
  keys := '{}';
  if p_parents is null then
    strays := array(select stray.run from duckdive.stray order by stray.run limit p_limit for update skip locked);
  else
    strays := array(
      select stray.run from duckdive.stray where stray.parent = any(p_parents) order by stray.run limit p_limit for update skip locked
    );
  end if;
  if cardinality(strays) = 0 then return; end if;
  lanes := duckdive.lock_lanes_of(strays);
  strays := array(
    select stray.run from duckdive.stray where stray.run = any(strays) and not exists (
      select from duckdive.runs as live where live.id = stray.run
    )
  ) || array(select live.id from duckdive.runs as live where live.id = any(strays) order by live.id for update skip locked);
  select array_agg(held.id), array_agg(held.worker) into held_runs, held_workers from duckdive.held where held.id = any(strays);
  for run in
    select * from duckdive.runs as live
    where live.id = any(strays) and live.cancel_asked is null and (live.lane is null or live.lane = any(lanes))
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
    perform duckdive.append_event(run.id, 'cancelled', json_build_object('reason', reason), run.attempt, run.seq, null, p_at);
    perform duckdive.end_run(run.id, 'cancelled', reason, null, null, null, 0, 0, null, null, p_at);
    ended := ended || run.id;
    keys := keys || coalesce(run.gate_keys, '{}');
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  delete from duckdive.stray where stray.run = any(strays) and not exists (
    select from duckdive.runs as live where live.id = stray.run and live.cancel_asked is null
  );
end $$;

-- Tells parents of children that have ended at those times: settles the call of a single child, and that of many behind the
-- last. A child from before its parent began anew is none of a call that has its name by now. Answers those children whose
-- parent somebody else has locked, and whether one was woken.
create or replace function duckdive.tell_parents(
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
    where each.parent = any(locked) and own.state = 'pending' and exists (
      select from duckdive.child
      where child.parent = each.parent and child.entry = each.entry and child.run = each.child
    )
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

-- ── Ends ────────────────────────────────────────────────────────────────────────────────────────────────────────

-- Leaves behind what others have to hear of the end of a run, or of its removal.
create function duckdive.leave_flow(p_run duckdive.runs, p_how text) returns void
language plpgsql volatile as $$
begin
  if p_run.durable & 16 <> 0 then insert into duckdive.over (run, how) values (p_run.id, p_how); end if;
  if p_run.batch is not null then
    insert into duckdive.batch_change (batch, run, succeeded, failed, cancelled) values (
      p_run.batch, p_run.id, (p_how = 'succeeded')::integer, (p_how = 'failed')::integer,
      (p_how in ('cancelled', 'removed'))::integer
    );
  end if;
end $$;

-- Whether something was left behind about these runs, or batches. Indexes: over_run, link_needs, the primary key of link,
-- batch_change_run, batch_change_batch, stray_parent.
create function duckdive.has_flow(p_subjects uuid[]) returns boolean
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return exists (select from duckdive.over where run = any(p_subjects))
    or exists (select from duckdive.link where needs = any(p_subjects))
    or exists (select from duckdive.link where run = any(p_subjects))
    or exists (select from duckdive.batch_change where run = any(p_subjects))
    or exists (select from duckdive.batch_change where batch = any(p_subjects))
    or exists (select from duckdive.stray where parent = any(p_subjects));
end $$;

-- Moves a run to history. The caller has made sure, under the run's row lock, that it is where he believes.
-- p_attempts and p_crashes are added; without p_keep it is kept for 90 days. Only what was said last stays as its error. What
-- has to be told of its end is left behind as errands, unless the caller tells it himself.
create or replace function duckdive.end_run(
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
    unique_key, unique_while, durable, parent, parent_entry, batch
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
    live.durable, live.parent, live.parent_entry, live.batch
  );
  if live.durable & 80 <> 0 then perform duckdive.leave_flow(live, p_state); end if;
  if p_tells and live.durable & 6 <> 0 then perform duckdive.leave_word(live, p_now); end if;
end $$;

-- Ends executions in every way. Answers for each the state its run is in by that; null: refused. `unfinished` are runs of
-- which an errand was left behind, `due` is when the first of those that were suspended is to be woken.
--
-- Whoever parks a run shares a lock with all who do, and excludes registrations and the ends of pauses: otherwise each
-- might miss what the other has not committed yet, and the run would sleep for ever.
create or replace function duckdive.settle_all(
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
    if one.has_flow and unfinished[cardinality(unfinished)] is distinct from item.run then unfinished := unfinished || item.run; end if;
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
  unfinished := unfinished || duckdive.linked_among(array(select (i ->> 'run')::uuid from json_array_elements(p_items) as i));
  delete from duckdive.claims where id = any(p_done);
end $$;

-- Of these runs those that somebody comes after without their having been marked for it yet.
create function duckdive.linked_among(p_runs uuid[]) returns uuid[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  one uuid;
begin
  -- Nearly always there is none at all, which is seen at once.
  select link.run into one from duckdive.link limit 1;
  if not found then return '{}'; end if;
  return array(select distinct link.needs from duckdive.link where link.needs = any(p_runs));
end $$;

-- Ends one execution, or begins its run anew. For the caller to tell: who its parent is, by which call, and whether it has
-- children, if it ended; when it is to be woken, if it was suspended; whether something else was left behind.
drop function duckdive.settle_one(json, bigint);
create function duckdive.settle_one(
  p_item json, p_at bigint, out answer text, out parent uuid, out entry text, out has_children boolean, out wake_at bigint,
  out has_flow boolean
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
  has_flow := false;
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
    has_flow := run.durable & 80 <> 0;
    return;
  end if;
  if p_item -> 'restart' is not null then
    has_flow := duckdive.begin_anew(run.id, run.durable, p_item -> 'restart', p_at);
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

-- Ends an execution in a transaction of the application, having written what it said, and records what follows it. Answers
-- the state its run is in by that, 'refused', or 'elsewhere'; and whether something was left behind. What its end is to others
-- is done behind the commit: nobody else shall wait for this transaction.
create function duckdive.settle_inside(
  p_item json, p_notes json, p_run uuid, p_token bigint, p_claim uuid, p_now bigint, p_notice text, p_nonce text,
  out answer text, out has_flow boolean
)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  one record;
begin
  has_flow := false;
  answer := 'elsewhere';
  if p_nonce <> (select nonce from duckdive.meta) then return; end if;
  if json_array_length(p_notes) > 0 then perform duckdive.write_notes(p_notes, at); end if;
  answer := 'refused';
  if not duckdive.hold_run(p_run, p_token, p_claim) then return; end if;
  one := duckdive.settle_one(p_item, at);
  if one.answer is null then return; end if;
  answer := one.answer;
  has_flow := one.has_flow or cardinality(duckdive.linked_among(array[p_run])) > 0;
  if one.parent is not null then
    insert into duckdive.errand (kind, subject, parent, entry, at) values ('tell', p_run, one.parent, one.entry, at);
  end if;
  if one.has_children then perform duckdive.leave_children(p_run, at); end if;
  perform duckdive.follow(p_item -> 'follow', p_now);
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.settle_in(
  p_item json, p_notes json, p_run uuid, p_token bigint, p_claim uuid, p_now bigint, p_notice text, p_nonce text
) returns text
language sql volatile as $$
  select answer from duckdive.settle_inside(p_item, p_notes, p_run, p_token, p_claim, p_now, p_notice, p_nonce)
$$;

-- Ends executions that succeeded and say nothing else, as `settle_plain` does. Answers those that were taken, null for all,
-- and of which something was left behind.
create function duckdive.settle_quickly(
  p_runs uuid[], p_tokens bigint[], p_claims uuid[], p_outputs text[], p_keeps bigint[], p_done uuid[], p_now bigint,
  out taken uuid[], out unfinished uuid[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  taken := duckdive.settle_plain(p_runs, p_tokens, p_claims, p_outputs, p_keeps, p_done, p_now);
  unfinished := duckdive.linked_among(p_runs);
  -- Ended by `settle_all`: they were marked after they had been claimed.
  if taken is not null then
    unfinished := unfinished || array(
      select one.run from unnest(taken) as one (run)
      where exists (select from duckdive.over where over.run = one.run offset 0)
        or exists (select from duckdive.batch_change as own where own.run = one.run offset 0)
        or exists (select from duckdive.errand where errand.subject = one.run offset 0)
    );
  end if;
end $$;

-- ── Dependencies ────────────────────────────────────────────────────────────────────────────────────────────────

-- Whether a run comes after one that has not ended in a way that is fine.
create function duckdive.is_held_back(p_run uuid) returns boolean
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return exists (select from duckdive.dependency where run = p_run and is_open);
end $$;

-- Somebody tries a run again: whether it has to wait for those that are there and have not succeeded.
create function duckdive.waits_again(p_run uuid) returns boolean
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  needed uuid[];
begin
  update duckdive.dependency as pair set is_open = false
  where pair.run = p_run and pair.is_open
    and not exists (select from duckdive.runs as live where live.id = pair.needs)
    and not exists (select from duckdive.history as past where past.id = pair.needs and past.state <> 'succeeded');
  needed := array(select needs from duckdive.dependency as pair where pair.run = p_run and pair.is_open order by needs);
  if cardinality(needed) = 0 then return false; end if;
  -- One of them may have been recorded anew, and know nothing of this.
  insert into duckdive.link (run, needs)
  select p_run, live.id from duckdive.runs as live where live.id = any(needed) on conflict do nothing;
  update duckdive.history set durable = durable | 16 where id = any(needed) and durable & 16 = 0;
  return true;
end $$;

-- Leaves it behind that runs are gone which have ended, for those that were tried again and wait for them.
create function duckdive.forsake(p_runs uuid[]) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  insert into duckdive.over (run, how)
  select distinct pair.needs, 'removed' from duckdive.dependency as pair
  where pair.needs = any(p_runs) and pair.is_open
    and exists (select from duckdive.runs as live where live.id = pair.run)
    and not exists (select from duckdive.runs as live where live.id = pair.needs);
end $$;

-- Makes runs ready, or scheduled, that wait for nobody any more, and whose rows are locked. p_causes let them go; null where
-- nobody did. Answers when the first of those is due that have a time.
create function duckdive.let_go(p_runs uuid[], p_causes uuid[], p_at bigint) returns bigint
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  first bigint;
begin
  perform duckdive.lane_for(kind.queue, kind.priority, kind.route, true, kind.gated, kind.fair)
  from (
    select distinct queue, priority, route, gate_keys is not null as gated, fair is not null as fair
    from duckdive.runs where id = any(p_runs) and run_at <= p_at
  ) as kind;
  insert into duckdive.event (run, at, kind, attempt, token, worker, detail)
  select live.id, p_at, 'unparked', live.attempt, live.seq, null, json_build_object('reason', 'dependency', 'on', each.cause)
  from unnest(p_runs, p_causes) as each (run, cause) join duckdive.runs as live on live.id = each.run
  where live.id = any(p_runs) and each.cause is not null;
  with moved as (
    update duckdive.runs as live set
      state = case when live.run_at > p_at then 'scheduled' else 'ready' end, run_at = greatest(live.run_at, p_at),
      xid = pg_current_xact_id(), seq = given.seq, wait_reason = null, wait_on = null,
      due = duckdive.due_of(
        case when live.run_at > p_at then 'scheduled' else 'ready' end, live.run_at, live.start_by, live.started_at,
        live.finish_by, p_at
      ),
      lane = case when live.run_at <= p_at then (
        select lane.id from duckdive.lane
        where lane.queue = live.queue and lane.priority = live.priority and lane.route = live.route
          and lane.front = (live.fair is null) and lane.gated = (live.gate_keys is not null) and lane.fair = (live.fair is not null)
      ) end
    from (
      select old.id, nextval('duckdive.seq') as seq from (
        select own.id from duckdive.runs as own where own.id = any(p_runs) order by own.seq
      ) as old
    ) as given
    where live.id = any(p_runs) and live.id = given.id
    returning live.state, live.run_at
  )
  select min(moved.run_at) into first from moved where moved.state = 'scheduled';
  return first;
end $$;

-- Ends a run that comes after one which did not succeed. Its row is locked.
create function duckdive.end_forsaken(p_run duckdive.runs, p_policy smallint, p_cause uuid, p_how text, p_at bigint) returns void
language plpgsql volatile as $$
declare
  error constant json := json_build_object(
    'name', 'DependencyError', 'code', 'DEPENDENCY',
    'message', 'run ' || p_cause || ', after which it was to come, ' || case p_how
      when 'failed' then 'failed' when 'cancelled' then 'was cancelled' else 'was removed before it had ended' end,
    'data', json_build_object('run', p_cause)
  );
begin
  if p_policy = 1 then
    perform duckdive.append_event(
      p_run.id, 'cancelled', json_build_object('reason', 'dependency', 'run', p_cause), p_run.attempt, p_run.seq, null, p_at
    );
  else
    perform duckdive.append_event(p_run.id, 'failed', error, p_run.attempt, p_run.seq, null, p_at);
  end if;
  perform duckdive.end_run(
    p_run.id, case when p_policy = 1 then 'cancelled' else 'failed' end, 'dependency', null, error::text, null, 0, 0, null, null,
    p_at
  );
end $$;

-- Does to runs what the ends of others mean for them; each triple is a run, one that it comes after, and how that ended, or null
-- when nothing is known but that it has to be looked whether it is free. A run that somebody has locked is left for another
-- time, by a link. Answers who ended, and when the first of those is due that were let go and have a time.
create function duckdive.meet_ends(
  p_runs uuid[], p_needs uuid[], p_hows text[], p_at bigint, out ended uuid[], out freed boolean, out due bigint
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  locked constant uuid[] := array(
    select live.id from duckdive.runs as live where live.id = any(p_runs) order by live.id for update skip locked
  );
  busy constant uuid[] := array(
    select live.id from duckdive.runs as live where live.id = any(p_runs)
    except select unnest(locked)
  );
  free uuid[];
  causes uuid[];
  item record;
  run duckdive.runs;
  policy smallint;
begin
  ended := '{}';
  freed := false;
  if cardinality(busy) > 0 then
    insert into duckdive.link (run, needs)
    select each.run, each.needs from unnest(p_runs, p_needs) as each (run, needs) where each.run = any(busy)
    on conflict do nothing;
  end if;
  -- The rows are locked, and each of these begins behind that: what others have closed is seen.
  for item in
    select each.run, each.needs, each.how from unnest(p_runs, p_needs, p_hows) as each (run, needs, how)
    where each.how is not null and each.run <> all(busy)
  loop
    update duckdive.dependency as pair set is_open = false
    where pair.run = item.run and pair.needs = item.needs and pair.is_open and (item.how = 'succeeded' or pair.policy = 2);
    continue when found;
    select * into run from duckdive.runs as live
    where live.id = item.run and live.state = 'waiting' and live.wait_reason in ('dependency', 'preparation');
    continue when not found;
    select pair.policy into policy from duckdive.dependency as pair
    where pair.run = item.run and pair.needs = item.needs and pair.is_open;
    continue when not found;
    perform duckdive.end_forsaken(run, policy, item.needs, item.how, p_at);
    ended := ended || item.run;
  end loop;
  select array_agg(each.run), array_agg(each.cause) into free, causes from (
    select one.run, min(one.needs::text) filter (where one.how is not null) ::uuid as cause
    from unnest(p_runs, p_needs, p_hows) as one (run, needs, how)
    join duckdive.runs as live on live.id = one.run
    where live.id = any(locked) and live.state = 'waiting' and live.wait_reason = 'dependency'
      and not duckdive.is_held_back(live.id)
    group by one.run
  ) as each;
  if free is null then return; end if;
  due := duckdive.let_go(free, causes, p_at);
  freed := true;
end $$;

-- Finds out about links: marks those runs that others come after, so that their end is told, and answers how those ended that
-- have.
-- What somebody has locked is left for another time.
create function duckdive.look_at_links(
  p_subjects uuid[], p_limit integer, out runs uuid[], out needs uuid[], out hows text[], out done integer
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  own_runs uuid[];
  own_needs uuid[];
  followers uuid[];
  busy uuid[];
  others uuid[];
  locked uuid[];
  known uuid[];
  states text[];
  marked uuid[];
  earliest bigint;
begin
  done := 0;
  if p_subjects is null then
    select array_agg(one.run), array_agg(one.needs) into own_runs, own_needs from (
      select link.run, link.needs from duckdive.link order by link.run, link.needs limit p_limit for update skip locked
    ) as one;
  else
    select array_agg(one.run), array_agg(one.needs) into own_runs, own_needs from (
      select link.run, link.needs from duckdive.link
      where link.run = any(p_subjects) or link.needs = any(p_subjects)
      order by link.run, link.needs for update skip locked
    ) as one;
  end if;
  if own_runs is null then return; end if;
  -- Who comes after others is locked before those are looked at; what somebody else has waits as it is.
  followers := array(
    select live.id from duckdive.runs as live where live.id = any(own_runs) order by live.id for update skip locked
  );
  busy := array(select live.id from duckdive.runs as live where live.id = any(own_runs) except select unnest(followers));
  others := array(select distinct each.needs from unnest(own_runs, own_needs) as each (run, needs) where each.run <> all(busy));
  locked := array(
    select live.id from duckdive.runs as live where live.id = any(others) order by live.id for update skip locked
  );
  update duckdive.runs as live set durable = live.durable | 16 where live.id = any(locked) and live.durable & 16 = 0;
  others := array(select unnest(others) except select unnest(locked));
  -- Nothing ends before it was asked for; a day for clocks that differ. One statement, or what moves would be nowhere.
  earliest := (select min(duckdive.time_in(one)) from unnest(others) as one) - 86400000;
  select array_agg(one.id), array_agg(one.state) into known, states from (
    select other.id, case when exists (select from duckdive.runs as live where live.id = other.id) then null
      else coalesce((
        select past.state from duckdive.history as past where past.id = other.id and past.finished_at >= earliest limit 1
      ), 'removed') end as state
    from unnest(others) as other (id)
  ) as one;
  -- Somebody may try them again, and whoever comes after them has to hear of that end too.
  marked := array(
    select past.id from duckdive.history as past
    where past.id = any(known) and past.finished_at >= earliest and past.state <> 'succeeded' order by past.id
    for update skip locked
  );
  update duckdive.history as past set durable = past.durable | 16
  where past.id = any(marked) and past.finished_at >= earliest and past.durable & 16 = 0;
  select array_agg(each.id), array_agg(case when each.state in ('failed', 'cancelled') and each.id <> all(marked) then null else each.state end)
  into known, states from unnest(known, states) as each (id, state);
  select array_agg(each.run), array_agg(each.needs), array_agg(each.how) into runs, needs, hows from (
    select link.run, link.needs, other.state as how
    from unnest(own_runs, own_needs) as link (run, needs)
    left join unnest(known, states) as other (id, state) on other.id = link.needs
    where link.run <> all(busy) and (other.id is null or other.state is not null)
  ) as each;
  if runs is null then return; end if;
  delete from duckdive.link using unnest(look_at_links.runs, look_at_links.needs) as each (run, needs)
  where link.run = any(look_at_links.runs) and link.run = each.run and link.needs = each.needs;
  done := cardinality(runs);
end $$;

-- ── Batches ─────────────────────────────────────────────────────────────────────────────────────────────────────

-- What a batch is to the one that it is counted in.
create function duckdive.standing_as(p_total bigint, p_succeeded bigint, p_failed bigint, p_cancelled bigint) returns text
language sql immutable as $$
  select case when p_succeeded + p_failed + p_cancelled < p_total then 'open' when p_failed > 0 then 'failed'
    when p_cancelled > 0 then 'cancelled' else 'succeeded' end
$$;

-- What is counted of a batch, everywhere: its row, the changes that are not in that, and what other stores have counted.
create function duckdive.counts_of(
  p_batch uuid, out total bigint, out succeeded bigint, out failed bigint, out cancelled bigint, out changes bigint[]
)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  select own.total + coalesce(change.total, 0) + coalesce(other.total, 0),
    own.succeeded + coalesce(change.succeeded, 0) + coalesce(other.succeeded, 0),
    own.failed + coalesce(change.failed, 0) + coalesce(other.failed, 0),
    own.cancelled + coalesce(change.cancelled, 0) + coalesce(other.cancelled, 0), change.numbers
  into total, succeeded, failed, cancelled, changes
  from duckdive.batch as own
  cross join lateral (
    select sum(one.total) as total, sum(one.succeeded) as succeeded, sum(one.failed) as failed, sum(one.cancelled) as cancelled,
      array_agg(one.number) as numbers
    from duckdive.batch_change as one where one.batch = own.id
  ) as change
  cross join lateral (
    select sum((value ->> 'total')::bigint) as total, sum((value ->> 'succeeded')::bigint) as succeeded,
      sum((value ->> 'failed')::bigint) as failed, sum((value ->> 'cancelled')::bigint) as cancelled
    from json_each(coalesce(own.elsewhere, '{}'))
  ) as other
  where own.id = p_batch;
end $$;

-- Shares the lock of a batch to add to it: while somebody does, it does not finish.
create function duckdive.lock_batch(p_batch uuid) returns void
language sql volatile as $$
  select pg_advisory_xact_lock_shared('duckdive.batch'::regclass::oid::integer, hashtext(p_batch::text))
$$;

-- Records a callback of a batch, whose input are the counts.
create function duckdive.call_back(p_callback json, p_input text, p_now bigint) returns void
language plpgsql volatile as $$
declare
  shape constant json := p_callback -> 'shape';
  id constant uuid := (p_callback -> 'run' ->> 'id')::uuid;
begin
  perform duckdive.lane_for(
    coalesce((select reroute.queue from duckdive.reroute where reroute.job = shape ->> 'job'), shape ->> 'queue'),
    (shape ->> 'priority')::smallint, '', false, shape -> 'gates' is not null, shape -> 'fair' is not null
  );
  perform duckdive.insert_runs(
    array[id], array[p_input], array[1], json_build_array(shape), array[id], true, p_now, null, null
  );
end $$;

-- Adds up what has changed in the counts of batches, and finishes those of which nothing is open. A batch that somebody adds up
-- or adds to at this moment is left for another time. Answers how much was done, and whether something was recorded.
create function duckdive.add_up(p_batches uuid[], p_now bigint, p_at bigint, out done integer, out called boolean)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
  left_over uuid[] := p_batches;
  own duckdive.batch;
  counts record;
  change record;
  standing text;
  summary text;
begin
  done := 0;
  called := false;
  while cardinality(left_over) > 0 loop
    select * into own from duckdive.batch where id = left_over[1] for no key update skip locked;
    left_over := left_over[2:];
    continue when not found;
    counts := duckdive.counts_of(own.id);
    standing := duckdive.standing_as(counts.total, counts.succeeded, counts.failed, counts.cancelled);
    if standing <> 'open' and (own.finished_at is null or (own.succeeded_at is null and standing = 'succeeded')) then
      continue when not pg_try_advisory_xact_lock('duckdive.batch'::regclass::oid::integer, hashtext(own.id::text));
      -- Whoever added to it has committed: that is seen by now.
      counts := duckdive.counts_of(own.id);
      standing := duckdive.standing_as(counts.total, counts.succeeded, counts.failed, counts.cancelled);
    end if;
    select coalesce(sum(gone.total), 0) as total, coalesce(sum(gone.succeeded), 0) as succeeded,
      coalesce(sum(gone.failed), 0) as failed, coalesce(sum(gone.cancelled), 0) as cancelled, count(*)::integer as number
    into change from duckdive.batch_change as gone where gone.number = any(counts.changes);
    delete from duckdive.batch_change as gone where gone.number = any(counts.changes);
    done := done + change.number;
    update duckdive.batch as kept set
      total = kept.total + change.total, succeeded = kept.succeeded + change.succeeded, failed = kept.failed + change.failed,
      cancelled = kept.cancelled + change.cancelled, counted = case when kept.batch is null then kept.counted else standing end,
      finished_at = case when standing <> 'open' then coalesce(kept.finished_at, p_at) else kept.finished_at end,
      succeeded_at = case when standing = 'succeeded' then coalesce(kept.succeeded_at, p_at) else kept.succeeded_at end
    where kept.id = own.id;
    if standing <> 'open' then
      summary := json_build_object(
        'batchId', own.id, 'name', own.name, 'total', counts.total, 'succeeded', counts.succeeded, 'failed', counts.failed,
        'cancelled', counts.cancelled
      )::text;
      if standing = 'succeeded' and own.succeeded_at is null and own.on_success is not null then
        perform duckdive.call_back(own.on_success, summary, p_now);
        called := true;
      end if;
      if own.finished_at is null and own.on_finished is not null then
        perform duckdive.call_back(own.on_finished, summary, p_now);
        called := true;
      end if;
    end if;
    continue when own.batch is null or own.counted = standing;
    insert into duckdive.batch_change (batch, run, succeeded, failed, cancelled) values (
      own.batch, own.id, (standing = 'succeeded')::integer - (own.counted = 'succeeded')::integer,
      (standing = 'failed')::integer - (own.counted = 'failed')::integer,
      (standing = 'cancelled')::integer - (own.counted = 'cancelled')::integer
    );
    left_over := array_remove(left_over, own.batch) || own.batch;
  end loop;
end $$;

-- Removes batches that have been over for 90 days and have nothing left.
create function duckdive.prune_batches(p_limit integer, p_now bigint) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
begin
  delete from duckdive.batch where id = any(array(
    select over.id from duckdive.batch as over
    where over.finished_at <= duckdive.now_or(p_now) - 7776000000
      and not exists (select from duckdive.runs as live where live.batch = over.id)
      and not exists (select from duckdive.history as past where past.batch = over.id)
      and not exists (select from duckdive.batch as own where own.batch = over.id)
      and not exists (select from duckdive.batch_change as change where change.batch = over.id)
    limit p_limit
  ));
end $$;

-- ── Working off ─────────────────────────────────────────────────────────────────────────────────────────────────

-- Tells those that come after them of ends that were left behind: of these runs, or of any the first p_limit. What follows from
-- that is worked off in rounds, so that no depth is too deep, and so much at once that no transaction is long.
create function duckdive.tell_ends(
  p_subjects uuid[], p_limit integer, p_at bigint, out done integer, out ended uuid[], out freed boolean, out due bigint
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  largest constant integer := 2000;
  subjects uuid[] := p_subjects;
  causes uuid[];
  hows text[];
  runs uuid[];
  needs uuid[];
  met record;
begin
  done := 0;
  ended := '{}';
  freed := false;
  loop
    with gone as (
      delete from duckdive.over as own where own.number = any(
        case when subjects is null then array(
          select over.number from duckdive.over order by over.number limit p_limit for update skip locked
        ) else array(
          select over.number from duckdive.over where over.run = any(subjects) order by over.number for update skip locked
        ) end
      )
      returning own.run, own.how
    )
    select array_agg(gone.run), array_agg(gone.how) into causes, hows from gone;
    exit when causes is null;
    done := done + cardinality(causes);
    select array_agg(pair.run), array_agg(pair.needs), array_agg(cause.how) into runs, needs, hows
    from unnest(causes, hows) as cause (run, how)
    cross join lateral (
      select own.run, own.needs from duckdive.dependency as own where own.needs = cause.run and own.is_open offset 0
    ) as pair;
    exit when runs is null;
    met := duckdive.meet_ends(runs, needs, hows, p_at);
    freed := freed or met.freed;
    due := least(due, met.due);
    ended := ended || met.ended;
    exit when cardinality(met.ended) = 0 or cardinality(ended) >= largest;
    subjects := met.ended;
  end loop;
end $$;

-- Does what was left behind about these runs and batches, or of any the first p_limit. What needs a row that somebody has locked
-- stays for another time: `rest` are those that have something left.
--
-- Not synced: a crash undoes what was left behind and its being done together.
create function duckdive.do_flow(
  p_subjects uuid[], p_limit integer, p_now bigint,
  out done integer, out rest uuid[], out ended uuid[], out asked boolean, out claimable boolean, out due bigint, out keys bigint[]
)
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  at bigint;
  strays record;
  links record;
  met record;
  told record;
  added record;
  batches uuid[];
begin
  done := 0;
  rest := '{}';
  ended := '{}';
  asked := false;
  claimable := false;
  keys := '{}';
  if p_subjects is not null and not duckdive.has_flow(p_subjects) then return; end if;
  at := duckdive.moment(p_now);
  perform set_config('synchronous_commit', 'off', true);
  perform set_config('lock_timeout', '100ms', true);
  -- Lanes come before rows, so this comes first.
  select one.ended, one.asked, one.keys into strays from duckdive.end_strays(p_subjects, p_limit, at) as one;
  ended := strays.ended;
  asked := strays.asked;
  keys := strays.keys;
  done := cardinality(ended) + asked::integer;
  links := duckdive.look_at_links(p_subjects, p_limit);
  done := done + links.done;
  if links.runs is not null then
    met := duckdive.meet_ends(links.runs, links.needs, links.hows, at);
    ended := ended || met.ended;
    claimable := claimable or met.freed;
    due := least(due, met.due);
  end if;
  told := duckdive.tell_ends(case when p_subjects is not null then p_subjects || ended end, p_limit, at);
  done := done + told.done;
  ended := ended || told.ended;
  claimable := claimable or told.freed;
  due := least(due, told.due);
  if p_subjects is null then
    batches := array(
      select distinct one.batch from (select change.batch from duckdive.batch_change as change order by change.number limit p_limit) as one
      order by one.batch
    );
  else
    batches := array(
      select distinct change.batch from duckdive.batch_change as change
      where change.run = any(p_subjects || ended) or change.batch = any(p_subjects) order by change.batch
    );
  end if;
  if cardinality(batches) > 0 then
    added := duckdive.add_up(batches, p_now, at);
    done := done + added.done;
    claimable := claimable or added.called;
  end if;
  if p_subjects is not null then
    rest := duckdive.left_of(p_subjects || ended, batches);
  end if;
end $$;

-- Of these runs, and of these batches, those that have something left.
create function duckdive.left_of(p_runs uuid[], p_batches uuid[]) returns uuid[]
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return array(
    select over.run from duckdive.over where over.run = any(p_runs)
    union select link.run from duckdive.link where link.run = any(p_runs)
    union select link.needs from duckdive.link where link.needs = any(p_runs)
    union select stray.parent from duckdive.stray where stray.parent = any(p_runs) and exists (
      select from duckdive.runs as live where live.id = stray.run and live.cancel_asked is null
    )
    union select errand.subject from duckdive.errand where errand.subject = any(p_runs)
    union select change.batch from duckdive.batch_change as change
      where change.batch = any(p_batches) or change.run = any(p_runs || p_batches)
  );
end $$;

-- When somebody has to look next: the start of a scheduled run, the end of a wait or of a run's patience, the opening of a
-- rate, an errand or an end that others have to hear of, any of which may be over, or the end of a queue's being held back.
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
    (select errand.at from duckdive.errand order by errand.number limit 1),
    (
      select at where exists (select from duckdive.over) or exists (select from duckdive.link)
        or exists (select from duckdive.batch_change) or exists (select from duckdive.stray)
    )
  );
end $$;

-- ── What changes beside ─────────────────────────────────────────────────────────────────────────────────────────

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
  delete from duckdive.dependency where run = any(p_ids);
end $$;

-- Removes runs that are kept for hours only and are past it, at most p_limit. Answers how many.
create or replace function duckdive.prune(p_limit integer, p_now bigint) returns integer
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
  perform duckdive.forsake(expired);
  perform duckdive.forget(array(
    select id from unnest(expired) as id where not exists (select from duckdive.runs where runs.id = id)
  ));
  return cardinality(expired);
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
  waits boolean;
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
    waits := run.durable & 32 <> 0 and duckdive.waits_again(run.id);
    insert into duckdive.runs (
      id, lane, state, job, version, queue, priority, requested_at, run_at, start_within, finish_within,
      start_by, finish_by, due, body, input, tags, meta, release, gates, gate_keys,
      gate_limits, fair,
      unique_key, unique_idle, unique_while, durable, parent, parent_entry, batch, wait_reason
    ) values (
      run.id,
      case when not waits then
        duckdive.lane_for(run.queue, run.priority, '', false, run.gates is not null, run.fair is not null) end,
      case when waits then 'waiting' else 'ready' end, run.job, run.version, run.queue, run.priority,
      run.requested_at, at, run.start_within, run.finish_within, at + run.start_within, at + run.finish_within,
      duckdive.due_of('ready', at, at + run.start_within, null, at + run.finish_within, at),
      run.body & 1, run.input, run.tags, run.meta, run.release,
      run.gates, duckdive.keys_of(run.gates), duckdive.limits_of(run.gates), run.fair,
      case when run.unique_while & duckdive.state_bit(case when waits then 'waiting' else 'ready' end) <> 0 then run.unique_key end,
      case when run.unique_while & duckdive.state_bit(case when waits then 'waiting' else 'ready' end) = 0 then run.unique_key end,
      run.unique_while,
      run.durable, run.parent, run.parent_entry, run.batch, case when waits then 'dependency' end
    ) on conflict do nothing;
    -- Somebody else got the key in between.
    continue when not found;
    delete from duckdive.history where id = item.id;
    if run.batch is not null then
      insert into duckdive.batch_change (batch, run, failed, cancelled)
      values (run.batch, run.id, -(run.state = 'failed')::integer, -(run.state = 'cancelled')::integer);
    end if;
    if run.durable & 1 <> 0 then perform duckdive.reopen_entries(run); end if;
    perform duckdive.append_event(run.id, 'retried', null, run.attempt, run.token, null, at);
    answers[item.number] := true;
  end loop;
  return answers;
end $$;

-- Ends runs that are not running, asks for the end of those that are. Answers for each: 'ended', 'asked', or null. What comes
-- after one is told before the next is looked at: `ended` are those that ended by that.
create function duckdive.cancel_each(
  p_ids uuid[], p_reason text, p_now bigint, out answers text[], out ended uuid[], out freed boolean, out due bigint
)
language plpgsql volatile as $$
declare
  lanes integer[];
  at constant bigint := duckdive.now_or(p_now);
  told record;
  held_runs uuid[];
  held_workers text[];
  place integer;
  item record;
  run duckdive.runs;
begin
  answers := array_fill(null::text, array[cardinality(p_ids)]);
  ended := '{}';
  freed := false;
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
    continue when run.durable & 16 = 0;
    told := duckdive.tell_ends(array[run.id], null, at);
    ended := ended || told.ended;
    freed := freed or told.freed;
    due := least(due, told.due);
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.cancel(p_ids uuid[], p_reason text, p_now bigint) returns text[]
language sql volatile as $$ select answers from duckdive.cancel_each(p_ids, p_reason, p_now) $$;

-- Removes runs that are not running. Answers for each: 'live', 'ended', or null. What comes after one is told before the next is
-- looked at: `ended` are those that ended by that. Without p_tells nobody is told, and batches go on counting them.
create function duckdive.remove_each(
  p_ids uuid[], p_tells boolean, p_now bigint, out answers text[], out ended uuid[], out freed boolean, out due bigint
)
language plpgsql volatile as $$
declare
  lanes integer[];
  at constant bigint := duckdive.now_or(p_now);
  told record;
  running uuid[];
  item record;
  gone duckdive.runs;
begin
  answers := array_fill(null::text, array[cardinality(p_ids)]);
  ended := '{}';
  freed := false;
  lanes := duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  running := array(select id from duckdive.held where id = any(p_ids));
  for item in select id, min(number) as number from unnest(p_ids) with ordinality as i (id, number) group by id order by id
  loop
    delete from duckdive.runs as run
    where run.id = item.id and run.id <> all(running)
    returning * into gone;
    if found then
      if p_tells and gone.durable & 80 <> 0 then perform duckdive.leave_flow(gone, 'removed'); end if;
      if gone.durable & 6 <> 0 then perform duckdive.leave_word(gone, 0); end if;
      answers[item.number] := 'live';
    else
      delete from duckdive.history where id = item.id;
      if found then
        answers[item.number] := 'ended';
        if p_tells then perform duckdive.forsake(array[item.id]); end if;
      end if;
    end if;
    continue when answers[item.number] is null;
    perform duckdive.forget(array[item.id]);
    continue when not p_tells;
    told := duckdive.tell_ends(array[item.id], null, at);
    ended := ended || told.ended;
    freed := freed or told.freed;
    due := least(due, told.due);
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.remove(p_ids uuid[]) returns text[]
language sql volatile as $$ select answers from duckdive.remove_each(p_ids, true, null) $$;

-- Removes runs that still are what somebody has read. Answers which. First the lanes, then the rows, are held, so that
-- what is compared here is what is removed. Nobody is told, and a batch goes with the last of its runs.
create or replace function duckdive.release(p_ids uuid[], p_tokens bigint[], p_states text[]) returns uuid[]
language plpgsql volatile as $$
declare
  same uuid[];
  batches uuid[];
  answer uuid[];
begin
  perform duckdive.lock_lanes_of(p_ids);
  perform duckdive.lock_rows(p_ids);
  perform from duckdive.history where id = any(p_ids) order by id for update;
  select array_agg(own.id), array_agg(distinct own.batch) filter (where own.batch is not null) into same, batches
  from duckdive.stored(p_ids) as own
  join unnest(p_ids, p_tokens, p_states) as asked (id, token, state) on asked.id = own.id
  where own.token = asked.token and own.state = asked.state;
  same := coalesce(same, '{}');
  answer := array(
    select gone.id from unnest(same, (duckdive.remove_each(same, false, null)).answers) as gone (id, answer) where gone.answer is not null
  );
  while cardinality(batches) > 0 loop
    with gone as (
      delete from duckdive.batch as own
      where own.id = any(batches)
        and not exists (select from duckdive.runs as live where live.batch = own.id)
        and not exists (select from duckdive.history as past where past.batch = own.id)
        and not exists (select from duckdive.batch as inside where inside.batch = own.id)
      returning own.id, own.batch
    ), changes as (
      delete from duckdive.batch_change as change using gone where change.batch = gone.id
    )
    select array_agg(distinct gone.batch) filter (where gone.batch is not null) into batches from gone;
  end loop;
  return answer;
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
      run.id, case when run.durable & 32 <> 0 and duckdive.is_held_back(run.id) then 'waiting'
        when run.run_at > at then 'scheduled' else 'ready' end, run.run_at, '',
      case when run.durable & 32 <> 0 and duckdive.is_held_back(run.id) then 'dependency' end, null, null, 0, 0, null, false, at
    );
  end loop;
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
        parent json, flow smallint, batch uuid
      )
    ) with ordinality as one (
      job, version, queue, priority, due_at, due_after, waiting, start_within, finish_within, tags, meta, release,
      gates, fair, "unique", parent, flow, batch, number
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
      gate_limits, fair, seq, unique_key, unique_idle, unique_while, durable, parent, parent_entry, batch
    )
    select asked.id, case when shape.state = 'ready' then shape.lane end, shape.state, waiting, job, version, home, priority, at, run_at,
      start_within, finish_within, at + start_within, at + finish_within, shape.due,
      case when p_is_long and duckdive.is_long(asked.input) then 1 else 0 end,
      case when not p_is_long or not duckdive.is_long(asked.input) then asked.input::json end, tags, meta, release,
      case when gate_keys is not null then gates end, gate_keys, gate_limits, fair, asked.seq,
      case when unique_while & duckdive.state_bit(shape.state) <> 0 then asked.key end,
      case when unique_while & duckdive.state_bit(shape.state) = 0 then asked.key end,
      case when asked.key is not null then unique_while end,
      coalesce(shape.flow, 0) | case when shape.parent is null then 0 when shape.parent ->> 'onEnd' = 'leave' then 12 else 4 end,
      (shape.parent ->> 'run')::uuid, shape.parent ->> 'entry', shape.batch
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

-- Records runs of which some come after others, or are counted in batches, and batches. Answers for those that were not recorded
-- which run is meant in their place, and why, as `record_unique` does; or what refuses all: 'unknown' with a run that is not
-- there, and who comes after it, 'no-batch' with a batch that is not there, 'finished' and its name with one that nothing can be added to.
--
-- p_after are who comes after whom, with the policy of each. Of the others of this call nobody else can know; any other
-- one is looked at behind the commit, by its link, since its row may be locked for long.
create function duckdive.record_flow(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[], p_patience text, p_runs uuid[], p_needs uuid[], p_policies smallint[],
  p_batches json
) returns table (id uuid, run uuid, answer text, let_go bigint[])
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_nestloop = off set enable_mergejoin = off
as $$
declare
  at constant bigint := duckdive.moment(p_now);
  present uuid[];
  earliest constant bigint := (select min(duckdive.time_in(one)) from unnest(p_needs) as one) - 86400000;
  batch_ids uuid[];
  totals integer[];
  created uuid[];
  met_ids uuid[] := '{}';
  met_runs uuid[] := '{}';
  one record;
begin
  if p_nonce <> (select nonce from duckdive.meta) then
    return query select null::uuid, null::uuid, null::text, null::bigint[];
    return;
  end if;
  present := array(select live.id from duckdive.runs as live where live.id = any(p_ids))
    || duckdive.finished_among(p_known, at);
  -- One that ends between two statements would be nowhere, so this is one.
  select asked.run, asked.needs into one
  from unnest(p_runs, p_needs) as asked (run, needs)
  left join unnest(p_ids) as own (id) on own.id = asked.needs
  where own.id is null and asked.run <> all(present)
    -- With the offset each is looked up by itself, whatever the statistics say.
    and not exists (select from duckdive.runs as live where live.id = asked.needs offset 0)
    and not exists (
      select from duckdive.history as past where past.id = asked.needs and past.finished_at >= earliest offset 0
    )
  limit 1;
  if found then
    return query select one.run, one.needs, 'unknown'::text, null::bigint[];
    return;
  end if;
  select array_agg(each.batch order by each.batch), array_agg(each.total order by each.batch) into batch_ids, totals from (
    select asked.batch, count(*)::integer as total from (
      select shape.batch from unnest(p_ids, p_numbers) as each (id, number)
      join rows from (json_to_recordset(p_shapes) as (batch uuid)) with ordinality as shape (batch, number)
        on shape.number = each.number
      where shape.batch is not null and each.id <> all(present)
      union all
      select outside.batch from json_to_recordset(p_batches) as outside (id uuid, batch uuid)
      where outside.batch is not null and not exists (select from duckdive.batch as own where own.id = outside.id)
    ) as asked group by asked.batch
  ) as each;
  for one in
    select asked.id from unnest(batch_ids) as asked (id)
    where asked.id not in (select own.id from json_to_recordset(p_batches) as own (id uuid)) order by asked.id
  loop
    perform duckdive.lock_batch(one.id);
  end loop;
  for one in
    select asked.id, own.name, own.id is not null as is_there, own.finished_at is not null and duckdive.standing_as(
      counts.total, counts.succeeded, counts.failed, counts.cancelled
    ) <> 'open' as is_over
    from unnest(batch_ids) as asked (id) left join duckdive.batch as own on own.id = asked.id
    left join lateral duckdive.counts_of(own.id) as counts on true
    where own.id is not null or asked.id not in (select other.id from json_to_recordset(p_batches) as other (id uuid))
    order by asked.id
  loop
    continue when one.is_there and not one.is_over;
    return query select one.id, one.id, case when one.is_there then 'finished ' || one.name else 'no-batch' end, null::bigint[];
    return;
  end loop;
  with recorded as (
    insert into duckdive.batch (id, name, batch, on_success, on_finished, created_at)
    select asked.id, asked.name, asked.batch, asked.on_success, asked.on_finished, at
    from json_to_recordset(p_batches) as asked (id uuid, name text, batch uuid, on_success json, on_finished json)
    order by asked.id
    on conflict on constraint batch_pkey do nothing returning batch.id, batch.batch
  ), outside as (
    insert into duckdive.batch_change (batch, total) select recorded.batch, count(*) from recorded
    where recorded.batch is not null group by recorded.batch
  )
  select array_agg(recorded.id) into created from recorded;
  if cardinality(p_ids) > 0 then
    if p_keys is null then
      met_ids := array(select duckdive.insert_runs(
        p_ids, p_inputs, p_numbers, p_shapes, p_known, p_is_long, p_now, p_notice, null
      ));
      met_runs := met_ids;
      return query select each, each, 'present'::text, null::bigint[] from unnest(met_ids) as each;
    else
      for one in
        select * from duckdive.record_unique(
          p_ids, p_inputs, p_numbers, p_shapes, p_known, p_is_long, p_now, p_notice, null, p_keys, true, p_patience
        )
      loop
        id := one.id;
        run := one.run;
        answer := one.answer;
        let_go := one.let_go;
        return next;
        if answer = 'rejected' then
          delete from duckdive.batch_change as change using duckdive.batch as own
          where own.id = any(created) and change.batch = own.batch and change.run is null;
          delete from duckdive.batch as own where own.id = any(created);
          return;
        end if;
        met_ids := met_ids || one.id;
        met_runs := met_runs || one.run;
      end loop;
    end if;
  elsif p_notice is not null then
    perform pg_notify('duckdive', p_notice);
  end if;
  insert into duckdive.batch_change (batch, total)
  select shape.batch, count(*) from unnest(p_ids, p_numbers) as each (id, number)
  join rows from (json_to_recordset(p_shapes) as (batch uuid)) with ordinality as shape (batch, number)
    on shape.number = each.number
  where shape.batch is not null and each.id <> all(met_ids) group by shape.batch;
  -- One without anything has to be looked at as well.
  insert into duckdive.batch_change (batch)
  select own from unnest(created) as own
  where not exists (select from duckdive.batch_change as change where change.batch = own);
  with pairs as (
    select distinct on (asked.run, coalesce(met.run, asked.needs)) asked.run, coalesce(met.run, asked.needs) as needs, asked.policy,
      own.id is not null and met.id is null as is_own
    from unnest(p_runs, p_needs, p_policies) as asked (run, needs, policy)
    left join unnest(met_ids, met_runs) as met (id, run) on met.id = asked.needs
    left join unnest(p_ids) as own (id) on own.id = asked.needs
    where asked.run <> all(met_ids)
  ), links as (
    insert into duckdive.link (run, needs) select pairs.run, pairs.needs from pairs where not pairs.is_own
  )
  insert into duckdive.dependency (run, needs, policy, is_open) select pairs.run, pairs.needs, pairs.policy, true from pairs;
end $$;

-- What a claim holds, without what was cancelled or replaced since.
drop function duckdive.claimed(uuid);
create function duckdive.claimed(p_claim uuid)
returns table (
  id uuid, token bigint, job text, version integer, queue text, priority smallint, input text,
  attempt integer, crashes integer, requested_at bigint, run_at bigint, started_at bigint,
  start_by bigint, finish_by bigint, tags text, meta text,
  is_paused boolean, gate_keys bigint[], rate_keys bigint[], is_unique boolean, durable smallint, parent uuid,
  batch uuid
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
    run.unique_while is not null, run.durable, run.parent, run.batch
  from duckdive.runs as run join part on part.id = run.id and part.seq = run.seq
  where run.id = any(held.runs)
  order by run.priority desc, run.run_at, run.seq;
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
  parent uuid, batch uuid, after uuid[]
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
    live.wait_reason, coalesce(live.wait_on, live.awaits, needed.first[1]::text), live.cancel_asked, live.route, live.seq,
    live.attempt + (held.run is not null)::integer, live.crashes, held.worker, live.requested_at, live.run_at,
    coalesce(held.at, live.started_at), null::bigint, live.start_by, live.finish_by,
    null::bigint, live.body, live.input, null::json, live.error, live.tags, live.meta, live.release, live.parent,
    live.batch, nullif(needed.first, '{}')
  from duckdive.runs as live left join held on held.run = live.id and held.seq = live.seq
  cross join lateral (
    select case when live.durable & 32 <> 0 then duckdive.first_needs(live.id) end as first offset 0
  ) as needed
  where live.id = any(p_ids)
  union all
  select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null, null, '',
    past.token, past.attempt, past.crashes, null, past.requested_at, past.run_at, past.started_at, past.finished_at,
    past.start_by, past.finish_by, past.expires_at, past.body, past.input, past.output, past.error, past.tags, past.meta,
    past.release, past.parent, past.batch,
    case when past.durable & 32 <> 0 then nullif(duckdive.first_needs(past.id), '{}') end
  from duckdive.history as past where past.id = any(p_ids) and past.finished_at >= earliest;
end $$;

-- Of the runs that one comes after, those that have not ended well, the first hundred.
create function duckdive.first_needs(p_run uuid) returns uuid[]
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  return array(select pair.needs from duckdive.dependency as pair where pair.run = p_run and pair.is_open order by pair.run, pair.needs limit 100);
end $$;

-- ── Moving ──────────────────────────────────────────────────────────────────────────────────────────────────────

-- Batches that come from another store with a run of theirs. What others have counted is kept apart from what is counted here, so
-- that each reading may bring it anew; what this store itself has counted it knows, unless it had let the batch go.
create function duckdive.adopt_batches(p_batches json) returns void
language plpgsql volatile as $$
declare
  own_word constant text := (select nonce from duckdive.meta);
begin
  insert into duckdive.batch as known (
    id, name, batch, counted, total, succeeded, failed, cancelled, elsewhere, on_success, on_finished, created_at, finished_at,
    succeeded_at
  )
  select asked.id, asked.name, asked.batch, duckdive.standing_as(asked.total, asked.succeeded, asked.failed, asked.cancelled),
    coalesce((own.counts ->> 'total')::bigint, 0), coalesce((own.counts ->> 'succeeded')::bigint, 0),
    coalesce((own.counts ->> 'failed')::bigint, 0), coalesce((own.counts ->> 'cancelled')::bigint, 0),
    (asked.counted - own_word)::json, asked.on_success, asked.on_finished, asked.created_at, asked.finished_at, asked.succeeded_at
  from json_to_recordset(p_batches) as asked (
    id uuid, name text, batch uuid, total bigint, succeeded bigint, failed bigint, cancelled bigint, counted jsonb, on_success json,
    on_finished json, created_at bigint, finished_at bigint, succeeded_at bigint
  )
  cross join lateral (select asked.counted -> own_word as counts) as own
  order by asked.id
  on conflict (id) do update set
    elsewhere = (coalesce(known.elsewhere, '{}')::jsonb || excluded.elsewhere::jsonb)::json,
    finished_at = coalesce(known.finished_at, excluded.finished_at),
    succeeded_at = coalesce(known.succeeded_at, excluded.succeeded_at);
  insert into duckdive.batch_change (batch) select asked.id from json_to_recordset(p_batches) as asked (id uuid);
end $$;

-- What a run from another store has to do with others: those here, and those that may come. Whoever waits for it here is let go
-- if it has succeeded, and so is this one. Nobody ends by what another store has seen: who waits for a run that failed was
-- tried again there.
create function duckdive.adopt_others(item record) returns void
language plpgsql volatile
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  needed constant uuid[] := array(select value::uuid from json_array_elements_text(coalesce(item.after, '[]')) as value);
  is_followed constant boolean := exists (select from duckdive.dependency where needs = item.id and is_open);
  bits constant smallint := is_followed::integer * 16 + (cardinality(needed) > 0)::integer * 32 + (item.batch is not null)::integer * 64;
begin
  if bits = 0 then return; end if;
  update duckdive.runs set durable = durable | bits, batch = item.batch where id = item.id;
  update duckdive.history set durable = durable | bits, batch = item.batch where id = item.id and finished_at = item.finished_at;
  insert into duckdive.dependency (run, needs, policy, is_open)
  select item.id, one, coalesce(item.policy, 0),
    not exists (select from duckdive.history as past where past.id = one and past.state = 'succeeded')
  from unnest(needed) as one
  on conflict do nothing;
  update duckdive.history set durable = durable | 16 where id = any(needed) and durable & 16 = 0;
  -- Those that live here have to know, and where nothing is open it has to be found out.
  insert into duckdive.link (run, needs)
  select item.id, one from unnest(needed) as one
  where exists (select from duckdive.runs as live where live.id = one)
    or exists (select from duckdive.history as past where past.id = one and past.state = 'succeeded')
  on conflict do nothing;
  if is_followed and item.state = 'succeeded' then insert into duckdive.over (run, how) values (item.id, 'succeeded'); end if;
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
      logs json, entries json, gates json, fair text, signals json, batch uuid, after json, policy smallint
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
    perform duckdive.adopt_others(item);
    return next item.id;
  end loop;
end $$;
