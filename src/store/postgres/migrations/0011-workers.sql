-- What workers say of themselves, what they are told, and what became of those that are gone.

alter table duckdive.worker
  add column runner integer,       -- the process on its machine that keeps it alive
  add column report json;          -- how it said it was at its last heartbeat

alter table duckdive.definition add column crashes integer; -- how many workers a run of it may take down

-- Workers that have left or died, in the order in which they did: kept apart, since whoever asks for workers means those
-- that are there.
create table duckdive.departed (
  number bigint generated always as identity primary key,
  id text not null,
  host text not null,
  pid integer not null,
  release text,
  started_at bigint not null,
  heartbeat_at bigint not null,
  ended_at bigint not null,
  how text not null check (how in ('stopped', 'lost')),
  cause text,
  culprits text[],                 -- for what is given back later: null, it is not known whose fault it was
  lost integer not null,           -- how many runs were given back …
  runs uuid[] not null             -- … and the first hundred of them
);

-- What workers were told and have not heard: one row for each of them.
create table duckdive.message (
  worker text not null,
  id text not null,                -- given by the sender: sent again it is the same
  number bigint generated always as identity,
  name text not null,
  payload text,
  at bigint not null,
  primary key (worker, id)
);

-- Gives the runs of dead workers back, before those that came after them, and takes the workers out. A run whose
-- settlement is being written is skipped and its claim stays: whoever comes next sees how that ended.
--
-- p_deaths name each worker once: worker, cause, culprits. Without culprits it is not known whose fault it was, and every
-- run that the worker held counts a crash. A claim whose worker is out already goes by the death that took it out.
create function duckdive.bury(p_deaths json, p_how text, p_now bigint)
returns table (run uuid, job text, attempt integer, worker text, state text, cause text, innocent boolean)
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  workers constant text[] := array(select death ->> 'worker' from json_array_elements(p_deaths) as death);
  present duckdive.worker[];
  given_workers text[] := '{}';
  given_runs uuid[] := '{}';
  claim duckdive.claims;
  death record;
  one record;
begin
  perform pg_advisory_xact_lock('duckdive.worker'::regclass::oid::integer, key)
  from (select distinct hashtext(dead) as key from unnest(workers) as dead order by key) as keys;
  -- In the order in which a message locks them.
  present := array(select dead from duckdive.worker as dead where dead.id = any(workers) order by dead.id for update);
  delete from duckdive.worker as dead where dead.id = any(workers);
  delete from duckdive.ability as dead where dead.worker = any(workers);
  delete from duckdive.message as unheard where unheard.worker = any(workers);
  for claim in
    select * from duckdive.claims as own where own.worker = any(workers) order by own.id for update skip locked
  loop
    select * into death from duckdive.death_of(claim.worker, p_deaths, present);
    for one in
      select live.* from duckdive.runs as live
      where live.id = any(claim.runs) and live.seq = any(claim.seqs) order by live.id for update skip locked
    loop
      run := one.id;
      job := one.job;
      attempt := one.attempt + 1;
      worker := claim.worker;
      cause := death.cause;
      innocent := coalesce(one.id::text <> all(death.culprits), false);
      state := duckdive.give_up(one.id, claim, cause, innocent, at);
      given_workers := given_workers || worker;
      given_runs := given_runs || run;
      return next;
    end loop;
    if not exists (
      select from duckdive.runs as live where live.id = any(claim.runs) and live.seq = any(claim.seqs)
    ) then
      delete from duckdive.claims as own where own.id = claim.id;
    end if;
  end loop;
  perform duckdive.depart(p_deaths, p_how, present, given_workers, given_runs, at);
end $$;

-- What is known of a worker's death: what is said now, or, when it is out already, what was said then.
create function duckdive.death_of(
  p_worker text, p_deaths json, p_present duckdive.worker[], out cause text, out culprits text[]
)
language plpgsql stable as $$
begin
  if not exists (select from unnest(p_present) as present where present.id = p_worker) then
    select past.cause, past.culprits into cause, culprits
    from duckdive.departed as past where past.id = p_worker order by past.number desc limit 1;
    if found then return; end if;
  end if;
  select said.cause, said.culprits into cause, culprits
  from json_to_recordset(p_deaths) as said (worker text, cause text, culprits text[]) where said.worker = p_worker;
