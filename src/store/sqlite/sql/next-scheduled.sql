-- When the next scheduled run is due. Index: duckdive_run_scheduled.
select min(run_at) from duckdive_run where state = 'scheduled'
