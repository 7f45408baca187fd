-- One schedule, for changing it. Index: the primary key.
select origin, job, times, digest, former, next_at, ticks, paused_at, retired_at from duckdive_schedule where name = :name