end $$;

-- Gives one run back that a dead worker held, and writes down that its execution was lost. The run is locked. Answers the
-- state it is in by that.
create function duckdive.give_up(
  p_id uuid, p_claim duckdive.claims, p_cause text, p_innocent boolean, p_at bigint
) returns text
language plpgsql volatile as $$
declare
  run duckdive.runs;
  counted constant integer := case when p_innocent then 0 else 1 end;
begin
  select * into run from duckdive.runs where id = p_id;
  perform duckdive.append_event(
    run.id, 'lost',
    json_strip_nulls(json_build_object(
      'worker', p_claim.worker, 'cause', p_cause, 'innocent', case when p_innocent then true end
    )),
    run.attempt + 1, run.seq, p_claim.worker, p_at
  );
  if run.cancel_asked is null then
    perform duckdive.rest_run(
      run.id, 'ready', run.run_at, run.route, null, null, null, counted, counted, p_claim.at, true, p_at
    );
    return 'ready';
  end if;
  perform duckdive.append_event(
    run.id, 'cancelled', json_build_object('reason', run.cancel_asked), run.attempt + 1, run.seq, p_claim.worker, p_at
  );
  perform duckdive.end_run(
    run.id, 'cancelled', run.cancel_asked, null, null, null, counted, counted, p_claim.at, p_claim.worker, p_at
  );
  return 'cancelled';
end $$;

-- Remembers the workers that were present and are taken out, with what each still held; what is given back of one that was
-- out already is added to what is remembered of it. Forgets those older than seven days, and all beyond the last thousand.
create function duckdive.depart(
  p_deaths json, p_how text, p_present duckdive.worker[], p_workers text[], p_runs uuid[], p_at bigint
) returns void
language plpgsql volatile as $$
begin
  update duckdive.departed as past
  set how = 'lost', lost = past.lost + cardinality(given.runs), runs = (past.runs || given.runs)[1:100]
  from (
    select part.worker, array_agg(part.run order by part.run) as runs
    from unnest(p_workers, p_runs) as part (worker, run)
    where not exists (select from unnest(p_present) as present where present.id = part.worker)
    group by part.worker
  ) as given
  where past.number = (select max(number) from duckdive.departed as newest where newest.id = given.worker);
  insert into duckdive.departed (
    id, host, pid, release, started_at, heartbeat_at, ended_at, how, cause, culprits, lost, runs
  )
  select gone.id, gone.host, gone.pid, gone.release, gone.started_at, gone.heartbeat_at, p_at,
    case when cardinality(given.runs) > 0 then 'lost' else p_how end,
    case when cardinality(given.runs) > 0 or p_how = 'lost' then said.cause end, said.culprits,
    cardinality(given.runs), given.runs[1:100]
  from unnest(p_present) as gone
  join json_to_recordset(p_deaths) as said (worker text, cause text, culprits text[]) on said.worker = gone.id
  cross join lateral (
    select array(
      select part.run from unnest(p_workers, p_runs) as part (worker, run) where part.worker = gone.id order by part.run
    ) as runs
  ) as given
  order by gone.id;
  if cardinality(p_present) = 0 then return; end if;
  delete from duckdive.departed where number = any(array(
    select number from duckdive.departed
    where ended_at < p_at - 604800000
      or number <= (select number from duckdive.departed order by number desc limit 1 offset 1000)
    order by number for update skip locked
  ));
end $$;

-- As workers of an older version call it, until the last of them has stopped.
create or replace function duckdive.rescue(p_workers text[], p_now bigint)
returns table (run uuid, job text, attempt integer, worker text, state text)
language sql volatile as $$
  select run, job, attempt, worker, state from duckdive.bury(
    (select coalesce(json_agg(json_build_object('worker', dead)), '[]') from (
      select distinct dead from unnest(p_workers) as dead
    ) as deaths),
    'lost', p_now
  )
$$;

