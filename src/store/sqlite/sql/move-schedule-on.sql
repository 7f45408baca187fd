-- Notes how many ticks were recorded, and when the next one is. Index: the primary key.
update duckdive_schedule set ticks = :ticks, next_at = :next where name = :name
