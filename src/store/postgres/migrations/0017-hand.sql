-- What people change while everything runs: runs, the queue of a job, the slots of a queue; and what is counted for them.

-- The queue that runs of a job are recorded in, whatever their definition says.
create table duckdive.reroute (
  job text primary key,
  queue text not null
);

-- The slots that somebody has set for a queue in all workers.
create table duckdive.queue_slots (
  queue text primary key,
  slots integer not null check (slots >= 0)
);

-- Counts by the minute, as workers tell them. The minute comes first: so it is read and pruned.
create table duckdive.tally (
  minute bigint not null,
  queue text not null,
  job text not null,
  succeeded bigint not null default 0,
  failed bigint not null default 0,
  cancelled bigint not null default 0,
  retried bigint not null default 0,
  waited bigint not null default 0,
  ran bigint not null default 0,
  primary key (minute, queue, job)
);

alter table duckdive.definition add column events json; -- what it is enqueued for

-- The slots that were set, by queue.
create function duckdive.slots_by_queue() returns json
language sql stable as $$ select coalesce(json_object_agg(queue, slots), '{}') from duckdive.queue_slots $$;

-- The input of a run, and its error, wherever they stand.
create function duckdive.input_of(p_run uuid, p_body smallint, p_input json) returns text
language sql stable as $$
  select case when p_body & 1 = 1 then (select input from duckdive.body where run = p_run) else p_input::text end
$$;

create function duckdive.error_of(p_run uuid, p_body smallint, p_error json) returns json
language sql stable as $$
  select case when p_body & 4 = 4 then (select error::json from duckdive.body where run = p_run) else p_error end
$$;

-- Whether an error has one of these names or codes.
create function duckdive.is_called(p_error json, p_names text[]) returns boolean
language sql immutable as $$
  select coalesce(p_error ->> 'name' = any(p_names), false) or coalesce(p_error ->> 'code' = any(p_names), false)
$$;

-- Gives runs that are not running another queue, priority or start. Answers for each whether it did.
--
-- They keep the age they had, so those that are ready stand in front of what is younger. Under the lanes' locks, as
-- everything that changes a ready run. p_change: queue, priority, due_at or due_after.
create function duckdive.change(p_ids uuid[], p_change json, p_now bigint) returns boolean[]
language plpgsql volatile as $$
declare
  at constant bigint := duckdive.moment(p_now);
  lanes integer[];
  running uuid[];
  changed uuid[] := '{}';
  run duckdive.runs;
  one record;
begin
  select queue, priority, coalesce(due_at, at + due_after) as run_at into one
  from json_to_record(p_change) as asked (queue text, priority smallint, due_at bigint, due_after bigint);
  lanes := duckdive.lock_lanes_of(p_ids);
  -- The rows before who has them: a settlement under way is waited for, and what it made of its run counts.
  perform duckdive.lock_rows(p_ids);
  if exists (select from duckdive.runs where id = any(p_ids) and lane is not null and lane <> all(lanes)) then
    raise exception 'a run came into another lane before it was locked' using errcode = '40001';
  end if;
  running := array(select id from duckdive.held where id = any(p_ids));
  for run in
    select * from duckdive.runs as live
    where live.id = any(p_ids) and live.id <> all(running) order by live.run_at, live.xid, live.seq
  loop
    perform duckdive.append_event(
      run.id, 'changed',
      json_strip_nulls(json_build_object('queue', one.queue, 'priority', one.priority, 'runAt', one.run_at)),
      run.attempt, run.seq, null, at
    );
    perform duckdive.move_run(run, coalesce(one.queue, run.queue), coalesce(one.priority, run.priority), coalesce(one.run_at, run.run_at), at);
    changed := changed || run.id;
  end loop;
  perform duckdive.pass_dead(lane) from unnest(lanes) as lane;
  return array(select id = any(changed) from unnest(p_ids) with ordinality as i (id, number) order by number);
end $$;

-- Gives a run that rests another place. The lock of its lane is held, so no claim has it and none can be under way: it
-- keeps its seq. What waits for something else than time goes on waiting; but one in line at a gate, where its place
-- follows from what is changed, is put there again by its next claim.
create function duckdive.move_run(
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
      else duckdive.due_of(new_state, p_run_at, start_by, started_at, finish_by, p_at) end
  where id = p_run.id;
end $$;

-- From now on runs of a job are recorded in that queue; null: no more so. Whoever records them makes no lane, so those
-- that may be needed are made here: of each kind that there is.
create function duckdive.set_reroute(p_job text, p_queue text) returns void
language plpgsql volatile as $$
begin
  if p_queue is null then
    delete from duckdive.reroute where job = p_job;
    return;
  end if;
  insert into duckdive.reroute (job, queue) values (p_job, p_queue)
  on conflict (job) do update set queue = excluded.queue;
  perform duckdive.lane_for(p_queue, kind.priority, '', false, kind.gated, kind.fair)
  from (select distinct priority, gated, fair from duckdive.lane order by priority, gated, fair) as kind;
end $$;

-- Every worker that draws from a queue does so with so many slots; null: with its own.
create function duckdive.set_slots(p_queue text, p_slots integer) returns void
language plpgsql volatile as $$
begin
  if p_slots is null then
    delete from duckdive.queue_slots where queue = p_queue;
  else
    insert into duckdive.queue_slots (queue, slots) values (p_queue, p_slots)
    on conflict (queue) do update set slots = excluded.slots;
  end if;
end $$;

-- Removes counts that are older than 30 days. Index: the primary key.
create function duckdive.prune_tallies(p_now bigint) returns void
language sql volatile as $$ delete from duckdive.tally where minute < duckdive.now_or(p_now) - 2592000000 $$;
