-- Tells other processes that schedules have changed. Index: the primary key.
update duckdive_meta set schedules = schedules + 1 where id = 1
