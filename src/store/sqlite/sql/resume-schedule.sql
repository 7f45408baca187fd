-- Lets a schedule tick again. Index: the primary key.
update duckdive_schedule set paused_at = null, next_at = :next where name = :name and paused_at is not null
