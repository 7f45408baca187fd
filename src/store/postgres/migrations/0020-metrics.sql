-- Metrics over time: counts of minutes are rolled up to hours, and how long runs waited is counted by the step of a scale.

-- The counts of hours, from three hours ago back to thirty days ago; the minutes stand in duckdive.tally.
create table duckdive.tally_hour (like duckdive.tally including all);

-- How many executions began after a wait of that step, up to 2^(step / 2) milliseconds, by the minute.
create table duckdive.wait (
  minute bigint not null,
  queue text not null,
  step integer not null,
  number bigint not null,
  primary key (minute, queue, step)
);

-- The same by the hour.
create table duckdive.wait_hour (like duckdive.wait including all);

-- Adds what a worker has seen to the counts by the minute, in the order in which everybody does, so that two cannot wait for
-- each other. Indexes: the primary keys.
create function duckdive.add_tallies(p_tallies json, p_waits json) returns void
language plpgsql volatile as $$
begin
  insert into duckdive.tally as known (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
  select minute, queue, job, sum(succeeded), sum(failed), sum(cancelled), sum(retried), sum(waited), sum(ran)
  from json_to_recordset(p_tallies) as told (
    minute bigint, queue text, job text, succeeded bigint, failed bigint, cancelled bigint, retried bigint,
    waited bigint, ran bigint
  )
  group by minute, queue, job
  order by minute, queue, job
  on conflict (minute, queue, job) do update set
    succeeded = known.succeeded + excluded.succeeded, failed = known.failed + excluded.failed,
    cancelled = known.cancelled + excluded.cancelled, retried = known.retried + excluded.retried,
    waited = known.waited + excluded.waited, ran = known.ran + excluded.ran;
  insert into duckdive.wait as known (minute, queue, step, number)
  select minute, queue, step, sum(number)
  from json_to_recordset(p_waits) as told (minute bigint, queue text, step integer, number bigint)
  group by minute, queue, step
  order by minute, queue, step
  on conflict (minute, queue, step) do update set number = known.number + excluded.number;
end $$;

-- Rolls up an hour of minutes that are all older than three hours, and answers whether there was one. What two workers roll
-- up at once is moved by the one that removes it first. Indexes: the primary keys.
create function duckdive.roll_up_tallies(p_now bigint) returns boolean
language plpgsql volatile as $$
declare
  span constant bigint := 3600000;
  latest constant bigint := (duckdive.now_or(p_now) - 3 * span) / span * span;
  oldest constant bigint := (
    select min(minute) from (
      select min(minute) as minute from duckdive.tally union all select min(minute) from duckdive.wait
    ) as ends
  );
  start constant bigint := oldest / span * span;
begin
  if oldest is null or oldest >= latest then return false; end if;
  with gone as (delete from duckdive.tally where minute < start + span returning *)
  insert into duckdive.tally_hour as known (minute, queue, job, succeeded, failed, cancelled, retried, waited, ran)
  select start, queue, job, sum(succeeded), sum(failed), sum(cancelled), sum(retried), sum(waited), sum(ran)
  from gone group by queue, job order by queue, job
  on conflict (minute, queue, job) do update set
    succeeded = known.succeeded + excluded.succeeded, failed = known.failed + excluded.failed,
    cancelled = known.cancelled + excluded.cancelled, retried = known.retried + excluded.retried,
    waited = known.waited + excluded.waited, ran = known.ran + excluded.ran;
  with gone as (delete from duckdive.wait where minute < start + span returning *)
  insert into duckdive.wait_hour as known (minute, queue, step, number)
  select start, queue, step, sum(number) from gone group by queue, step order by queue, step
  on conflict (minute, queue, step) do update set number = known.number + excluded.number;
  return true;
end $$;

-- Removes counts that are older than 30 days. Indexes: the primary keys.
create or replace function duckdive.prune_tallies(p_now bigint) returns void
language sql volatile as $$
  delete from duckdive.tally_hour where minute < duckdive.now_or(p_now) - 2592000000;
  delete from duckdive.wait_hour where minute < duckdive.now_or(p_now) - 2592000000
$$;

-- ── Pages of runs ───────────────────────────────────────────────────────────────────────────────────────────────────
-- The newest request first, with where each stands in that order. Ids made by duckdive (UUIDv7) begin with the time of the
-- request, so the primary keys have the order already; runs with ids of other kinds are few and have an index of their own. A
-- planner that knows little of a table that was filled a moment ago would rather read and sort all of it; so what it may not do
-- is said here, and each part stops at the limit. Whether a run is held is asked of a hash, which keeps the order.

-- All runs. Indexes: the primary keys of runs and history, runs_other, history_other.
create function duckdive.list_runs(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
  select page.id, page.moment from (
  (select live.id, duckdive.time_in(live.id) as moment from duckdive.runs as live
  where get_byte(uuid_send(live.id), 6) >> 4 = 7
    and live.id < p_ceiling and (duckdive.time_in(live.id), live.id) < (p_moment, p_before)
    and (p_ids is null or live.id = any(p_ids))
    and (p_states is null or case when live.id in (select held.id from duckdive.held as held) then 'running' else live.state end = any(p_states))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.id desc limit p_limit)
  union all
  (select live.id, live.requested_at as moment from duckdive.runs as live
  where get_byte(uuid_send(live.id), 6) >> 4 <> 7
    and (live.requested_at, live.id) < (p_moment, p_before)
    and (p_ids is null or live.id = any(p_ids))
    and (p_states is null or case when live.id in (select held.id from duckdive.held as held) then 'running' else live.state end = any(p_states))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.requested_at desc, live.id desc limit p_limit)
  union all
  (select past.id, duckdive.time_in(past.id) as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 = 7
    and past.id < p_ceiling and (duckdive.time_in(past.id), past.id) < (p_moment, p_before)
    and (p_ids is null or past.id = any(p_ids))
    and (p_states is null or past.state = any(p_states))
    and (p_reasons is null or past.reason = any(p_reasons))
    and p_waiting is null
    and (p_jobs is null or past.job = any(p_jobs))
    and (p_queues is null or past.queue = any(p_queues))
    and (p_since is null or past.requested_at >= p_since)
    and (p_until is null or past.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(past.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(past.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.id desc limit p_limit)
  union all
  (select past.id, past.requested_at as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 <> 7
    and (past.requested_at, past.id) < (p_moment, p_before)
    and (p_ids is null or past.id = any(p_ids))
    and (p_states is null or past.state = any(p_states))
    and (p_reasons is null or past.reason = any(p_reasons))
    and p_waiting is null
    and (p_jobs is null or past.job = any(p_jobs))
    and (p_queues is null or past.queue = any(p_queues))
    and (p_since is null or past.requested_at >= p_since)
    and (p_until is null or past.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(past.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(past.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.requested_at desc, past.id desc limit p_limit)
  ) as page
  order by page.moment desc, page.id desc limit p_limit
$$;

-- Runs that have not ended, for filters that no ended run fits. Indexes: the primary key of runs, runs_other.
create function duckdive.list_live(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
  select page.id, page.moment from (
  (select live.id, duckdive.time_in(live.id) as moment from duckdive.runs as live
  where get_byte(uuid_send(live.id), 6) >> 4 = 7
    and live.id < p_ceiling and (duckdive.time_in(live.id), live.id) < (p_moment, p_before)
    and (p_ids is null or live.id = any(p_ids))
    and (p_states is null or case when live.id in (select held.id from duckdive.held as held) then 'running' else live.state end = any(p_states))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.id desc limit p_limit)
  union all
  (select live.id, live.requested_at as moment from duckdive.runs as live
  where get_byte(uuid_send(live.id), 6) >> 4 <> 7
    and (live.requested_at, live.id) < (p_moment, p_before)
    and (p_ids is null or live.id = any(p_ids))
    and (p_states is null or case when live.id in (select held.id from duckdive.held as held) then 'running' else live.state end = any(p_states))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
  order by live.requested_at desc, live.id desc limit p_limit)
  ) as page
  order by page.moment desc, page.id desc limit p_limit
$$;

-- Runs that failed or were cancelled, few among many that succeeded. Indexes: history_unwell, history_other.
create function duckdive.list_unwell(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off set enable_sort = off set enable_hashjoin = off set enable_mergejoin = off
set enable_bitmapscan = off
as $$
  select page.id, page.moment from (
  (select past.id, duckdive.time_in(past.id) as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 = 7
    and past.id < p_ceiling and (duckdive.time_in(past.id), past.id) < (p_moment, p_before)
    and (p_ids is null or past.id = any(p_ids))
    and past.state <> 'succeeded'
    and (p_states is null or past.state = any(p_states))
    and (p_reasons is null or past.reason = any(p_reasons))
    and p_waiting is null
    and (p_jobs is null or past.job = any(p_jobs))
    and (p_queues is null or past.queue = any(p_queues))
    and (p_since is null or past.requested_at >= p_since)
    and (p_until is null or past.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(past.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(past.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.id desc limit p_limit)
  union all
  (select past.id, past.requested_at as moment from duckdive.history as past
  where get_byte(uuid_send(past.id), 6) >> 4 <> 7
    and (past.requested_at, past.id) < (p_moment, p_before)
    and (p_ids is null or past.id = any(p_ids))
    and past.state <> 'succeeded'
    and (p_states is null or past.state = any(p_states))
    and (p_reasons is null or past.reason = any(p_reasons))
    and p_waiting is null
    and (p_jobs is null or past.job = any(p_jobs))
    and (p_queues is null or past.queue = any(p_queues))
    and (p_since is null or past.requested_at >= p_since)
    and (p_until is null or past.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(past.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(past.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(past.id, past.body, past.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(past.id, past.body, past.input)) > 0)
  order by past.requested_at desc, past.id desc limit p_limit)
  ) as page
  order by page.moment desc, page.id desc limit p_limit
$$;

-- Runs that are held by a worker, and no others: few among all that are live. Index: the primary key of runs.
create function duckdive.list_running(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off
as $$
  select live.id, case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end as moment
  from duckdive.held as held join duckdive.runs as live on live.id = held.id
  where true
    and (p_ids is null or live.id = any(p_ids))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
    and (
      case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end, live.id
    ) < (p_moment, p_before)
  order by moment desc, live.id desc limit p_limit
$$;

-- Runs that wait, and are held by nobody. Index: runs_waiting.
create function duckdive.list_waiting(
  p_ids uuid[], p_jobs text[], p_states text[], p_queues text[], p_reasons text[], p_waiting text[],
  p_since bigint, p_until bigint, p_tags text[], p_meta jsonb, p_errors text[], p_text text,
  p_moment bigint, p_before uuid, p_ceiling uuid, p_limit integer
) returns table (id uuid, moment bigint)
language sql stable
set jit = off set enable_seqscan = off
as $$
  select live.id, case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end as moment
  from duckdive.runs as live
  where live.state = 'waiting' and live.id not in (select held.id from duckdive.held as held)
    and (p_ids is null or live.id = any(p_ids))
    and p_reasons is null
    and (p_waiting is null or live.wait_reason = any(p_waiting))
    and (p_jobs is null or live.job = any(p_jobs))
    and (p_queues is null or live.queue = any(p_queues))
    and (p_since is null or live.requested_at >= p_since)
    and (p_until is null or live.requested_at < p_until)
    and (p_tags is null or exists (select from json_array_elements_text(live.tags) as tag where tag = any(p_tags)))
    and (p_meta is null or coalesce(live.meta::jsonb, '{}') @> p_meta)
    and (p_errors is null or duckdive.is_called(duckdive.error_of(live.id, live.body, live.error), p_errors))
    and (p_text is null or position(p_text in duckdive.input_of(live.id, live.body, live.input)) > 0)
    and (
      case when get_byte(uuid_send(live.id), 6) >> 4 = 7 then duckdive.time_in(live.id) else live.requested_at end, live.id
    ) < (p_moment, p_before)
  order by moment desc, live.id desc limit p_limit
$$;
