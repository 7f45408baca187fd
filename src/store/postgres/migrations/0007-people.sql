-- What people and other languages use: one row a run wherever it is, and a function that records runs without JavaScript.

-- Every run as one row, live or ended, with readable times.
create view duckdive.run as
select live.id, live.job, live.version, live.queue, live.priority,
  case when held.id is null then live.state else 'running' end as state, null::text as reason,
  live.wait_reason as waiting_for, live.wait_on as waiting_on,
  live.attempt + (held.id is not null)::integer as attempt, live.crashes, held.worker, live.cancel_asked,
  to_timestamp(live.requested_at / 1000.0) as requested_at, to_timestamp(live.run_at / 1000.0) as run_at,
  to_timestamp(coalesce(held.at, live.started_at) / 1000.0) as started_at, null::timestamptz as finished_at,
  case when live.body & 1 = 1 then body.input::json else live.input end as input,
  null::json as output,
  case when live.body & 4 = 4 then body.error::json else live.error end as error,
  live.tags, live.meta, live.release
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
  past.tags, past.meta, past.release
from duckdive.history as past
left join duckdive.body on body.run = past.id and past.body <> 0;

-- Runs by id with all their columns, for duckdive itself; people have `duckdive.run`. Both tables in one statement, or a
-- run that moves from the one to the other would be nowhere.
create function duckdive.stored(p_ids uuid[])
returns table (
  id uuid, job text, version integer, queue text, priority smallint, state text, reason text, wait_reason text, wait_on text,
  cancel_asked text, route text, token bigint, attempt integer, crashes integer, worker text, requested_at bigint,
  run_at bigint, started_at bigint, finished_at bigint, start_by bigint, finish_by bigint, expires_at bigint, body smallint,
  input json, output json, error json, tags json, meta json, release text
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
    live.wait_reason, live.wait_on, live.cancel_asked, live.route, live.seq,
    live.attempt + (held.run is not null)::integer, live.crashes, held.worker, live.requested_at, live.run_at,
    coalesce(held.at, live.started_at), null::bigint, live.start_by, live.finish_by,
    null::bigint, live.body, live.input, null::json, live.error, live.tags, live.meta, live.release
  from duckdive.runs as live left join held on held.run = live.id and held.seq = live.seq
  where live.id = any(p_ids)
  union all
  select past.id, past.job, past.version, past.queue, past.priority, past.state, past.reason, null, null, null, '',
    past.token, past.attempt, past.crashes, null, past.requested_at, past.run_at, past.started_at, past.finished_at,
    past.start_by, past.finish_by, past.expires_at, past.body, past.input, past.output, past.error, past.tags, past.meta,
    past.release
  from duckdive.history as past where past.id = any(p_ids) and past.finished_at >= earliest;
end $$;

-- A UUIDv7 of this moment.
create function duckdive.new_id() returns uuid
language sql volatile as $$
  select (
    lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(random, 14, 3) || substr(random, 17)
  )::uuid
  from (select replace(gen_random_uuid()::text, '-', '') as random) as made
$$;

-- Milliseconds of a duration as duckdive writes it ('30s', '5m', or a number), or as PostgreSQL does ('2 hours').
create function duckdive.milliseconds(p_duration text) returns bigint
language sql immutable as $$
  select case
    when p_duration ~ '^[0-9]+$' then p_duration::bigint
    when p_duration ~ '^[0-9]+(\.[0-9]+)?(ms|s|m|h|d|w)$' then round(
      substring(p_duration from '^[0-9.]+')::numeric * case substring(p_duration from '[a-z]+$')
        when 'ms' then 1 when 's' then 1000 when 'm' then 60000 when 'h' then 3600000
        when 'd' then 86400000 else 604800000 end
    )::bigint
    else round(extract(epoch from p_duration::interval) * 1000)::bigint end
$$;

-- Records a run of a job, in the transaction of whoever calls it, and answers its id: for triggers and other languages.
--
--   select duckdive.enqueue('welcome-email', '{"userId": 7}');
--   select duckdive.enqueue('report', '{}', '{"delay": "5m", "priority": 3, "tags": ["nightly"]}');
--
-- Options: id, delay or runAt, priority, tags, meta. Queue and priority are those that workers published of the job.
-- One with an input, which has to be checked, or of a job that no worker has published or that has limits of its own,
-- waits for its preparation by a worker that has the job. Another one is ready at once.
--
-- It runs with the rights of the schema's owner, so that a role can be let record runs and nothing else; who may call it
-- is granted, and to nobody at first.
create function duckdive.enqueue(job text, input jsonb default null, options jsonb default '{}') returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  published duckdive.definition;
  new_id uuid := coalesce((options ->> 'id')::uuid, duckdive.new_id());
  due bigint := case
    when options ? 'runAt' then floor(extract(epoch from (options ->> 'runAt')::timestamptz) * 1000)::bigint
    when options ? 'delay' then duckdive.now_or(null) + duckdive.milliseconds(options ->> 'delay') end;
begin
  perform duckdive.check_request(job, input, options);
  select * into published from duckdive.definition as one where one.job = enqueue.job;
  perform duckdive.insert_runs(
    array[new_id], array[input::text], array[1],
    json_build_array(json_build_object(
      'job', job, 'version', coalesce(published.version, 1),
      'queue', coalesce(published.queue, 'default'),
      'priority', coalesce((options ->> 'priority')::smallint, published.priority, 0),
      'due_at', due,
      'waiting', case when published.prepared is distinct from false or input is not null then 'preparation' end,
      'tags', options -> 'tags', 'meta', options -> 'meta'
    )),
    case when options ? 'id' then array[new_id] else '{}' end, coalesce(duckdive.is_long(input::text), false), null,
    'c d' || coalesce(due, duckdive.now_or(null)), null
  );
  return new_id;
end $$;

revoke execute on function duckdive.enqueue(text, jsonb, jsonb) from public;

-- Refuses a request that cannot be meant; without a definition there is nothing else to judge it by.
create function duckdive.check_request(job text, input jsonb, options jsonb) returns void
language plpgsql immutable as $$
declare
  unknown constant text := (
    select key from jsonb_object_keys(options) as key
    where key not in ('id', 'delay', 'runAt', 'priority', 'tags', 'meta') limit 1
  );
begin
  if coalesce(job, '') = '' then
    raise exception using errcode = '22023', message = 'enqueue was given no name of a job',
      hint = 'The first argument is the name that the job has in its definition.';
  elsif unknown is not null then
    raise exception using errcode = '22023', message = format('enqueue has no option "%s"', unknown),
      hint = 'The options are id, delay, runAt, priority, tags and meta; everything else belongs to the job.';
  elsif options ? 'runAt' and options ? 'delay' then
    raise exception using errcode = '22023', message = 'enqueue was given both delay and runAt',
      hint = 'Give one of them: delay counts from now, runAt is a time.';
  elsif (options ->> 'priority')::integer not between -10 and 10 then
    raise exception using errcode = '22023', message = format('enqueue was given the priority %s', options ->> 'priority'),
      hint = 'Priorities are whole numbers from -10 to 10; bigger is sooner.';
  elsif jsonb_path_exists(options, 'strict $.tags ? (@.type() != "array" || exists (@[*] ? (@.type() != "string")))', silent => true) then
    raise exception using errcode = '22023', message = 'enqueue was given tags that are no list of texts',
      hint = 'Use one such as {"tags": ["nightly"]}.';
  elsif jsonb_path_exists(options, 'strict $.meta ? (@.type() != "object" || exists (@.* ? (@.type() != "string")))', silent => true) then
    raise exception using errcode = '22023', message = 'enqueue was given meta that is no object of texts',
      hint = 'Use one such as {"meta": {"tenant": "acme"}}.';
  elsif octet_length(input::text) > 1048576 then
    raise exception using errcode = '22023',
      message = format('enqueue was given an input of %s bytes, and the limit is 1048576', octet_length(input::text)),
      hint = 'Store the data where data is stored and pass its id.';
  end if;
end $$;
