-- Who has a place at a gate: the ten oldest. Index: the primary key of the places.
select run.id, run.job, run.state, run.started_at
from duckdive_place as place join duckdive_run as run on run.seq = place.run
where place.gate = :gate
order by place.run limit 10
