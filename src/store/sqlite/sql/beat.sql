-- Shows that a worker lives, and how it is if it says so. Index: the primary key.
update duckdive_worker set heartbeat_at = :now, beats = beats + 1, report = coalesce(:report, report) where id = :worker
