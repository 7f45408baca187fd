-- Moving: how runs leave for another store, and how they come from one. What has to be true all the time is that a run
-- is in one place; whoever moves keeps what it was given until the other store has it.

-- Removes runs that still are what somebody has read. Answers which. First the lanes, then the rows, are held, so that
-- what is compared here is what is removed.
create function duckdive.release(p_ids uuid[], p_tokens bigint[], p_states text[]) returns uuid[]
language plpgsql volatile as $$
declare
  same uuid[];
begin
  perform duckdive.lock_lanes_of(p_ids);
  perform from duckdive.runs where id = any(p_ids) order by id for update;
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

-- Makes the partitions for runs that ended at these times and are kept so long.
create function duckdive.extend_history_to(p_finished bigint[], p_keeps bigint[]) returns integer
language plpgsql volatile as $$
declare
  made integer;
begin
  perform set_config('lock_timeout', '5s', true);
  perform pg_advisory_xact_lock('duckdive.history'::regclass::oid::integer, 0);
  select count(*) into made from (
    select distinct kind, ended.at / kind.width * kind.width as lower
    from unnest(p_finished, p_keeps) as ended (at, keep)
    join duckdive.keep_class as kind on kind.class = duckdive.class_of(ended.keep)
  ) as part
  where duckdive.make_partition(part.kind, part.lower);
  return made;
end $$;

-- Records runs as they stood in another store; one that is here already is left alone. Answers which were recorded. The
-- partitions for those that have ended are there. Ready ones stand in front, since they come with an age.
create function duckdive.adopt(p_items json, p_token bigint, p_now bigint) returns setof uuid
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
      logs json, entries json
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
        tags, meta, release
      ) values (
        item.id, duckdive.class_of(item.expires_at - item.finished_at), item.finished_at, item.expires_at, item.state,
        item.reason, item.token, item.job, item.version, item.queue, item.priority, item.attempt, item.crashes,
        item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by,
        item.finish_by, item.long_input::integer + 2 * item.long_output::integer + 4 * item.long_error::integer,
        case when not item.long_input then item.input::json end,
        case when not item.long_output then item.output::json end,
        case when not item.long_error then item.error::json end, item.tags, item.meta, item.release
      );
    end if;
    perform duckdive.adopt_belongings(item, at);
    return next item.id;
  end loop;
end $$;

-- One that has not ended, and is not running.
create function duckdive.adopt_live(item record, p_now bigint) returns void
language plpgsql volatile as $$
begin
  insert into duckdive.runs (
    id, lane, state, job, version, queue, priority, route, attempt, crashes, requested_at, run_at, started_at, start_within,
    finish_within, start_by, finish_by, wait_reason, wait_on, due, body, input, error, tags, meta, release
  ) values (
    item.id,
    case when item.state = 'ready' then duckdive.lane_for(item.queue, item.priority, coalesce(item.route, ''), true) end,
    item.state, item.job, item.version, item.queue, item.priority, coalesce(item.route, ''), item.attempt, item.crashes,
    item.requested_at, item.run_at, item.started_at, item.start_within, item.finish_within, item.start_by, item.finish_by,
    item.wait_reason, item.wait_on,
    duckdive.due_of(item.state, item.run_at, item.start_by, item.started_at, item.finish_by, p_now),
    item.long_input::integer + 4 * item.long_error::integer,
    case when not item.long_input then item.input::json end, case when not item.long_error then item.error::json end,
    item.tags, item.meta, item.release
  );
end $$;

-- What stands beside a run.
create function duckdive.adopt_belongings(item record, p_now bigint) returns void
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
  insert into duckdive.entry (run, name, kind, hash, state, position, value, error, due_at, attempts)
  select item.id, name, kind, hash, state, position, value, error, due_at, coalesce(attempts, 0)
  from json_to_recordset(item.entries) as entry (
    name text, kind text, hash text, state text, position integer, value text, error json, due_at bigint, attempts integer
  );
  if item.progress is not null then
    insert into duckdive.progress (run, at, done, total, note)
    select item.id, p_now, done, total, note
    from json_to_record(item.progress) as progress (done double precision, total double precision, note text);
  end if;
end $$;
