-- What a batch is to the one that it is counted in. Index: the primary key.
update duckdive_batch set counted = :counted where id = :id
