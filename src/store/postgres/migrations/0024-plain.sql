-- Most runs ask for nothing but to be done. What they need is a small statement, which is begun in half of the time that the one
-- takes which knows everything a run can ask for; and since nobody else can have their ids yet, it need not look for conflicts.

alter function duckdive.insert_runs(uuid[], text[], integer[], json, uuid[], boolean, bigint, text, text, uuid[])
  rename to insert_any;

-- As `insert_any`, by a short way for runs that are alike, are to start at once, and ask for nothing that concerns others. Whatever
-- a shape may say and a plain run does not have is named here.
create function duckdive.insert_runs(
  p_ids uuid[], p_inputs text[], p_numbers integer[], p_shapes json, p_known uuid[], p_is_long boolean, p_now bigint,
  p_notice text, p_nonce text, p_keys uuid[] default null
) returns setof uuid
language plpgsql volatile set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  shape record;
  own_lane integer;
  at bigint;
begin
  if p_nonce is not null and p_nonce <> (select nonce from duckdive.meta) then
    return query select null::uuid;
    return;
  end if;
  if cardinality(p_known) = 0 and p_keys is null and not p_is_long and json_array_length(p_shapes) = 1 then
    select one.*, coalesce((select reroute.queue from duckdive.reroute where reroute.job = one.job), one.queue) as home
    into shape
    from json_to_record(p_shapes -> 0) as one (
      job text, version integer, queue text, priority smallint, due_at bigint, due_after bigint, waiting text,
      start_within bigint, finish_within bigint, tags json, meta json, release text, gates json, fair text, "unique" json,
      parent json, flow smallint, batch uuid
    );
    if coalesce(shape.due_at, shape.due_after, shape.start_within, shape.finish_within, shape.flow) is null
      and coalesce(shape.waiting, shape.fair, shape.batch::text) is null
      and shape.gates is null and shape."unique" is null and shape.parent is null
    then
      own_lane := (
        select id from duckdive.lane where queue = shape.home and priority = shape.priority and route = '' and not front
          and not gated and not fair
      );
    end if;
  end if;
  if own_lane is null then
    return query select duckdive.insert_any(
      p_ids, p_inputs, p_numbers, p_shapes, p_known, p_is_long, p_now, p_notice, null, p_keys
    );
    return;
  end if;
  at := duckdive.moment(p_now);
  insert into duckdive.runs (
    id, lane, state, job, version, queue, priority, requested_at, run_at, input, tags, meta, release
  )
  select asked.id, own_lane, 'ready', shape.job, shape.version, shape.home, shape.priority, at, at, asked.input::json,
    shape.tags, shape.meta, shape.release
  from unnest(p_ids, p_inputs) as asked (id, input);
  if p_notice is not null then perform pg_notify('duckdive', p_notice); end if;
end $$;
