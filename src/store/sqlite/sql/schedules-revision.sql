-- Whether schedules have changed. Index: the primary key.
select schedules from duckdive_meta where id = 1
