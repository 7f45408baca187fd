-- When the next run fails unless it has started. Index: duckdive_run_start_by.
select min(start_by) from duckdive_run
where start_by is not null and started_at is null and state in ('scheduled', 'ready', 'waiting')
