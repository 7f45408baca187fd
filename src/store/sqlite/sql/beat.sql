-- Shows that a worker lives. Index: the primary key.
update duckdive_worker set heartbeat_at = :now, beats = beats + 1 where id = :worker
