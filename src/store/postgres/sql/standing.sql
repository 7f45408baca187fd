-- How a run stands at each of its gates, as JSON.
select duckdive.standing(:run::uuid, :now::bigint)
