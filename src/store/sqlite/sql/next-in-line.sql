-- Who is first in line at a gate. Index: duckdive_run_parked.
select seq, gates, run_at from duckdive_run where parked_on = :gate order by priority desc, run_at, seq limit 1
