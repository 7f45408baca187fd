-- How the other gates of a run stand that is first in line at one: places taken, whether one is its own, and whether
-- somebody is in line there before it. Indexes: duckdive_run_parked and the primary keys.
select value,
  (select count(*) from duckdive_place as place where place.gate = value),
  exists (select 1 from duckdive_place as place where place.gate = value and place.run = own.seq),
  exists (
    select 1 from duckdive_run as before
    where before.parked_on = value and (
      before.priority > own.priority
      or (before.priority = own.priority and (before.run_at < own.run_at or (before.run_at = own.run_at and before.seq < own.seq)))
    )
  )
from duckdive_run as own, json_each(:gates)
where own.seq = :seq
