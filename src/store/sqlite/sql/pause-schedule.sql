-- Pauses a schedule. Index: the primary key.
update duckdive_schedule set paused_at = :now where name = :name and paused_at is null
