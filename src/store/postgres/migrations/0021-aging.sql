-- Inputs that grow older: what stands in a run is of the version of its job that gave it. What people are not shown. And
-- which release of an application executed a run.

alter table duckdive.definition add column redact json; -- paths, as workers publish them

-- As before, and the run is of the version that its new input is of. Workers of an older version do not say which.
create or replace function duckdive.begin_anew(p_run uuid, p_durable smallint, p_restart json, p_at bigint) returns boolean
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
    input = case when not is_long then new_input::json end, version = coalesce((p_restart ->> 'version')::integer, version), body = (body & 6) | is_long::integer, attempt = 0, crashes = 0,
    durable = (durable & ~2) | 1
  where id = p_run;
  if p_durable & 2 = 0 then return false; end if;
  delete from duckdive.child where parent = p_run;
  insert into duckdive.stray (run, parent)
  select live.id, p_run from duckdive.runs as live where live.parent = p_run and live.durable & 8 = 0
  on conflict do nothing;
  return found;
end $$;

-- Runs keep the worker that ended them; its release is found here long after it has gone. Nothing is written for it at a claim
-- or at an end.
create table duckdive.worker_release (
  worker text primary key,
  release text not null,
  at bigint not null
);
create index worker_release_at on duckdive.worker_release (at);

-- Kept for 400 days from the worker's start: longer than runs are, unless somebody keeps them for years.
create function duckdive.keep_release() returns trigger
language plpgsql as $$
begin
  if new.release is null then return null; end if;
  insert into duckdive.worker_release (worker, release, at) values (new.id, new.release, new.started_at)
  on conflict (worker) do update set release = excluded.release, at = excluded.at;
  delete from duckdive.worker_release where at < new.started_at - 34560000000;
  return null;
end $$;
create trigger keep_release after insert or update of release on duckdive.worker
for each row execute function duckdive.keep_release();

create function duckdive.release_of(p_worker text) returns text
language sql stable as $$ select release from duckdive.worker_release where worker = p_worker $$;

drop function duckdive.stored(uuid[]);
create function duckdive.stored(p_ids uuid[])
returns table (
  id uuid, job text, version integer, queue text, priority smallint, state text, reason text, wait_reason text, wait_on text,
  cancel_asked text, route text, token bigint, attempt integer, crashes integer, worker text, requested_at bigint,
  run_at bigint, started_at bigint, finished_at bigint, start_by bigint, finish_by bigint, expires_at bigint, body smallint,
  input json, output json, error json, tags json, meta json, release text,
  parent uuid, batch uuid, after uuid[], ran text
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
    live.batch, nullif(needed.first, '{}'), duckdive.release_of(held.worker)
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
    case when past.durable & 32 <> 0 then nullif(duckdive.first_needs(past.id), '{}') end, duckdive.release_of(past.worker)
  from duckdive.history as past where past.id = any(p_ids) and past.finished_at >= earliest;
end $$;