-- Tells workers something; one without a worker goes to all that are registered. Answers for each to how many. A worker
-- that is being taken out is waited for, so that nothing is left for one that is not there.
create function duckdive.tell(p_messages json, p_now bigint) returns integer[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.now_or(p_now);
  answers integer[] := '{}';
  listeners text[];
  item record;
begin
  for item in
    select asked.* from rows from (
      json_to_recordset(p_messages) as (id text, "to" text, name text, payload text)
    ) with ordinality as asked (id, listener, name, payload, number) order by asked.number
  loop
    listeners := array(
      select id from duckdive.worker where item.listener is null or id = item.listener order by id for key share
    );
    insert into duckdive.message (worker, id, name, payload, at)
    select listener, item.id, item.name, item.payload, at from unnest(listeners) as listener
    on conflict (worker, id) do nothing;
    answers := answers || cardinality(listeners);
  end loop;
  return answers;
end $$;

-- What a worker was told and has not heard, oldest first, as a list in JSON. Index: the primary key.
create function duckdive.messages_of(p_worker text) returns json
language sql stable as $$
  select coalesce(json_agg(json_build_object('id', id, 'name', name, 'payload', payload, 'at', at) order by number), '[]')
  from (select * from duckdive.message where worker = p_worker order by number limit 100) as unheard
$$;

-- Enters a worker and what it has, and wakes what waited for that. Answers the advisory lock by which it shows that its
-- connection lives.
create or replace function duckdive.register(p_worker json, p_now bigint) returns bigint
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  one record;
  waits text;
begin
  perform pg_advisory_xact_lock('duckdive.runs'::regclass::oid::integer, 0);
  select * into one from json_to_record(p_worker) as asked (
    id text, host text, pid integer, process_start text, release text, runner integer, queues json, abilities json
  );
  insert into duckdive.worker (id, host, pid, process_start, release, runner, queues, started_at, heartbeat_at)
  values (one.id, one.host, one.pid, one.process_start, one.release, one.runner, one.queues, at, at)
  on conflict (id) do update set
    host = excluded.host, pid = excluded.pid, process_start = excluded.process_start, release = excluded.release,
    runner = excluded.runner, queues = excluded.queues, started_at = excluded.started_at,
    heartbeat_at = excluded.heartbeat_at, beats = worker.beats + 1;
  delete from duckdive.ability where worker = one.id;
  insert into duckdive.ability (job, worker, version)
  select job, one.id, max(version) from json_to_recordset(one.abilities) as a (job text, version integer) group by job;
  for waits in
    select distinct wait_on from duckdive.runs where state = 'waiting' and wait_reason = 'worker'
  loop
    if exists (
      select from duckdive.ability
      where worker = one.id and job = regexp_replace(waits, '@[0-9]+$', '')
        and version >= substring(waits from '@([0-9]+)$')::integer
    ) then
      perform duckdive.unpark('worker', waits, at);
    end if;
  end loop;
  return hashtextextended('duckdive.worker ' || one.id, 0);
end $$;

-- Whether runs wait for their preparation, and whether a worker was asked for something: to end a run, or by a message.
-- Indexes: runs_waiting, runs_cancel, the primary key of message.
create or replace function duckdive.calls(out preparation boolean, out cancellation boolean)
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off
as $$
begin
  preparation := exists (select from duckdive.runs where state = 'waiting' and wait_reason = 'preparation');
  cancellation := exists (select from duckdive.runs where cancel_asked is not null)
    or exists (select from duckdive.message);
end $$;

-- How an execution of this worker was settled: the state in which the run ended by it, or 'rests'. Null: it was not. An
-- event that names a claim tells of one that a crash of the database undid; one without it, that the worker was lost.
create or replace function duckdive.outcome_of(p_run uuid, p_token bigint, p_worker text) returns text
language sql stable as $$
  select case
    when exists (
      select from duckdive.event
      where run = p_run and token = p_token and worker = p_worker and kind = 'lost' and detail ->> 'claim' is null
    ) then null
    else coalesce(
      (select state from duckdive.history where id = p_run and token = p_token and worker = p_worker),
      (
        select 'rests' from duckdive.event
        where run = p_run and token = p_token and worker = p_worker
          and kind in ('failed', 'snoozed', 'handedBack', 'parked', 'suspended')
          and detail ->> 'cause' is distinct from 'its claim was never answered' -- which is not its own word: give_back
        limit 1
      )
    )
  end
$$;
