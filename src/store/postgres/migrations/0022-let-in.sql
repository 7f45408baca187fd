-- Who is let in at a rate and has not started stands in the way of the next: people are told who that is.

-- As before, and the holders of a rate are those whom it has let in and nobody executes yet.
create or replace function duckdive.standing(p_run uuid, p_now bigint) returns json
language plpgsql stable
set jit = off set plan_cache_mode = force_generic_plan
set enable_seqscan = off set enable_bitmapscan = off set enable_mergejoin = off
as $$
declare
  run duckdive.runs;
begin
  select * into run from duckdive.runs where id = p_run;
  return (
    with holder as materialized (
      select holder.key, live.id, live.job, live.state, claim.at, one.room
      from unnest(run.gate_keys, run.gate_limits) as one (key, room)
      join duckdive.holders_of(run.gate_keys) as holder on holder.key = one.key
      join duckdive.runs as live on live.id = holder.run
      left join duckdive.held as claim on claim.id = live.id and claim.seq = live.seq
    )
    select json_agg(json_build_object(
      'gate', run.gates -> (one.number::integer - 1),
      'isHolding', exists (select from holder where holder.key = one.key and holder.id = run.id),
      'isParked', coalesce(run.parked_on = one.key, false),
      'used', case when one.room > 0 then (select count(*) from holder where holder.key = one.key) else 0 end,
      'holders', (
        select coalesce(json_agg(json_build_object(
          'run', ten.id, 'job', ten.job, 'state', case when ten.at is null then ten.state else 'running' end, 'since', ten.at
        ) order by ten.at nulls last, ten.id), '[]')
        from (
          select * from holder where holder.key = one.key and (one.room > 0 or holder.at is null)
          order by holder.at nulls last, holder.id limit 10
        ) as ten
      ),
      'ahead', (
        select count(*) from (
          select from duckdive.runs as other
          where other.parked_on = one.key and (
            run.parked_on is distinct from one.key
            or (-other.priority, other.run_at, other.id) < (-run.priority, run.run_at, run.id)
          )
          limit 10000
        ) as line
      ),
      'opensAt', case when one.room < 0 then (
        select duckdive.opens_at(gate.own, rate.step, rate.burst)
        from duckdive.rate_of(run.gates -> (one.number::integer - 1)) as rate
        left join lateral (
          select newest as own from duckdive.gate as newest where newest.key = one.key order by newest.n desc limit 1
        ) as gate on true
      ) end
    ) order by one.number)
    from unnest(run.gate_keys, run.gate_limits) with ordinality as one (key, room, number)
  );
end $$;
