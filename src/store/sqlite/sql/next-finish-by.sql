-- When the next run that is not running fails unless it has ended. Index: duckdive_run_finish_by.
select min(finish_by) from duckdive_run where finish_by is not null and state in ('scheduled', 'ready', 'waiting')
