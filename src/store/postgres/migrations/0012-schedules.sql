-- Schedules: what ticks when, which workers have it in their code, and what became of its last ticks.

create table duckdive.schedule (
  name text primary key,
  origin text not null check (origin in ('code', 'runtime')),
  job text not null,
  times text not null,             -- when it ticks, as text that the store does not read
  policy text not null,            -- what else is said of it, likewise
  input text,                      -- json; null: none, or code computes it
  digest text not null,            -- of job, times and policy
  former text[] not null,          -- digests it had before
  release text,
  next_at bigint,                  -- null: it does not tick any more
  ticks bigint not null default 0, -- how many were recorded
  paused_at bigint,
  retired_at bigint,
  created_at bigint not null
);

create index schedule_due on duckdive.schedule (next_at)
  where next_at is not null and paused_at is null and retired_at is null;

-- Which live worker names which schedule in its code, and defined how. Of every worker that published there is a row with
-- no name, so that one whose code names none is known as well; its digest says 'all' when these are all there are.
create table duckdive.scheduler (
  schedule text not null,
  worker text not null,
  digest text not null,
  primary key (schedule, worker)
);

create index scheduler_worker on duckdive.scheduler (worker);

create table duckdive.tick (
  schedule text not null,
  number bigint not null,          -- counts inside the schedule
  at bigint not null,
  until bigint,                    -- of several that were missed the last …
  count integer not null,          -- … and how many they are
  outcome text not null check (outcome in ('enqueued', 'skipped', 'missed', 'failed', 'triggered')),
  run uuid,
  note text,
  recorded_at bigint not null,
  primary key (schedule, number)
);

-- Counts up when schedules change: who hears no notices sees by it that it was about schedules.
alter table duckdive.meta add column schedules bigint not null default 0;

create function duckdive.schedules_changed() returns void
language sql volatile as $$ update duckdive.meta set schedules = schedules + 1 $$;

-- Retires what no live worker names any more, while one lives that would: it named all of its application's, or has the
-- job.
create function duckdive.retire_schedules(p_now bigint) returns void
language sql volatile as $$
  update duckdive.schedule as own set retired_at = p_now
  where own.origin = 'code' and own.retired_at is null
    and exists (
      select from duckdive.scheduler as other where other.schedule = '' and (
        other.digest = 'all'
        or exists (select from duckdive.ability as had where had.job = own.job and had.worker = other.worker)
      )
    )
    and not exists (select from duckdive.scheduler as had where had.schedule = own.name)
$$;

-- Gives a schedule a definition: a new one, or the same again. With other times, or when it shall, it begins anew.
create function duckdive.define_schedule(p_item json, p_origin text, p_release text, p_anew boolean, p_now bigint) returns void
language plpgsql volatile as $$
declare
  item record;
begin
  select * into item from json_to_record(p_item) as item (
    name text, job text, times text, policy text, input text, digest text, first bigint, kept integer
  );
  insert into duckdive.schedule as own (name, origin, job, times, policy, input, digest, former, release, next_at, created_at)
  values (
    item.name, p_origin, item.job, item.times, item.policy, item.input, item.digest, '{}', p_release, item.first, p_now
  )
  on conflict (name) do update set
    origin = excluded.origin, job = excluded.job, times = excluded.times, policy = excluded.policy, input = excluded.input,
    digest = excluded.digest, release = excluded.release, retired_at = null,
    next_at = case when p_anew or own.times <> excluded.times then excluded.next_at else own.next_at end,
    former = case when own.digest = excluded.digest then own.former
      else (array_remove(own.former, excluded.digest) || own.digest)[
        greatest(1, cardinality(array_remove(own.former, excluded.digest)) + 2 - item.kept):
      ] end;
end $$;

-- Enters the schedules of a worker's code, in place of what it entered before: docs/decisions/0008-schedules.md.
--
-- p_items: name, job, times, policy, input, digest, first (its first tick, should it begin anew), and how many earlier
-- digests are kept. Whoever publishes does so after another, so that each sees what the others have.
create function duckdive.publish_schedules(
  p_worker text, p_items json, p_is_all boolean, p_release text, p_away bigint, p_now bigint
) returns void
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  item json;
  known duckdive.schedule;
