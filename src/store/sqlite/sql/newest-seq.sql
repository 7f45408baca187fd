-- The place of the newest run. Index: the primary key.
select coalesce(max(seq), 0) from duckdive_run
