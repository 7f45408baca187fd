-- How some gates stand: how many places are taken, whether somebody is in line, and when the next start of a rate is
-- due. Indexes: the primary keys, and duckdive_run_parked.
select gate.value,
  (select count(*) from duckdive_place as place where place.gate = gate.value),
  exists (select 1 from duckdive_run where parked_on = gate.value),
  coalesce(rate.arrival, 0), coalesce(rate.held_until, 0)
from json_each(:gates) as gate left join duckdive_rate as rate on rate.gate = gate.value
