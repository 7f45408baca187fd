-- The place of the oldest run there is. Index: the primary key.
select coalesce(min(seq), 0) from duckdive_run
