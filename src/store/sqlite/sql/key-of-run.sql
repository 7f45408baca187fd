-- The unique key of a run, and when it was requested. Index: the primary key.
select unique_key, requested_at from duckdive_run where seq = :seq and unique_key is not null
