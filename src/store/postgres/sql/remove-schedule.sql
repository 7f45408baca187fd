-- Removes a schedule.
select duckdive.remove_schedule(:name)
