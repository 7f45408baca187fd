-- What must be known of a run before it is tried again. Index: the primary key.
select state, durable, batch from duckdive_run where seq = :seq
