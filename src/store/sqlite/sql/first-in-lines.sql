-- Who is first in line at some gates, where somebody is, and how the gate stands. Indexes: duckdive_run_parked and the
-- primary keys.
select line.gate, run.seq, run.gates, run.run_at,
  (select count(*) from duckdive_place as place where place.gate = line.gate),
  coalesce(rate.arrival, 0), coalesce(rate.held_until, 0)
from (
  select value as gate, (
    select seq from duckdive_run where parked_on = value order by priority desc, run_at, seq limit 1
  ) as first
  from json_each(:gates)
) as line
join duckdive_run as run on run.seq = line.first
left join duckdive_rate as rate on rate.gate = line.gate