begin
  perform pg_advisory_xact_lock('duckdive.schedule'::regclass::oid::bigint);
  delete from duckdive.scheduler where worker = p_worker;
  for item in select one from json_array_elements(p_items) as one order by one ->> 'name' loop
    select * into known from duckdive.schedule where name = item ->> 'name' for update;
    continue when found and known.retired_at is null
      and known.digest <> item ->> 'digest' and item ->> 'digest' = any(known.former)
      and exists (select from duckdive.scheduler as had where had.schedule = known.name and had.digest = known.digest);
    perform duckdive.define_schedule(
      item, 'code', p_release,
      found and (known.origin <> 'code' or coalesce(at - known.retired_at >= p_away, false)), at
    );
  end loop;
  insert into duckdive.scheduler (schedule, worker, digest)
  select entry.schedule, p_worker, entry.digest from (
    select '' as schedule, case when p_is_all then 'all' else '' end as digest
    union all select one ->> 'name', one ->> 'digest' from json_array_elements(p_items) as one
  ) as entry
  where exists (select from duckdive.worker where id = p_worker);
  perform duckdive.retire_schedules(at);
  perform duckdive.schedules_changed();
end $$;

-- Workers are gone, and with them what they had in code. Answers whether they had anything.
create function duckdive.forget_schedulers(p_workers text[], p_now bigint) returns boolean
language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock('duckdive.schedule'::regclass::oid::bigint);
  delete from duckdive.scheduler where worker = any(p_workers);
  if not found then return false; end if;
  perform duckdive.retire_schedules(duckdive.moment(p_now));
  perform duckdive.schedules_changed();
  return true;
end $$;

-- Records ticks with their runs and moves the schedule on, if it still stands where the worker has read it: answers null
-- when it does not, and otherwise whether the runs were left out, since one that it made before has not ended.
create function duckdive.record_ticks(
  p_schedule text, p_expected bigint, p_next bigint, p_unless_running boolean, p_ticks json, p_kept integer,
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_is_long boolean, p_notice text, p_now bigint
) returns boolean
language plpgsql volatile as $$
declare
  moment constant bigint := duckdive.moment(p_now);
  known duckdive.schedule;
  skipped boolean;
  total bigint;
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
    perform duckdive.insert_runs(p_ids, p_inputs, p_numbers, p_shapes, p_ids, p_is_long, p_now, p_notice, null);
  end if;
  insert into duckdive.tick (schedule, number, at, until, count, outcome, run, note, recorded_at)
  select p_schedule, known.ticks + one.place, one.at, one.until, coalesce(one.count, 1),
    case when skipped and one.run is not null then 'skipped' else one.outcome end,
    case when not skipped then one.run end, one.note, moment
  from rows from (
    json_to_recordset(p_ticks) as (at bigint, until bigint, count integer, outcome text, run uuid, note text)
  ) with ordinality as one (at, until, count, outcome, run, note, place);
  total := known.ticks + json_array_length(p_ticks);
  delete from duckdive.tick where schedule = p_schedule and number <= total - p_kept;
  update duckdive.schedule set ticks = total, next_at = case when p_expected is null then known.next_at else p_next end
  where name = p_schedule;
  return skipped;
end $$;

-- Makes a schedule at run time, or changes one; answers what stood in the way.
create function duckdive.put_schedule(p_item json, p_how text, p_release text, p_now bigint) returns text
language plpgsql volatile as $$
declare
  known duckdive.schedule;
begin
  perform pg_advisory_xact_lock('duckdive.schedule'::regclass::oid::bigint);
  select * into known from duckdive.schedule where name = p_item ->> 'name' for update;
  if p_how = 'create' and found then return 'exists'; end if;
  if p_how = 'update' and not found then return 'missing'; end if;
  if p_how = 'update' and known.origin = 'code' then return 'code'; end if;
  perform duckdive.define_schedule(p_item, 'runtime', p_release, false, duckdive.moment(p_now));
  perform duckdive.schedules_changed();
  return 'done';
end $$;

-- Removes a schedule that was made at run time, or is retired, with its history.
create function duckdive.remove_schedule(p_name text) returns text
language plpgsql volatile as $$
declare
  known duckdive.schedule;
begin
  select * into known from duckdive.schedule where name = p_name for update;
  if not found then return 'missing'; end if;
  if known.origin = 'code' and known.retired_at is null then return 'code'; end if;
  delete from duckdive.schedule where name = p_name;
  delete from duckdive.tick where schedule = p_name;
  perform duckdive.schedules_changed();
  return 'done';
end $$;

-- Pauses a schedule, or lets it tick again from p_next on; answers whether that changed anything.
create function duckdive.pause_schedule(p_name text, p_pause boolean, p_next bigint, p_now bigint) returns boolean
language plpgsql volatile as $$
begin
  update duckdive.schedule set
    paused_at = case when p_pause then duckdive.now_or(p_now) end,
    next_at = case when p_pause then next_at else p_next end
  where name = p_name and (paused_at is null) = p_pause;
  if not found then return false; end if;
  perform duckdive.schedules_changed();
  return true;
end $$;
