-- Tells other processes that schedules have changed.
update duckdive_meta set schedules = schedules + 1
