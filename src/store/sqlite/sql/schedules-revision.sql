-- Whether schedules have changed.
select schedules from duckdive_meta
